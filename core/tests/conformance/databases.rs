//! Operations on replicated SQLite files, each at a node of its own: an engine in memory and a file.

use std::collections::HashMap;
use std::path::PathBuf;

use headwater::replica::{
    Answer, Connection, Database, DatabaseConfig, DatabaseStatus, LogConfig, RowChange, SnapshotConfig, SnapshotInfo,
    Value as Cell,
};
use headwater::{Engine, LinkConfig, Result, StreamConfig};
use serde_json::{Value, json};

use crate::args::Args;
use crate::dirs::Dir;
use crate::engine::World;
use crate::sources::Watch;
use crate::values::{from_base64, to_base64};

/// One name of a vector.
struct Node {
    engine: Engine,
    path: PathBuf,
    database: Option<Database>,
    connection: Option<Connection>,
}

/// What the steps on files have named.
pub(crate) struct Databases {
    dir: Dir,
    hub: Engine,
    nodes: HashMap<String, Node>,
}

impl Databases {
    pub(crate) fn new() -> Self {
        let dir = Dir::new();
        std::fs::create_dir_all(&dir.0).unwrap();
        Databases { dir, hub: Engine::memory().unwrap(), nodes: HashMap::new() }
    }

    fn attach(&mut self, args: &mut Args) -> Result<Value> {
        let name = args.text("as");
        let mut from = args.object("config");
        let path = self.dir.0.join(format!("{name}.db"));
        let node = self.nodes.entry(name).or_insert_with(|| {
            std::fs::write(&path, "").unwrap();
            Node { engine: Engine::memory().unwrap(), path, database: None, connection: None }
        });
        let store = if from.or("snapshots", false) { self.dir.0.join("snapshots") } else { PathBuf::new() };
        let config = DatabaseConfig {
            name: from.or("name", String::new()),
            node_id: from.or("node_id", String::new()),
            include: from.or("include", Vec::new()),
            exclude: from.or("exclude", Vec::new()),
            per_row: from.or("per_row", Vec::new()),
            publish: from.or("publish", true),
            replicate: from.or("replicate", true),
            scan_max_changes: from.or("scan_max_changes", 0),
            log: LogConfig { shards: from.or("log_shards", 0), ..LogConfig::default() },
            snapshot: SnapshotConfig { store: store.display().to_string(), ..SnapshotConfig::default() },
            ..DatabaseConfig::new(&node.path)
        };
        assert!(from.0.is_empty(), "unknown fields of a database: {:?}", from.0);
        let database = node.engine.attach(config).wait()?;
        let told = json!({"name": database.name(), "stream_names": database.stream_names()});
        node.database.get_or_insert(database);
        Ok(told)
    }

    fn link(&self, node: &Node) -> Result<Value> {
        let stream = node.database().stream_names().remove(0);
        let create = Box::new(StreamConfig::new("", [""; 0]));
        let link = LinkConfig { create: Some(create), ..LinkConfig::new("hub", stream.clone(), stream) };
        node.engine.add_link(link, &self.hub).wait().map(|()| Value::Null)
    }

