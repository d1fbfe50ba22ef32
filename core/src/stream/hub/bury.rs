//! The dead-letter stream of a consumer on a hub: opened or made, written to, and counted.

use std::sync::Arc;

use super::fault::STREAM_NOT_FOUND;
use super::stream::{HubStream, Remote};
use super::{append, create};
use crate::error::{ErrorKind, Result};
use crate::record::RecordView;
use crate::stream::config::ConsumerConfig;
use crate::stream::dead_letter::{Letter, check_takes, prefix, stream_config, stream_name};

/// Opens the dead-letter stream, and makes it if it is not there.
async fn open(remote: &Arc<Remote>, config: &ConsumerConfig) -> Result<Arc<HubStream>> {
    let name = stream_name(&remote.name, config);
    match create::find(Arc::clone(&remote.hub), &name).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create::create(Arc::clone(&remote.hub), stream_config(&name)).await
        }
        other => other,
    }
}

/// Refuses a dead-letter stream that does not take what is to go there.
pub(super) async fn prepare(remote: &Arc<Remote>, config: &ConsumerConfig) -> Result<()> {
    let dead = open(remote, config).await?;
    check_takes(&dead.remote().known().config, &remote.name, config)
}

/// Moves a record: it is in the dead-letter stream when this returns.
pub(super) async fn bury(
    remote: &Arc<Remote>,
    config: &ConsumerConfig,
    record: RecordView<'_>,
    deliveries: u32,
) -> Result<()> {
    let dead = open(remote, config).await?;
    let dead = dead.remote();
    let pending = append::append(dead, &[Letter::new(&dead.name, &remote.name, config, record, deliveries).append()]);
    pending.await.map(|_| ())
}

/// How many records of a consumer are in its dead-letter stream.
pub(super) async fn count(remote: &Arc<Remote>, config: &ConsumerConfig) -> Result<u64> {
    let name = stream_name(&remote.name, config);
    let prefix = prefix(&name, &remote.name, config);
    let place = format!("stream '{name}'");
    let mut count = 0;
    for filter in [format!("{prefix}.>"), prefix] {
        let suffix = format!("STREAM.INFO.{name}");
        match remote.session().api(&place, &suffix, &json!({ "subjects_filter": filter })).await? {
            Ok(answer) => {
                let subjects = answer["state"]["subjects"].as_object();
                count += subjects.into_iter().flatten().map(|(_, n)| n.as_u64().unwrap_or(0)).sum::<u64>();
            }
            Err(error) if error.err_code == STREAM_NOT_FOUND => return Ok(0),
            Err(error) => return Err(error.into_error(&place)),
        }
    }
    Ok(count)
}
