//! Subscriptions, watchers, projections and consumers as what items are taken from.

use std::time::{Duration, Instant};

use headwater::crdt::CrdtWatcher;
use headwater::events::EventFeed;
use headwater::points::PointWatcher;
use headwater::presence::{PresenceWatcher, WatchEvent};
use headwater::replica::ChangeWatcher;
use headwater::{ObjectWatcher, Pending, Result, Watcher};
use serde_json::{Value, json};

use crate::args::Args;
use crate::crdt::changed;
use crate::databases::row_changes;
use crate::engine::World;
use crate::events::list;
use crate::objects::objects;
use crate::values::{entries, points, record_list, records};

pub(crate) const TIMEOUT_MS: u64 = 5_000;

pub(crate) enum Watch {
    Bucket(Watcher),
    Objects(ObjectWatcher),
    Points(PointWatcher),
    Crdt(CrdtWatcher),
    Database(ChangeWatcher),
    Presence(PresenceWatcher),
    Events(EventFeed),
}

impl World {
    pub(crate) fn source(&self, op: &str, args: &mut Args) -> Result<Value> {
        let timeout = Duration::from_millis(args.or("timeout_ms", TIMEOUT_MS));
        let (count, max) = (args.option::<usize>("count"), args.or("max", 100));
        if let Some(name) = args.option::<String>("subscription") {
            let subscription = &self.subscriptions[&name];
            match op {
                "take" => take(count.unwrap(), timeout, |max| subscription.next(max), |b| record_list(&b)),
                "try_next" => subscription.try_next(max).map(|b| records(&b)),
                "missed" => Ok(json!(subscription.missed())),
                _ => {
                    subscription.close();
                    Ok(Value::Null)
                }
            }
        } else if let Some(name) = args.option::<String>("projection") {
            let projection = &self.projections[&name];
            let events = |events| list(&events).expect("a record that is no event is not among them");
            match op {
                "take" => take(count.unwrap(), timeout, |max| projection.next(max), events),
                "close" => projection.close().wait().map(|()| Value::Null),
                _ => panic!("a projection has no '{op}'"),
            }
        } else if let Some(name) = args.option::<String>("watcher") {
            match (&self.watchers[&name], op) {
                (Watch::Bucket(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), entries),
                (Watch::Bucket(w), "try_next") => w.try_next(max).map(|e| entries(e).into()),
                (Watch::Bucket(w), "missed") => Ok(json!(w.missed())),
                (Watch::Bucket(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Objects(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), objects),
                (Watch::Objects(w), "try_next") => w.try_next(max).map(|o| objects(o).into()),
                (Watch::Objects(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Points(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), points),
                (Watch::Points(w), "try_next") => w.try_next(max).map(|p| points(p).into()),
                (Watch::Points(w), "missed") => Ok(json!(w.missed())),
                (Watch::Points(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Crdt(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), changed),
                (Watch::Crdt(w), "try_next") => w.try_next(max).map(|c| changed(c).into()),
                (Watch::Crdt(w), "missed") => Ok(json!(w.missed())),
                (Watch::Presence(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), told),
                (Watch::Presence(w), "try_next") => w.try_next(max).map(|e| told(e).into()),
                (Watch::Presence(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Events(w), "take") => take_events(w, count.unwrap(), timeout),
                (Watch::Events(w), "try_next") => w.try_next(max).and_then(|e| list(&e)).map(Value::from),
                (Watch::Events(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Crdt(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
                (Watch::Database(w), "take") => take(count.unwrap(), timeout, |max| w.next(max), row_changes),
                (Watch::Database(w), "try_next") => w.try_next(max).map(|c| row_changes(c).into()),
                (Watch::Database(w), "missed") => Ok(json!(w.missed())),
                (Watch::Database(w), _) => {
                    w.close();
                    Ok(Value::Null)
                }
            }
        } else {
            let consumer = self.engine.stream(&args.text("stream")).wait()?.consumer(&args.text("consumer")).wait()?;
            match op {
                "take" => take(count.unwrap(), timeout, |max| consumer.next(max), |b| record_list(&b)),
                "try_next" => consumer.try_next(max).map(|b| records(&b)),
                _ => panic!("a consumer has no '{op}'"),
            }
        }
    }
}

fn told(events: Vec<WatchEvent>) -> Vec<Value> {
    events.iter().map(WatchEvent::to_json).collect()
}

/// As [`take`], of a feed, one at a time: what is wrong with a record fails the step in its place.
fn take_events(feed: &EventFeed, count: usize, timeout: Duration) -> Result<Value> {
    let deadline = Instant::now() + timeout;
    let mut all = Vec::new();
    while all.len() < count {
        let left = deadline.saturating_duration_since(Instant::now());
        all.extend(list(&feed.next(1).wait_timeout(left)?)?);
    }
    Ok(all.into())
}

/// Waits until `count` items came, taking no more than that.
fn take<T>(
    count: usize,
    timeout: Duration,
    next: impl Fn(usize) -> Pending<T>,
    items: impl Fn(T) -> Vec<Value>,
) -> Result<Value> {
    let deadline = Instant::now() + timeout;
    let mut all = Vec::new();
    while all.len() < count {
        let left = deadline.saturating_duration_since(Instant::now());
        all.extend(items(next(count - all.len()).wait_timeout(left)?));
    }
    Ok(all.into())
}