    pub(crate) fn call(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if op == "database_attach" {
            return self.attach(args);
        }
        let name = args.text("database");
        if let "database_execute" | "database_in_transaction" = op {
            return self.nodes.get_mut(&name).unwrap().statement(op, args);
        }
        let node = &self.nodes[&name];
        let snapshot = |info: SnapshotInfo| json!({"node_id": info.node_id});
        match op {
            "database_find" => node.engine.database(&args.text("name")).wait().map(|found| json!(found.name())),
            "databases" => Ok(node.engine.databases().wait()?.into_iter().map(|it| it.name).collect::<Vec<_>>().into()),
            "database_link" => self.link(node),
            "database_unlink" => node.engine.remove_link("hub").map(|()| Value::Null),
            "database_sync" => node.database().sync().wait().map(|()| Value::Null),
            "database_pause" => node.database().pause().wait().map(|()| Value::Null),
            "database_resume" => node.database().resume().wait().map(|()| Value::Null),
            "database_detach" => node.database().detach().wait().map(|()| Value::Null),
            "database_release" => node.database().release().wait().map(Value::from),
            "database_status" => node.database().status().wait().map(|status| status_json(&status)),
            "database_check" => Ok(json!(node.database().check(args.or("repair", false)).wait()?)),
            "database_schema" => Ok(node
                .database()
                .schema()
                .wait()?
                .iter()
                .map(|it| json!({"table": it.table, "forms": it.forms.len()}))
                .collect()),
            "database_snapshot" => node.database().snapshot().wait().map(snapshot),
            "database_snapshots" => Ok(node.database().snapshots().wait()?.into_iter().map(snapshot).collect()),
            "database_restore" => node.database().restore(args.option::<String>("id").as_deref()).wait().map(snapshot),
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

impl Node {
    fn database(&self) -> &Database {
        self.database.as_ref().unwrap()
    }

    fn statement(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if self.connection.is_none() {
            self.connection = Some(self.database().connect()?);
        }
        let connection = self.connection.as_ref().unwrap();
        if op == "database_in_transaction" {
            return Ok(json!(connection.is_in_transaction()));
        }
        let values: Vec<Value> = args.or("values", Vec::new());
        let values: Vec<Cell> = values.iter().map(cell).collect();
        connection.execute(&args.text("sql"), &values).map(answer_json)
    }
}

fn cell(from: &Value) -> Cell {
    let Some(object) = from.as_object() else { return Cell::Null };
    let (kind, value) = object.iter().next().unwrap();
    let text = || value.as_str().unwrap();
    match kind.as_str() {
        "int" => Cell::Integer(text().parse().unwrap()),
        "float" => Cell::Real(value.as_f64().unwrap()),
        "text" => Cell::Text(text().into()),
        "text_base64" => Cell::Text(from_base64(text())),
        "blob" => Cell::Blob(from_base64(text())),
        other => panic!("cell of '{other}'"),
    }
}

fn cell_json(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => json!({"int": number.to_string()}),
        Cell::Real(number) => json!({"float": number}),
        Cell::Text(bytes) => match String::from_utf8(bytes) {
            Ok(text) => json!({"text": text}),
            Err(error) => json!({"text_base64": to_base64(error.as_bytes())}),
        },
        Cell::Blob(bytes) => json!({"blob": to_base64(&bytes)}),
    }
}

fn answer_json(answer: Answer) -> Value {
    let rows: Vec<Vec<Value>> = answer.rows.into_iter().map(|row| row.into_iter().map(cell_json).collect()).collect();
    json!({"columns": answer.columns, "rows": rows, "changes": answer.changes,
           "last_insert_rowid": answer.last_insert_rowid})
}

/// Rows that were joined, as the vectors have them.
pub(crate) fn row_changes(changes: Vec<RowChange>) -> Vec<Value> {
    let shown = |it: RowChange| {
        let key: Vec<Value> = it.key.into_iter().map(cell_json).collect();
        json!({"table": it.table, "key": key, "kind": it.kind.name()})
    };
    changes.into_iter().map(shown).collect()
}

fn status_json(status: &DatabaseStatus) -> Value {
    json!({"name": status.name, "node_id": status.node_id, "state": status.state.name(), "tables": status.tables,
           "refused": status.refused, "pending": status.pending, "unsent": status.unsent,
           "conflicts": status.conflicts, "parked": status.parked, "held": status.held, "missing": status.missing})
}

impl World {
    pub(crate) fn database(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        let databases = self.databases.get_or_insert_with(Databases::new);
        if op == "database_watch" {
            let (database, name) = (args.text("database"), args.text("as"));
            let watcher = databases.nodes[&database].database().watch().wait()?;
            self.watchers.insert(name, Watch::Database(watcher));
            return Ok(Value::Null);
        }
        databases.call(op, args)
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        for node in self.nodes.values_mut() {
            node.connection = None;
            let closed = node.engine.close();
            assert!(closed.is_ok() || std::thread::panicking(), "{closed:?}");
        }
        let _ = self.hub.close();
    }
}
