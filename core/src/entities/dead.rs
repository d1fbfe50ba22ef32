//! Dead letters of entities: messages that nobody waits for, and that broke their handler each time. They are kept in a
//! stream, from which a program may send them again.

use std::sync::Arc;

use serde::Serialize;

use crate::record::Append;
use crate::stream::config::StreamConfig;

use super::dispatch::Dead;
use super::runtime::Inner;
use super::turn::What;

/// What their stream is called, and with a cluster what its name begins with.
const STREAM: &str = "ENTITIESDEAD";

/// A dead letter, as JSON.
#[derive(Serialize)]
struct Letter<'a> {
    kind: &'a str,
    key: &'a str,
    /// The name of the message.
    name: &'a str,
    tries: u32,
    error: String,
    #[serde(serialize_with = "base64")]
    payload: &'a [u8],
}

fn base64<S: serde::Serializer>(bytes: &&[u8], to: S) -> Result<S::Ok, S::Error> {
    use base64::Engine as _;
    to.serialize_str(&base64::engine::general_purpose::STANDARD.encode(bytes))
}

impl Inner {
    /// Keeps a message that was given up. One of a timer is logged, as its time is over.
    pub(super) fn bury(self: &Arc<Self>, dead: &Dead) {
        let (id, tries, error) = (dead.name.id(), dead.letter.attempt, &dead.error);
        let (name, payload) = match &dead.letter.what {
            What::Message { name, payload, .. } => (name, Some(payload)),
            What::Timer { name } => (name, None),
            What::Start | What::Stop => return,
        };
        let said = name.escape_debug();
        self.engine.log("error", format!("message '{said}' to {id} was given up after {tries} tries: {error}"));
        let Some(payload) = payload else { return };
        let letter = Letter { kind: id.kind, key: id.key, name, tries, error: error.to_string(), payload };
        let letter = serde_json::to_vec(&letter).unwrap_or_default();
        let (stream, subject) = match self.cluster_name() {
            "" => (STREAM.to_owned(), format!("${STREAM}")),
            cluster => (format!("{STREAM}_{cluster}"), format!("${STREAM}.{cluster}")),
        };
        let engine = self.engine.clone();
        self.unawaited(async move {
            let made = engine.create_stream(StreamConfig::new(stream, [subject.clone()])).await;
            made?.append(&Append::new(&subject, &letter)).await.map(|_| ())
        });
    }
}
