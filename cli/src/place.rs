//! Where a command works and how it speaks: `--dir`, `--hub` and `--json`, and the ways to open a directory or a hub.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use headwater::{Engine, EngineOptions, HubOptions};

use crate::failure::{Done, Failure, report_warning};
use crate::output::Output;

/// The environment variable that stands in for `--dir`.
const DIR_VARIABLE: &str = "HEADWATER_DIR";
/// How long a consumer on a hub is waited for when nobody says.
const HUB_PATIENCE: Duration = Duration::from_secs(1);
/// As many lines as an engine's log queue holds.
const LOG_LINES_MAX: usize = 1024;

/// The flags that every verb takes.
#[derive(Args)]
pub(crate) struct Place {
    /// The directory that holds the streams; HEADWATER_DIR when not given.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub(crate) dir: Option<PathBuf>,
    /// Instead of a directory: a NATS server with JetStream, such as nats://127.0.0.1:4222; a token or a user stands
    /// before the host.
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    pub(crate) hub: Option<String>,
    /// One JSON object on a line for each record, row or answer.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
}

impl Place {
    /// The directory to work in.
    pub(crate) fn dir(&self) -> Done<PathBuf> {
        self.dir
            .clone()
            .or_else(|| std::env::var_os(DIR_VARIABLE).filter(|d| !d.is_empty()).map(PathBuf::from))
            .ok_or_else(|| Failure::usage(format!("no directory: give --dir DIR, or set {DIR_VARIABLE}")))
    }

    /// The hub to work on, instead of a directory.
    fn hub_alone(&self) -> Done<Option<&str>> {
        match (&self.hub, &self.dir) {
            (Some(_), Some(_)) => Err(Failure::usage("--dir and --hub are given: this verb works in one place")),
            (hub, _) => Ok(hub.as_deref()),
        }
    }

    /// Standard output, in the form that was asked for.
    pub(crate) fn output(&self) -> Output {
        Output::new(self.json)
    }

    /// Opens the directory without a lock, beside whoever writes it. Its streams work for as long as it is kept.
    pub(crate) fn reader(&self) -> Done<Engine> {
        if let Some(url) = self.hub_alone()? {
            return Ok(connect(url)?);
        }
        Ok(Engine::open_with(self.dir()?, EngineOptions::read_only())?)
    }

    /// Opens the directory for writing, does `work`, and closes it, so that everything is on disk at the end.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&Engine) -> Done<T>) -> Done<T> {
        self.open_and_close(false, work)
    }

    /// As [`Place::change`], and makes the directory if it is not there.
    pub(crate) fn make<T>(&self, work: impl FnOnce(&Engine) -> Done<T>) -> Done<T> {
        self.open_and_close(true, work)
    }

    /// As [`Place::make`]; where no place is named, in a directory of this name in the working directory, which is
    /// removed at the end.
    pub(crate) fn make_apart<T>(&self, name: &str, work: impl FnOnce(&Engine) -> Done<T>) -> Done<T> {
        if self.hub.is_some() || self.dir().is_ok() {
            return self.make(work);
        }
        let apart = Place { dir: Some(PathBuf::from(name)), hub: None, json: self.json };
        let outcome = apart.make(work);
        let removed = std::fs::remove_dir_all(name).map_err(|e| Failure::io(format!("removing {name}"), &e));
        let done = outcome?;
        removed?;
        Ok(done)
    }

    fn open_and_close<T>(&self, create: bool, work: impl FnOnce(&Engine) -> Done<T>) -> Done<T> {
        let engine = match self.hub_alone()? {
            Some(url) => connect(url)?,
            None => Engine::open_with(self.dir()?, EngineOptions { create, ..EngineOptions::default() })?,
        };
        self.warn(&engine);
        let outcome = work(&engine);
        let closed = engine.close();
        self.warn(&engine);
        let value = outcome?;
        closed?;
        Ok(value)
    }

    /// How long it takes at least to know that nothing is there: a hub is asked, a directory is looked at.
    pub(crate) fn patience(&self) -> Duration {
        if self.hub.is_some() { HUB_PATIENCE } else { Duration::ZERO }
    }

    /// Passes on what the engine has to say, such as that it cut a torn tail or that a stream is damaged.
    pub(crate) fn warn(&self, engine: &Engine) {
        for line in engine.logs(LOG_LINES_MAX) {
            if matches!(line.level, "warn" | "error") {
                report_warning(&line.message, self.json);
            }
        }
    }
}

/// Connects to the hub at this address, and shows up there by name.
pub(crate) fn connect(url: &str) -> headwater::Result<Engine> {
    Engine::connect(HubOptions { name: "headwater command".to_owned(), ..HubOptions::new(url) }).wait()
}
