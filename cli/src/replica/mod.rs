//! `headwater replica`: SQLite files that replicate. A node that runs in the directory works on them; without one, each
//! verb does its part and ends.

mod job;
mod show;
mod watch;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use headwater::Engine;
use headwater::replica::{Database, DatabaseConfig, DatabaseStatus};
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::units::show_number;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Makes a SQLite file replicate: from now on what any program writes to it is captured.
    #[command(after_help = "Examples:
  headwater replica attach app.db --dir data
  headwater replica attach app.db --exclude sessions --dir data

A node sends what was captured, and takes in what others send: headwater serve --dir data, with a [hub] in its \
headwater.toml.")]
    Attach(Attach),
    /// Shows how each attached file stands.
    #[command(after_help = "Example:\n  headwater replica status --dir data --json")]
    Status(One),
    /// Takes in what was written and puts it into the log, and joins what the log has of others.
    #[command(after_help = "Example:\n  headwater replica sync --dir data")]
    Sync(One),
    /// Leaves a file alone until it is resumed; what is written is captured and waits.
    #[command(after_help = "Example:\n  headwater replica pause app.db --dir data")]
    Pause(One),
    /// Goes on.
    #[command(after_help = "Example:\n  headwater replica resume app.db --dir data")]
    Resume(One),
    /// Lets in what is held, as the clock of the node that wrote it is too far ahead.
    #[command(after_help = "Example:\n  headwater replica release app.db --dir data")]
    Release(One),
    /// Shows who has which schema, table by table.
    #[command(after_help = "Example:\n  headwater replica schema --dir data")]
    Schema(One),
    /// Compares this node with all others, which work on.
    #[command(after_help = "Examples:
  headwater replica check --dir data
  headwater replica check --repair --dir data --json

Nodes answer where one runs in their directory. Exit code 1 says that some differ, or did not answer.")]
    Check(Check),
    /// Shows what is joined from now on, row by row, until it is ended.
    #[command(after_help = "Example:\n  headwater replica watch --dir data --json")]
    Watch(One),
    /// Makes a snapshot, where [replica.snapshot] store of the configuration says.
    #[command(after_help = "Example:\n  headwater replica snapshot --dir data")]
    Snapshot(One),
    /// Lists the snapshots that there are.
    #[command(after_help = "Example:\n  headwater replica snapshots --dir data")]
    Snapshots(One),
    /// Joins a snapshot with a file; what was written here is kept.
    #[command(after_help = "Example:\n  headwater replica restore --dir data")]
    Restore(Restore),
    /// Ends replication, and takes every trace of it out of the file.
    #[command(after_help = "Example:\n  headwater replica detach app.db --dir data")]
    Detach(One),
}

#[derive(Args)]
pub(crate) struct Attach {
    /// The SQLite file.
    file: PathBuf,
    /// What the nodes call it, the same at all of them; the file's name up to its first dot when not given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only this table; may be given again.
    #[arg(long, value_name = "TABLE")]
    include: Vec<String>,
    /// Not this table; may be given again.
    #[arg(long, value_name = "TABLE")]
    exclude: Vec<String>,
    /// Not this column: what is in it stays here, and a row made elsewhere has its default; * stands for any
    /// characters; may be given again.
    #[arg(long, value_name = "TABLE.COLUMN")]
    exclude_column: Vec<String>,
    /// Rows of this table are written whole: two writes of one row never merge; may be given again.
    #[arg(long, value_name = "TABLE")]
    per_row: Vec<String>,
}

#[derive(Args)]
pub(crate) struct One {
    /// The attached file, or its name; not needed where there is one.
    database: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    one: One,
    /// Has all nodes give the rows that differ, and join them.
    #[arg(long)]
    repair: bool,
}

