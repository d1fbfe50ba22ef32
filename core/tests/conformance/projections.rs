//! Operations on projections of event stores.

use std::time::Duration;

use headwater::Result;
use headwater::events::{EventFilter, EventStore, Failing, Projection, ProjectionConfig, ProjectionStatus};
use serde_json::{Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::events::{filters, list};
use crate::values::put_bytes;

impl World {
    /// An operation on a projection that is open, or on what a store keeps of projections.
    pub(crate) fn projections(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if let Some(name) = args.option::<String>("projection") {
            return on_open(&self.projections[&name], op, args);
        }
        let (store, name) = (args.text("store"), args.option::<String>("name").unwrap_or_default());
        let store = match self.engine.event_store(&store).wait() {
            Ok(store) => store,
            Err(error) => {
                args.0.clear();
                return Err(error);
            }
        };
        match op {
            "projection" => {
                let to = args.text("as");
                let opened = store.projection(config(name, args)).wait()?;
                let mut out = json!({"position": opened.position()});
                put_bytes(&mut out, "state", &opened.state());
                self.projections.insert(to, opened);
                Ok(out)
            }
            "projections" => Ok(store.projections().wait()?.iter().map(status).collect()),
            "delete_projection" => store.delete_projection(&name).wait().map(|()| Value::Null),
            "dead_letters" => {
                let letters = store.dead_letters(&name, args.or("after", 0), args.or("max", 1000)).wait()?;
                Ok(letters.iter().map(|letter| failing(&letter.failing)).collect())
            }
            "delete_dead_letter" => store.delete_dead_letter(&name, args.number("seq")).wait().map(|gone| json!(gone)),
            "event_at" => event_at(&store, args.number("seq")),
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

fn config(name: String, args: &mut Args) -> ProjectionConfig {
    let mut config = ProjectionConfig::new(name);
    let mut pause = |name: &str, default| args.option(name).map_or(default, Duration::from_millis);
    config.pause = pause("pause_ms", config.pause);
    config.pause_max = pause("pause_max_ms", config.pause_max);
    config.is_rebuild = args.or("is_rebuild", false);
    config.tries = args.or("tries", config.tries);
    config.filters = filters(args);
    config
}

fn on_open(projection: &Projection, op: &str, args: &mut Args) -> Result<Value> {
    match op {
        "projection_seek" => {
            projection.seek(args.number("seq"));
            Ok(Value::Null)
        }
        "projection_advance" => projection.advance(args.number("seq")).map(|()| Value::Null),
        "projection_commit" => projection.commit(args.number("seq"), &args.bytes("state")).wait().map(|()| Value::Null),
        "projection_flush" => projection.flush().wait().map(|()| Value::Null),
        "projection_fail" => {
            let failed = projection.fail(args.number("seq"), &args.text("why")).wait()?;
            let pause_ms = u64::try_from(failed.pause.as_millis()).unwrap();
            Ok(json!({"tries": failed.tries, "pause_ms": pause_ms, "is_dead": failed.is_dead}))
        }
        "projection_position" => Ok(json!(projection.position())),
        "projection_lag" => Ok(json!(projection.lag())),
        "projection_head" => projection.head().wait().map(|seq| json!(seq)),
        "projection_switch" => projection.switch().wait().map(|switched| json!(switched)),
        _ => panic!("there is no operation '{op}'"),
    }
}

fn event_at(store: &EventStore, seq: u64) -> Result<Value> {
    let found = list(&store.event_at(seq).wait()?)?;
    Ok(found.into_iter().next().unwrap_or(Value::Null))
}

fn failing(failing: &Failing) -> Value {
    json!({"seq": failing.seq, "tries": failing.tries, "error": failing.error})
}

fn status(status: &ProjectionStatus) -> Value {
    let filter = |filter: &EventFilter| json!({"aggregate": filter.aggregate, "key": filter.key});
    json!({
        "name": status.name, "is_rebuild": status.is_rebuild, "position": status.position, "lag": status.lag,
        "is_running": status.is_running, "failing": status.failing.as_ref().map(failing), "dead": status.dead,
        "filters": status.filters.iter().map(filter).collect::<Vec<_>>()
    })
}
