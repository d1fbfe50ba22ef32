"""The operations of the conformance vectors on SQLite files: see tests/conformance/README.md."""

import base64
import shutil
import tempfile
from pathlib import Path
from typing import Any

import headwater as hw

Arguments = dict[str, Any]
STATUS = "name node_id state tables pending unsent conflicts parked held missing"


def cell_in(cell: Arguments | None) -> Any:
    if cell is None:
        return None
    ((kind, value),) = cell.items()
    match kind:
        case "int":
            return int(value)
        case "float":
            return float(value)
        case "text":
            return str(value)
        case "blob":
            return base64.b64decode(value, validate=True)
        case "text_base64":
            return base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
    raise TypeError(f"a cell of kind {kind}")


def cell_out(value: Any) -> Arguments | None:
    match value:
        case None:
            return None
        case int():
            return {"int": str(value)}
        case float():
            return {"float": value}
        case bytes():
            return {"blob": base64.b64encode(value).decode()}
    try:
        return {"text": value.encode().decode()}
    except UnicodeEncodeError:
        return {"text_base64": base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()}


class DatabaseSteps:
    """The SQLite files that a vector has named, each with an engine of its own, and the hub that they are linked to."""

    named: dict[str, Any]

    def __init__(self) -> None:
        self.place: Path | None = None
        self.engines: dict[str, hw.Engine] = {}
        self.databases_named: dict[str, hw.Database] = {}
        self.connections: dict[str, hw.dbapi.Connection] = {}
        self.hub: hw.Engine | None = None

    def end(self) -> None:
        """Closes and removes what the vector made."""
        for connection in self.connections.values():
            connection.close()
        for engine in self.engines.values():
            engine.close()
        if self.hub is not None:
            self.hub.close()
        if self.place is not None:
            shutil.rmtree(self.place)

    def database_attach(self, config: Arguments, **step: Any) -> Any:
        name = step.pop("as")
        assert not step, f"unknown arguments {step}"
        self.place = self.place or Path(tempfile.mkdtemp(prefix="headwater-"))
        path = self.place / f"{name}.db"
        if name not in self.engines:
            self.engines[name] = hw.memory()
            path.touch()
        config = dict(config)
        if config.pop("snapshots", False):
            config["snapshot_store"] = self.place / "snapshots"
        database = self.engines[name].attach(path, **config)
        self.databases_named[name] = database
        return {"name": database.name, "stream_names": database.stream_names}

    def database_find(self, database: str, name: str) -> Any:
        return self.engines[database].database(name).name

    def databases(self, database: str) -> Any:
        return [status.name for status in self.engines[database].databases()]

    def database_link(self, database: str) -> Any:
        self.hub = self.hub or hw.memory()
        (stream,) = self.databases_named[database].stream_names
        self.engines[database].add_link("hub", self.hub, stream=stream, remote=stream, create={})

    def database_unlink(self, database: str) -> Any:
        self.engines[database].remove_link("hub")

    def connection(self, database: str) -> hw.dbapi.Connection:
        if database not in self.connections:
            self.connections[database] = self.databases_named[database].connect(autocommit=True)
        return self.connections[database]

    def database_execute(self, database: str, sql: str, values: list[Arguments | None] | None = None) -> Any:
        cursor = self.connection(database).execute(sql, [cell_in(cell) for cell in values or []])
        found = cursor.description is not None
        return {
            "columns": [column[0] for column in cursor.description or ()],
            "rows": [[cell_out(value) for value in row] for row in cursor] if found else [],
            "changes": max(0, cursor.rowcount),
            "last_insert_rowid": cursor.lastrowid,
        }

    def database_in_transaction(self, database: str) -> Any:
        return self.connection(database).in_transaction

    def database_sync(self, database: str) -> Any:
        self.databases_named[database].sync()

    def database_pause(self, database: str) -> Any:
        self.databases_named[database].pause()

    def database_resume(self, database: str) -> Any:
        self.databases_named[database].resume()

    def database_detach(self, database: str) -> Any:
        self.databases_named[database].detach()

    def database_release(self, database: str) -> Any:
        return self.databases_named[database].release()

    def database_watch(self, database: str, **step: Any) -> Any:
        name = step.pop("as")
        self.named[name] = self.databases_named[database].watch(**step)

    def database_status(self, database: str) -> Any:
        status = self.databases_named[database].status()
        values: Arguments = {name: getattr(status, name) for name in STATUS.split()}
        refused = [table._asdict() for table in status.refused]
        return values | {"tables": list(status.tables), "refused": refused}

    def database_check(self, database: str, repair: bool = False) -> Any:
        report = self.databases_named[database].check(repair=repair)
        nodes = [
            {name: getattr(node, name) for name in ("node_id", "compared", "differing")} | {"schema": list(node.schema)}
            for node in report.nodes
        ]
        return {"nodes": nodes, "dangling": report.dangling, "repaired": report.repaired}

    def database_schema(self, database: str) -> Any:
        schemas = self.databases_named[database].schema()
        return [{"table": schema.table, "forms": len(schema.forms)} for schema in schemas]

    def database_snapshot(self, database: str) -> Any:
        return {"node_id": self.databases_named[database].snapshot().node_id}

    def database_snapshots(self, database: str) -> Any:
        return [{"node_id": info.node_id} for info in self.databases_named[database].snapshots()]

    def database_restore(self, database: str, id: str | None = None) -> Any:
        return {"node_id": self.databases_named[database].restore(id).node_id}