#[derive(Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    one: One,
    /// The snapshot; the newest when not given.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    path: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<u64>,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Attach(attach) => attach.run(place),
            Verb::Status(one) => show::status(place, &one),
            Verb::Sync(one) => one.change(place, "is in step with its log", |database| Ok(database.sync().wait()?)),
            Verb::Pause(one) => one.change(place, "is paused", |database| Ok(database.pause().wait()?)),
            Verb::Resume(one) => one.change(place, "goes on", |database| Ok(database.resume().wait()?)),
            Verb::Detach(one) => one.change(place, "is detached", |database| Ok(database.detach().wait()?)),
            Verb::Schema(one) => one.open(place, |database| show::schema(place, &database.schema().wait()?)),
            Verb::Check(check) => {
                let repair = check.repair;
                check.one.open(place, |database| show::checked(place, &database.check(repair).wait()?))
            }
            Verb::Watch(one) => one.open(place, |database| watch::follow(place, database)),
            Verb::Snapshot(one) => one.open(place, |database| {
                show::snapshots(place, &[job::wait("snapshot", database, database.snapshot())?])
            }),
            Verb::Snapshots(one) => one.open(place, |database| show::snapshots(place, &database.snapshots().wait()?)),
            Verb::Restore(restore) => {
                let id = restore.id;
                restore.one.open(place, |database| {
                    show::snapshots(place, &[job::wait("restore", database, database.restore(id.as_deref()))?])
                })
            }
            Verb::Release(one) => one.release(place),
        }
    }
}

impl Attach {
    fn run(self, place: &Place) -> Done {
        let says_nothing = self.name.is_none()
            && [&self.include, &self.exclude, &self.per_row, &self.exclude_column].iter().all(|list| list.is_empty());
        let config = DatabaseConfig {
            name: self.name.unwrap_or_default(),
            include: self.include,
            exclude: self.exclude,
            per_row: self.per_row,
            exclude_columns: self.exclude_column,
            ..DatabaseConfig::new(self.file.canonicalize().unwrap_or(self.file))
        };
        place.make(|engine| {
            // A file that is attached stays as it is unless something else is said of it.
            let known = engine.databases().wait()?.into_iter().find(|known| says_nothing && known.path == config.path);
            let database = match known {
                Some(known) => engine.database(&known.name).wait()?,
                None => engine.attach(config).wait()?,
            };
            show::attached(place, &database.status().wait()?)
        })
    }
}

impl One {
    /// The statuses that are asked for: of one, or of all.
    fn statuses(&self, engine: &Engine) -> Done<Vec<DatabaseStatus>> {
        let all = engine.databases().wait()?;
        let Some(wanted) = &self.database else { return Ok(all) };
        let path = wanted.canonicalize().ok();
        let is_it = |status: &DatabaseStatus| {
            Some(status.name.as_str()) == wanted.to_str() || path.as_ref() == Some(&status.path)
        };
        let found: Vec<_> = all.into_iter().filter(is_it).collect();
        if found.is_empty() {
            return Err(Failure::not_found(format!("{} is not attached", wanted.display())));
        }
        Ok(found)
    }

    fn find(&self, engine: &Engine) -> Done<DatabaseStatus> {
        let mut found = self.statuses(engine)?;
        match (found.pop(), found.is_empty()) {
            (Some(status), true) => Ok(status),
            (None, _) => Err(Failure::not_found("no file is attached: headwater replica attach FILE")),
            (Some(_), false) => Err(Failure::usage("several files are attached: name one")),
        }
    }

    fn open(&self, place: &Place, work: impl FnOnce(&Database) -> Done) -> Done {
        place.change(|engine| {
            let status = self.find(engine)?;
            work(&engine.database(&status.name).wait()?)
        })
    }

    fn change(&self, place: &Place, what: &str, work: impl FnOnce(&Database) -> Done) -> Done {
        place.change(|engine| {
            let status = self.find(engine)?;
            work(&engine.database(&status.name).wait()?)?;
            answer(place, &status, what, None)
        })
    }

    fn release(&self, place: &Place) -> Done {
        place.change(|engine| {
            let status = self.find(engine)?;
            let released = engine.database(&status.name).wait()?.release().wait()?;
            answer(place, &status, &format!("let in {}", show_number(released, "unit")), Some(released))
        })
    }
}

fn answer(place: &Place, status: &DatabaseStatus, what: &str, released: Option<u64>) -> Done {
    let line = Line { name: &status.name, path: &status.path, released };
    let mut out = place.output();
    out.either(&line, || format!("{} {what}", status.name))?;
    out.flush()
}
