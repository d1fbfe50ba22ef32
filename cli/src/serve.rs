//! `headwater serve`: a long-running node, which owns a directory and lets other processes use it.
//!
//! It says when it is ready, passes on what its engine logs, and ends in good order with SIGTERM or Ctrl-C.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;

use clap::Args;
use headwater::{Engine, EngineOptions, LocalServer, NodeUse};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::failure::{Done, Failure, report_warning};
use crate::place::Place;

/// Log lines that are taken at once.
const LOG_LINES: usize = 100;

#[derive(Args)]
#[command(after_help = "Example:
  headwater serve --dir data

While it runs, every verb with this --dir, and every program that opens the directory, works through it: several \
processes share one directory. It prints a line once it can be reached, and ends with SIGTERM or Ctrl-C when what was \
asked is answered.")]
pub(crate) struct Serve {}

#[derive(Serialize)]
struct ServingLine<'a> {
    serving: &'a Path,
    socket: &'a Path,
}

impl Serve {
    pub(crate) fn run(place: &Place) -> Done {
        if place.hub.is_some() {
            return Err(Failure::usage("serve needs a directory: give --dir instead of --hub"));
        }
        let dir = place.dir()?;
        let told = signals()?;
        let engine = Engine::open_with(&dir, EngineOptions { node: NodeUse::Never, ..EngineOptions::default() })?;
        let server = LocalServer::start(&engine)?;
        let logs = std::thread::spawn({
            let (engine, json) = (engine.clone(), place.json);
            move || pass_on(&engine, json)
        });
        let mut out = place.output();
        let socket = server.socket();
        out.either(&ServingLine { serving: &dir, socket }, || {
            format!("serving {} at {}", dir.display(), socket.display())
        })?;
        out.flush()?;
        wait(told)?;
        server.stop();
        let closed = engine.close();
        // It ends with the engine.
        let _ = logs.join();
        Ok(closed?)
    }
}

/// A pipe that tells of SIGTERM and Ctrl-C from now on.
fn signals() -> Done<UnixStream> {
    let listen = || {
        let (told, tell) = UnixStream::pair()?;
        pipe::register(SIGTERM, tell.try_clone()?)?;
        pipe::register(SIGINT, tell)?;
        Ok(told)
    };
    listen().map_err(|e| Failure::io("listen for signals", &e))
}

fn wait(mut told: UnixStream) -> Done {
    told.read_exact(&mut [0]).map_err(|e| Failure::io("wait for a signal", &e))
}

/// Shows warnings until the engine is closed.
fn pass_on(engine: &Engine, json: bool) {
    while let Ok(lines) = engine.next_logs(LOG_LINES).wait() {
        for line in lines.iter().filter(|line| matches!(line.level, "warn" | "error")) {
            report_warning(&line.message, json);
        }
    }
}
