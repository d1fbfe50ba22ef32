//! Operations on event stores.

use headwater::events::{
    AggregateId, AsOf, Condition, EventFilter, EventView, Events, EventsConfig, Expected, FollowOptions, LoadOptions,
    NewEvent, NewSnapshot, Position, SaveOptions, Snapshot,
};
use headwater::{Error, Result};
use serde_json::{Map, Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::sources::Watch;
use crate::values::put_bytes;

/// What owns the strings that a [`NewEvent`] borrows.
struct Owned {
    event_type: String,
    data: Vec<u8>,
    schema: u32,
    metadata: Vec<(String, String)>,
    time: Option<i64>,
    data_subject: Option<String>,
}

impl World {
    pub(crate) fn events(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        match op {
            "create_event_store" => {
                let mut args = args.object("config");
                let (name, max_bytes) = (args.text("name"), args.or("max_bytes", 0));
                let config = EventsConfig { name, max_bytes, durability: args.durability() };
                assert!(args.0.is_empty(), "unknown fields of an event store: {:?}", args.0);
                return self.engine.create_event_store(config).wait().map(|_| Value::Null);
            }
            "event_stores" => return self.engine.event_stores().wait().map(|names| json!(names)),
            "delete_event_store" => {
                return self.engine.delete_event_store(&args.text("store")).wait().map(|()| Value::Null);
            }
            _ => {}
        }
        let store = args.text("store");
        let filter = EventFilter { aggregate: args.option("aggregate"), key: args.option("key") };
        let [aggregate, key] = [&filter.aggregate, &filter.key].map(|text| text.clone().unwrap_or_default());
        let id = AggregateId::new(&aggregate, &key);
        let store = match self.engine.event_store(&store).wait() {
            Ok(store) => store,
            Err(error) => {
                args.0.clear();
                return Err(error);
            }
        };
        match op {
            "events_save" => {
                let owned: Vec<Owned> = args.or("events", Vec::new()).into_iter().map(owned).collect();
                let events: Vec<NewEvent<'_>> = owned.iter().map(Owned::view).collect();
                let (expected, condition) = (expected(args), condition(args));
                let [command, correlation, causation] =
                    ["command", "correlation", "causation"].map(|name| args.or(name, String::new()));
                let options = SaveOptions {
                    condition,
                    command: &command,
                    correlation: &correlation,
                    causation: &causation,
                    ..SaveOptions::default()
                };
                let saved = store.save(id, expected, &events, &options).wait()?;
                let Position { version, seq } = saved.position;
                Ok(json!({"version": version, "seq": seq, "is_repeat": saved.is_repeat}))
            }
            "events_load" => {
                let as_of = match (args.option("as_of_version"), args.option("as_of_seq")) {
                    (Some(version), None) => AsOf::Version(version),
                    (None, Some(seq)) => AsOf::Seq(seq),
                    _ => AsOf::Now,
                };
                let behind = args.option("behind").map(place).unwrap_or_default();
                let options = LoadOptions { as_of, snapshot_schema: args.or("snapshot_schema", 0), behind };
                let loaded = store.load(id, &options).wait()?;
                let Position { version, seq } = loaded.position;
                let snapshot = loaded.snapshot.as_ref().map(snapshot);
                let events: Vec<Value> = loaded.events().map(|event| self::event(&event)).collect();
                Ok(json!({"version": version, "seq": seq, "snapshot": snapshot, "events": events}))
            }
            "events_find_command" => {
                let found = store.find_command(id, &args.text("command")).wait()?;
                Ok(found.map_or(Value::Null, |saved| {
                    let Position { version, seq } = saved.position;
                    json!({"version": version, "seq": seq, "is_repeat": saved.is_repeat})
                }))
            }
            "events_forget" => store.forget(&args.text("data_subject")).wait().map(|had_key| json!(had_key)),
            "events_archive" => {
                let archived = store.archive(id, args.or("up_to", 0)).wait()?;
                let (events, up_to) = (archived.events, archived.up_to);
                Ok(json!({"events": events, "up_to": up_to, "held_back_by": archived.held_back_by}))
            }
            "events_last_seq" => store.last_seq(id).wait().map(|seq| json!(seq)),
            "events_snapshot" => store.snapshot(id).wait().map(|found| json!(found.as_ref().map(snapshot))),
            "events_save_snapshot" => {
                let data = args.bytes("data");
                let names: Vec<String> = args.or("data_subjects", Vec::new());
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let new = NewSnapshot {
                    position: Position { version: args.number("version"), seq: args.number("seq") },
                    schema: args.or("schema", 1),
                    data: &data,
                    ttl: args.duration("ttl").unwrap_or_default(),
                    data_subjects: &names,
                };
                store.save_snapshot(id, &new).wait().map(|kept| json!(kept))
            }
            "events_list" => {
                let page = store.list(&filter, args.or("after", 0), args.or("max", 1000)).wait()?;
                let info = page.aggregates.iter().map(|info| {
                    let Position { version, seq } = info.position;
                    json!({"aggregate": info.aggregate, "key": info.key, "version": version, "seq": seq,
                           "event_type": info.event_type})
                });
                Ok(json!({"aggregates": info.collect::<Vec<_>>(), "next": page.next}))
            }
            "events_follow" => {
                let name = args.text("as");
                let options = FollowOptions { filters: filters(args), after: args.or("after", 0) };
                let feed = store.follow(&options).wait()?;
                self.watchers.insert(name, Watch::Events(feed));
                Ok(Value::Null)
            }
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

fn owned(fields: Map<String, Value>) -> Owned {
    let mut args = Args(fields);
    let owned = Owned {
        event_type: args.text("event_type"),
        data: args.bytes("data"),
        schema: args.or("schema", 1),
        metadata: args.or("metadata", Vec::new()),
        time: args.option("time"),
        data_subject: args.option("data_subject"),
    };
    assert!(args.0.is_empty(), "unknown fields of an event: {:?}", args.0);
    owned
}

impl Owned {
    fn view(&self) -> NewEvent<'_> {
        NewEvent {
            schema: self.schema,
            time: self.time,
            metadata: self.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            data_subject: self.data_subject.as_deref(),
            ..NewEvent::new(&self.event_type, &self.data)
        }
    }
}

fn filter(args: &mut Args) -> EventFilter {
    EventFilter { aggregate: args.option("aggregate"), key: args.option("key") }
}

/// The filters of a feed or a projection.
pub(crate) fn filters(args: &mut Args) -> Vec<EventFilter> {
    let filters: Vec<Map<String, Value>> = args.or("filters", Vec::new());
    filters.into_iter().map(|fields| filter(&mut Args(fields))).collect()
}

fn place(fields: Map<String, Value>) -> Position {
    let mut args = Args(fields);
    Position { version: args.number("version"), seq: args.number("seq") }
}

fn expected(args: &mut Args) -> Expected {
    match args.option::<Value>("expected") {
        None => Expected::Any,
        Some(Value::Number(version)) => Expected::Version(version.as_u64().unwrap()),
        Some(Value::Object(fields)) => Expected::At(place(fields)),
        Some(Value::String(name)) if name == "none" => Expected::None,
        Some(Value::String(name)) if name == "exists" => Expected::Exists,
        other => panic!("expected {other:?}"),
    }
}

fn condition(args: &mut Args) -> Option<Condition> {
    let mut args = Args(args.option("condition")?);
    Some(Condition { filter: filter(&mut args), last_seq: args.number("last_seq") })
}

fn snapshot(snapshot: &Snapshot) -> Value {
    let Position { version, seq } = snapshot.position;
    let mut out = json!({"version": version, "seq": seq, "schema": snapshot.schema,
                         "data_subjects": snapshot.data_subjects});
    put_bytes(&mut out, "data", &snapshot.data);
    out
}

fn event(event: &EventView<'_>) -> Value {
    let (aggregate, key) = event.id().unwrap();
    let metadata: Vec<_> = event.metadata().collect();
    let mut out = json!({
        "aggregate": aggregate, "key": key, "event_type": event.event_type, "version": event.version,
        "seq": event.seq(), "schema": event.schema, "time": event.time(), "command": event.command(),
        "correlation": event.correlation(), "causation": event.causation(), "metadata": metadata,
        "data_subject": event.data_subject, "is_erased": event.is_erased
    });
    put_bytes(&mut out, "data", event.data());
    out
}

/// The events of a list; what is wrong with one of them is what came.
pub(crate) fn list(events: &Events) -> Result<Vec<Value>, Error> {
    events.iter().map(|view| view.map(|view| event(&view))).collect()
}
