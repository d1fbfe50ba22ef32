//! An edge as a process of its own, to be killed at any instant: this program, started again for the one test below.
//!
//! It appends what its input says, and prints each number once it was acknowledged. Its clock may be years off.

use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use headwater::{Append, Clock, Engine, EngineOptions, HubOptions, LinkConfig, Nanos, SECOND, SystemClock};

use crate::world::{Dir, config, until};

const DIR: &str = "HEADWATER_EDGE_DIR";
const NAME: &str = "HEADWATER_EDGE_NAME";
const YEARS: &str = "HEADWATER_EDGE_YEARS";
/// The hubs that it is linked to, the one of its configuration first.
const HUBS: &str = "HEADWATER_EDGE_HUBS";

/// One that runs, or was killed.
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) dir: Dir,
    hubs: Vec<String>,
    years: i64,
    child: Option<Child>,
    heard: Arc<Heard>,
    asked: u64,
}

/// What it said, over all its lives.
#[derive(Default)]
struct Heard {
    acked: Mutex<Vec<u64>>,
    done: AtomicU64,
}

impl Process {
    pub(crate) fn start(name: &str, hubs: Vec<String>, years: i64) -> Self {
        let (name, dir) = (name.to_owned(), Dir::new(name));
        let mut process = Process { name, dir, hubs, years, child: None, heard: Arc::default(), asked: 0 };
        process.again();
        process
    }

    pub(crate) fn is_up(&self) -> bool {
        self.child.is_some()
    }

    /// Starts it again.
    pub(crate) fn again(&mut self) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process::the_process_of_an_edge", "--ignored", "--nocapture"]);
        command.env(DIR, self.dir.path()).env(NAME, &self.name).env(HUBS, self.hubs.join(" "));
        command.env(YEARS, self.years.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard = Arc::clone(&self.heard);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match line.split_once(' ') {
                    Some(("acked", number)) => heard.acked.lock().unwrap().push(number.parse().unwrap()),
                    Some(("done", number)) => heard.done.store(number.parse().unwrap(), Ordering::SeqCst),
                    _ => {}
                }
            }
        });
        self.child = Some(child);
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            assert!(child.try_wait().unwrap().is_none(), "edge {} ended by itself", self.name);
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Lets it append these, unless it is killed before.
    pub(crate) fn put(&mut self, numbers: Range<u64>) {
        self.tell(&format!("put {} {}", numbers.start, numbers.end));
    }

    /// Waits until it has done what it was told.
    pub(crate) fn settle(&mut self) {
        self.asked += 1;
        self.tell(&format!("done {}", self.asked));
        until("an edge has done its work", || self.heard.done.load(Ordering::SeqCst) == self.asked);
    }

    fn tell(&mut self, line: &str) {
        if let Some(child) = &mut self.child {
            writeln!(child.stdin.as_mut().unwrap(), "{line}").unwrap();
        }
    }

    pub(crate) fn acked(&self) -> Vec<u64> {
        self.heard.acked.lock().unwrap().clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The system's clock, so many years off.
pub(crate) struct Years(pub(crate) i64);

impl Clock for Years {
    fn now(&self) -> Nanos {
        SystemClock.now().saturating_add_signed(self.0 * 365 * 86_400 * SECOND as i64)
    }

    fn random(&self) -> u64 {
        SystemClock.random()
    }
}

#[test]
#[ignore = "not a test: what `Process` starts"]
fn the_process_of_an_edge() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let [name, hubs, years] = [NAME, HUBS, YEARS].map(|name| std::env::var(name).unwrap());
    let mut hubs = hubs.split(' ');
    let config = config(Path::new(&dir), hubs.next().unwrap(), "");
    let clock = Arc::new(Years(years.parse().unwrap()));
    let engine = Engine::open_config_with(&config, EngineOptions { clock, ..EngineOptions::default() }).unwrap();
    for hub in hubs {
        let options = HubOptions { retry_on_initial_connect: true, ..HubOptions::new(hub) };
        let hub = Engine::connect(HubOptions { urls: vec![hub.to_owned()], ..config.hub.clone().unwrap_or(options) });
        engine.add_link(LinkConfig::new("second", "orders", "ORDERS"), &hub.wait().unwrap()).wait().unwrap();
    }
    let orders = engine.stream("orders").wait().unwrap();
    let (subject, mut out) = (format!("orders.{name}"), std::io::stdout());
    // The harness has begun a line.
    writeln!(out).unwrap();
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        if words[0] == "done" {
            writeln!(out, "{line}").unwrap();
            continue;
        }
        for n in number(1)..number(2) {
            orders.append(&Append::new(&subject, format!("{name}-{n}").as_bytes())).wait().unwrap();
            writeln!(out, "acked {n}").unwrap();
        }
    }
}
