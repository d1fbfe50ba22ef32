//! Programs that are killed: this test program, started again for one test of its own, which is ignored otherwise. And
//! where they meet.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test starts processes, and stops at a surprise")]

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use headwater::{Engine, EngineOptions, NodeUse};

use super::patience::PATIENCE;
#[cfg(feature = "hub")]
use super::patience::insist;

/// One that runs. It ends with its handle.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Program {
    /// Starts the test of this name, with these variables in its environment.
    pub(crate) fn start(test: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--ignored", "--nocapture"]).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (say, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let say = say.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Nobody may listen any more.
                    let _ = say.send(line);
                }
            });
        }
        Program { child, lines, heard: Vec::new() }
    }

    /// Waits until it has said a line with this in it.
    pub(crate) fn says(&mut self, what: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.heard.iter().any(|line| line.contains(what)) {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.heard.push(line),
                Err(error) => panic!("it did not say '{what}' ({error}), but {:#?}", self.heard),
            }
        }
    }

    /// Says a line to it.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Kills it: all that it said.
    pub(crate) fn kill(&mut self) -> Vec<String> {
        self.end();
        self.rest()
    }

    /// Waits until it has ended: all that it said.
    pub(crate) fn ended(mut self) -> Vec<String> {
        let said = self.rest();
        assert!(self.child.wait().unwrap().success(), "it failed: {said:#?}");
        said
    }

    fn rest(&mut self) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.heard.push(line);
        }
        assert!(Instant::now() < end, "it does not end: {:#?}", self.heard);
        std::mem::take(&mut self.heard)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reaches the others: on servers, or in a directory through the process that has it open.
pub(crate) fn reach(place: &str) -> Engine {
    #[cfg(feature = "hub")]
    if place.starts_with("nats:") {
        let urls: Vec<String> = place.split(',').map(str::to_owned).collect();
        let replicas = urls.len() as u32;
        return insist(|| {
            let options = headwater::HubOptions { urls: urls.clone(), replicas, ..headwater::HubOptions::default() };
            Engine::connect(options).wait()
        });
    }
    Engine::open_with(place, EngineOptions { node: NodeUse::Only, ..EngineOptions::default() }).unwrap()
}
