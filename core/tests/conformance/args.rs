//! The arguments of a step, taken one by one; and what the doors share of them.

use std::time::Duration;

use headwater::{Append, DeliverPolicy, Durability, Rollup};
use serde_json::{Map, Value};

use crate::values::from_base64;

/// The arguments of a step; each is removed as it is read, so what is left over is unknown.
pub(crate) struct Args(pub(crate) Map<String, Value>);

impl Args {
    pub(crate) fn option<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.0.remove(name).map(|v| serde_json::from_value(v).unwrap_or_else(|e| panic!("argument '{name}': {e}")))
    }

    pub(crate) fn or<T: serde::de::DeserializeOwned>(&mut self, name: &str, default: T) -> T {
        self.option(name).unwrap_or(default)
    }

    pub(crate) fn number(&mut self, name: &str) -> u64 {
        self.option(name).unwrap_or_else(|| panic!("argument '{name}' is missing"))
    }

    pub(crate) fn text(&mut self, name: &str) -> String {
        self.option(name).unwrap_or_else(|| panic!("argument '{name}' is missing"))
    }

    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        self.option(name).map(Duration::from_nanos)
    }

    pub(crate) fn object(&mut self, name: &str) -> Args {
        Args(self.option(name).unwrap_or_else(|| panic!("argument '{name}' is missing")))
    }

    /// The bytes of `payload` or `value`, in whichever form they are given.
    pub(crate) fn bytes(&mut self, name: &str) -> Vec<u8> {
        if let Some(text) = self.option::<String>(name) {
            return text.into_bytes();
        }
        if let Some(text) = self.option::<String>(&format!("{name}_base64")) {
            return from_base64(&text);
        }
        vec![b'x'; self.or(&format!("{name}_size"), 0)]
    }

    pub(crate) fn deliver_policy(&mut self) -> DeliverPolicy {
        let start_seq = self.option("start_seq");
        match (self.or("deliver_policy", "all".to_owned()).as_str(), start_seq) {
            ("all", None) => DeliverPolicy::All,
            ("last", None) => DeliverPolicy::Last,
            ("new", None) => DeliverPolicy::New,
            ("by_start_sequence", Some(seq)) => DeliverPolicy::ByStartSequence(seq),
            ("last_per_subject", None) => DeliverPolicy::LastPerSubject,
            other => panic!("deliver policy {other:?}"),
        }
    }

    pub(crate) fn durability(&mut self) -> Durability {
        self.option::<String>("durability").map_or_else(Durability::default, |d| Durability::parse(&d).unwrap())
    }
}

/// What owns the strings that an [`Append`] borrows.
pub(crate) struct OwnedAppend {
    subject: String,
    payload: Vec<u8>,
    headers: Vec<(String, String)>,
    event_time: Option<i64>,
    ttl: Option<Duration>,
    msg_id: Option<String>,
    expect_last_seq: Option<u64>,
    expect_subject_last_seq: Option<u64>,
    expect_filter: Option<String>,
    rollup: Rollup,
}

impl OwnedAppend {
    pub(crate) fn take(args: &mut Args) -> Self {
        OwnedAppend {
            subject: args.text("subject"),
            payload: args.bytes("payload"),
            headers: args.or("headers", Vec::new()),
            event_time: args.option("event_time"),
            ttl: args.duration("ttl"),
            msg_id: args.option("msg_id"),
            expect_last_seq: args.option("expect_last_seq"),
            expect_subject_last_seq: args.option("expect_subject_last_seq"),
            expect_filter: args.option("expect_filter"),
            rollup: match args.option::<String>("rollup").as_deref() {
                None => Rollup::None,
                Some("subject") => Rollup::Subject,
                Some("all") => Rollup::All,
                Some(other) => panic!("rollup '{other}'"),
            },
        }
    }

    pub(crate) fn borrow(&self) -> Append<'_> {
        Append {
            headers: self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            event_time: self.event_time,
            ttl: self.ttl,
            msg_id: self.msg_id.as_deref(),
            expect_last_seq: self.expect_last_seq,
            expect_subject_last_seq: self.expect_subject_last_seq,
            expect_filter: self.expect_filter.as_deref(),
            rollup: self.rollup,
            ..Append::new(&self.subject, &self.payload)
        }
    }
}

pub(crate) fn batch(args: &mut Args) -> Vec<OwnedAppend> {
    let list: Vec<Map<String, Value>> = args.or("records", Vec::new());
    let repeat: usize = args.or("repeat", 1);
    let once = || {
        list.iter().map(|record| {
            let mut args = Args(record.clone());
            let append = OwnedAppend::take(&mut args);
            assert!(args.0.is_empty(), "unknown fields of a record: {:?}", args.0);
            append
        })
    };
    (0..repeat).flat_map(|_| once()).collect()
}
