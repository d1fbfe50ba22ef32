//! What the tests of nodes share: directories, edges as files say, and what is on each side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use headwater::{
    Append, Config, Engine, EngineOptions, Environment, HubOptions, LinkStatus, ReadOptions, Result, Stream,
};

/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A directory that goes with its handle.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new(what: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("headwater-node-{}-{number}-{what}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A node with a stream `orders` that is linked to `ORDERS`; `more` are further keys of the link.
pub(crate) fn config(dir: &Path, url: &str, more: &str) -> Config {
    config_with(dir, url, more, &|_| None)
}

/// The same, with variables.
pub(crate) fn config_with(dir: &Path, url: &str, more: &str, env: Environment<'_>) -> Config {
    let text = format!(
        "[[stream]]\nname = \"orders\"\nsubjects = [\"orders.>\"]\n\
         [hub]\nurl = \"{url}\"\nreconnect_delay_max = \"200ms\"\nrequest_timeout = \"2s\"\n\
         [[link]]\nname = \"l\"\nstream = \"orders\"\nhub_stream = \"ORDERS\"\n{more}"
    );
    let path = dir.join("headwater.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&path, env).unwrap()
}

/// A node that runs.
pub(crate) struct Edge {
    pub(crate) engine: Engine,
    pub(crate) orders: Stream,
    pub(crate) name: String,
    /// Payloads that were acknowledged.
    pub(crate) acked: Vec<String>,
}

impl Edge {
    pub(crate) fn open(name: &str, config: &Config) -> Self {
        Self::open_with(name, config, EngineOptions::default())
    }

    pub(crate) fn open_with(name: &str, config: &Config, options: EngineOptions) -> Self {
        let engine = Engine::open_config_with(config, options).unwrap();
        let orders = engine.stream("orders").wait().unwrap();
        Edge { engine, orders, name: name.to_owned(), acked: Vec::new() }
    }

    /// Appends so many more.
    pub(crate) fn put(&mut self, count: usize) {
        for _ in 0..count {
            let payload = format!("{}-{}", self.name, self.acked.len());
            self.orders.append(&Append::new(&format!("orders.{}", self.name), payload.as_bytes())).wait().unwrap();
            self.acked.push(payload);
        }
    }

    pub(crate) fn status(&self) -> LinkStatus {
        self.engine.links().unwrap().remove(0)
    }
}

/// The hub as everybody else sees it.
pub(crate) fn hub(url: &str) -> Engine {
    Engine::connect(HubOptions { name: "test".to_owned(), ..HubOptions::new(url) }).wait().unwrap()
}

/// Payloads in order, without position records.
pub(crate) fn payloads(stream: &Stream) -> Vec<String> {
    read_payloads(stream).unwrap()
}

/// The same, of a stream that may not be there to read.
pub(crate) fn read_payloads(stream: &Stream) -> Result<Vec<String>> {
    let (mut all, mut from) = (Vec::new(), 1);
    loop {
        let batch = stream.read(&ReadOptions::default().from_seq(from).max_records(1000)).wait()?;
        let Some(last) = batch.iter().last().map(|r| r.seq) else { return Ok(all) };
        let records = batch.iter().filter(|r| !r.subject.starts_with("$HW"));
        all.extend(records.map(|r| String::from_utf8(r.payload.to_vec()).unwrap()));
        from = last + 1;
    }
}

/// What each writer's numbers are among payloads `<writer>-<number>`. They have to rise: then each is there once, in
/// the order of its writer.
pub(crate) fn numbers(what: &str, there: &[String]) -> BTreeMap<String, Vec<u64>> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for payload in there {
        let (writer, number) = payload.split_once('-').unwrap();
        let (number, of) = (number.parse().unwrap(), all.entry(writer.to_owned()).or_default());
        let last = of.last().copied();
        assert!(last.is_none_or(|last| last < number), "{what}: {payload} comes after {last:?}");
        of.push(number);
    }
    all
}

/// Waits until it holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a stream has as many records as these writers were acknowledged, and checks that each is there once, in
/// the order of its writer.
pub(crate) fn holds_all(what: &str, stream: &Stream, acked: &[&[String]]) {
    let wanted: usize = acked.iter().map(|a| a.len()).sum();
    let began = Instant::now();
    let mut there = payloads(stream);
    while there.len() < wanted {
        assert!(began.elapsed() < PATIENCE, "{what} holds {} of {wanted} records", there.len());
        std::thread::sleep(Duration::from_millis(20));
        there = payloads(stream);
    }
    assert_eq!(numbers(what, &there), numbers(what, &acked.concat()), "{what}");
}
