//! A read model that was built anew, in a file of its own beside the live one, takes that one's place: its tables are
//! copied over those of the live one in one transaction. Readers of the live file see the old ones or the new ones, on
//! the connections that they have.

use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;

use super::{Place, SqliteModel, Stop};
use crate::events::projection::{Projection, ProjectionConfig};
use crate::events::store::EventStore;

impl SqliteModel {
    /// Builds it anew from the first event, in a file of its own beside this one (its name and `-rebuild`), and then
    /// puts that in the place of this one's tables. Answers the projection, which is the live one from then on: drive
    /// this model with it. Whoever ran it before is refused. Messages that a rebuild wrote again are not sent again.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a model that is in memory; as [`Projection::catch_up`]; [`ErrorKind::Io`].
    pub fn rebuild(self: &Arc<Self>, store: &EventStore, config: ProjectionConfig) -> Pending<Projection> {
        let path = self.connection().path().map(str::to_owned).filter(|path| !path.is_empty());
        let Some(path) = path.filter(|_| config.name == self.name) else {
            let message = format!("projection '{}' is rebuilt beside a file, under its own name", self.name);
            return Pending::ready(Err(Error::invalid(message)));
        };
        let (model, store) = (Arc::clone(self), store.clone());
        Pending::of(async move {
            let path = format!("{path}-rebuild");
            remove(&path)?;
            let rebuilt = Arc::new(model.beside(&path)?);
            let projection = store.projection(ProjectionConfig { is_rebuild: true, ..config }).await?;
            loop {
                projection.catch_up(&rebuilt).await?;
                if model.switch(&path, projection.position())? && projection.switch().await? {
                    drop(rebuilt);
                    remove(&path)?;
                    return Ok(projection);
                }
            }
        })
    }

    /// A model of the same name in another file, which sends nothing.
    fn beside(&self, path: &str) -> Result<Self> {
        let connection = Connection::open(path).map_err(|error| self.fault(&error).context(path.to_owned()))?;
        let model = SqliteModel::over(self.name.clone(), connection, Arc::clone(&self.project))?;
        Ok(SqliteModel { is_rebuild: true, ..model })
    }

    /// Puts the tables of a rebuilt file in the place of those of the same names here. False, and nothing is done,
    /// where it is behind.
    fn switch(&self, path: &str, position: u64) -> Result<bool> {
        let connection = self.connection();
        connection.execute("ATTACH ?1 AS rebuilt", [path]).map_err(|error| self.fault(&error))?;
        let switched = Self::transact(&connection, || self.copy(&connection, position));
        let detached = connection.execute_batch("DETACH rebuilt").map_err(|error| self.fault(&error));
        let switched = switched.map_err(|stop: Stop| match stop {
            Stop::At(_, error) => Error::new(ErrorKind::Io, error),
            Stop::Whole(error) => error.context(format!("read model '{}'", self.name)),
        });
        switched.and_then(|switched| detached.map(|()| switched))
    }

    fn copy(&self, connection: &Connection, position: u64) -> std::result::Result<bool, Stop> {
        let before = self.place(connection)?;
        if before.position > position {
            return Ok(false);
        }
        for (kind, name, sql) in objects(connection)? {
            let name = name.replace('"', "\"\"");
            connection.execute_batch(&format!("DROP {kind} IF EXISTS main.\"{name}\""))?;
            connection.execute_batch(&sql)?;
            if kind == "table" {
                connection.execute_batch(&format!("INSERT INTO main.\"{name}\" SELECT * FROM rebuilt.\"{name}\""))?;
            }
        }
        connection.execute("DELETE FROM headwater_dead_letter WHERE name = ?1", [&self.name])?;
        let sql =
            "INSERT INTO headwater_dead_letter SELECT name, seq FROM rebuilt.headwater_dead_letter WHERE name = ?1";
        connection.execute(sql, [&self.name])?;
        let sql = "INSERT INTO headwater_outbox (seq, stream, subject, payload)
                   SELECT seq, stream, subject, payload FROM rebuilt.headwater_outbox WHERE seq > ?1 ORDER BY n";
        connection.execute(sql, params![before.position.cast_signed()])?;
        self.set_place(connection, Place { position, generation: before.generation + 1 })?;
        Ok(true)
    }
}

/// What a rebuilt file has beside the tables of ours: tables first, then what stands on them.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let sql = "SELECT type, name, sql FROM rebuilt.sqlite_schema
               WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                 AND name NOT LIKE 'headwater\\_%' ESCAPE '\\' AND name NOT LIKE '\\_headwater%' ESCAPE '\\'
               ORDER BY type <> 'table', rowid";
    let mut found = connection.prepare(sql)?;
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// Removes a file that was built anew, with what SQLite keeps beside it.
fn remove(path: &str) -> Result<()> {
    for path in [path.to_owned(), format!("{path}-journal"), format!("{path}-wal")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&path, &error)),
            _ => {}
        }
    }
    Ok(())
}
