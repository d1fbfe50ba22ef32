//! Real servers for tests: a `nats-server` of a version from `.tools/nats`, on a free port of 127.0.0.1, with its
//! store in a directory of its own. It ends with its handle, by its process id.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::engine::HubEngine;
use super::options::HubOptions;
use crate::clock::{Clock, SECOND, SystemClock};
use crate::stream::config::StreamConfig;
use crate::stream::contract::EngineOps;
use crate::stream::hub_config::HubConfig;

/// The versions that everything is tried on: `cargo xtask tools` fetches them.
pub(super) const VERSIONS: [&str; 4] = ["2.10.26", "2.11.11", "2.12.8", "2.15.1"];

/// A server that runs.
pub(super) struct Server {
    child: Option<Child>,
    program: PathBuf,
    dir: PathBuf,
    arguments: Vec<String>,
    pub(super) port: u16,
}

impl Server {
    /// With JetStream.
    pub(super) fn start(version: &str) -> Self {
        Self::start_with(version, &["-js"])
    }

    /// With these arguments.
    pub(super) fn start_with(version: &str, arguments: &[&str]) -> Self {
        let mut server = Self::begin(version, arguments);
        server.wait();
        server
    }

    fn begin(version: &str, arguments: &[&str]) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let program = root.join(".tools/nats").join(version).join("nats-server");
        assert!(program.exists(), "{} is missing: run `cargo xtask tools`", program.display());
        let dir = std::env::temp_dir().join(format!("headwater-hub-{:016x}", SystemClock.random()));
        std::fs::create_dir_all(&dir).expect("a directory for the server");
        let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
        let mut server = Server { child: None, program, dir, arguments, port: 0 };
        server.launch("-1");
        server
    }

    fn launch(&mut self, port: &str) {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["-a", "127.0.0.1", "-p", port, "--ports_file_dir"]).arg(&self.dir);
        command.arg("-sd").arg(self.dir.join("store")).stdout(Stdio::null());
        command.stderr(std::fs::File::create(self.dir.join("log")).expect("a log"));
        let child = command.spawn().expect("start the server");
        self.child = Some(child);
    }

    /// Waits until it answers.
    fn wait(&mut self) {
        let id = self.child.as_ref().map_or(0, Child::id);
        let ports = self.dir.join(format!("nats-server_{id}.ports"));
        for _ in 0..1000 {
            let text = std::fs::read_to_string(&ports).unwrap_or_default();
            // The address begins with nats:// or tls://.
            let known: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(Ok(port)) = known["nats"][0].as_str().and_then(|a| a.rsplit(':').next()).map(str::parse)
                && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
            {
                self.port = port;
                return;
            }
            pause(10);
        }
        let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        panic!("the server did not come up: {log}");
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it and starts it again at the same port.
    pub(super) fn restart(&mut self) {
        self.stop();
        let port = self.port.to_string();
        self.launch(&port);
        self.wait();
    }

    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it, and keeps what it has for [`Self::put_back`].
    pub(super) fn keep(&mut self) {
        self.stop();
        copy(&self.dir.join("store"), &self.dir.join("kept"));
    }

    /// Stops it, and puts back what it had.
    pub(super) fn put_back(&mut self) {
        self.stop();
        std::fs::remove_dir_all(self.dir.join("store")).expect("remove what it has");
        copy(&self.dir.join("kept"), &self.dir.join("store"));
    }

    pub(super) fn options(&self) -> HubOptions {
        HubOptions::new(self.url())
    }

    pub(super) fn connect(&self) -> HubEngine {
        HubEngine::connect(self.options()).wait().expect("connect")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, to).expect("copy");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Three servers that are one cluster.
pub(super) struct Cluster(pub(super) Vec<Server>);

impl Cluster {
    /// One that keeps streams on all three. Servers that do not find each other are given up, and others started.
    pub(super) fn start(version: &str) -> Self {
        for _ in 0..3 {
            let cluster = Self::begin(version);
            if cluster.is_whole() {
                return cluster;
            }
            let log = |server: &Server| std::fs::read_to_string(server.dir.join("log")).unwrap_or_default();
            cluster.0.iter().for_each(|server| println!("a cluster did not come about: {}", log(server)));
        }
        panic!("no cluster comes about");
    }

    fn begin(version: &str) -> Self {
        let routes: Vec<String> = ports(3).iter().map(|p| format!("nats://127.0.0.1:{p}")).collect();
        let (all, cluster) = (routes.join(","), format!("c{:x}", SystemClock.random()));
        let servers = routes.iter().enumerate().map(|(i, listen)| {
            let name = format!("n{i}");
            let arguments = ["-js", "-n", &name, "--cluster_name", &cluster, "--cluster", listen, "--routes", &all];
            Server::begin(version, &arguments)
        });
        // A member answers when it has found the others, so all have to be there first.
        let mut servers: Vec<Server> = servers.collect();
        servers.iter_mut().for_each(Server::wait);
        Cluster(servers)
    }

    /// Whether a stream can be on all three, within half a minute.
    fn is_whole(&self) -> bool {
        let engine = self.connect();
        let hub = HubConfig { replicas: 3, ..HubConfig::default() };
        let config = StreamConfig { hub: Some(Box::new(hub)), ..StreamConfig::new("whole", ["whole"]) };
        let end = SystemClock.now() + 30 * SECOND;
        while SystemClock.now() < end {
            if engine.create_stream(config.clone()).wait().is_ok() {
                engine.delete_stream("whole").wait().expect("delete");
                return true;
            }
            pause(200);
        }
        false
    }

    pub(super) fn connect(&self) -> HubEngine {
        let options = HubOptions { urls: self.0.iter().map(Server::url).collect(), ..HubOptions::new(String::new()) };
        for _ in 0..300 {
            if let Ok(engine) = HubEngine::connect(options.clone()).wait() {
                return engine;
            }
            pause(100);
        }
        panic!("the cluster did not come up");
    }
}

/// Ports that are free now, and that the system gives to nobody who does not ask for them by number.
fn ports(count: usize) -> Vec<u16> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let port = 10_000 + (SystemClock.random() % 20_000) as u16;
        taken.extend(std::net::TcpListener::bind(("127.0.0.1", port)));
    }
    taken.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// Lets real time pass.
#[allow(clippy::disallowed_methods, reason = "tests wait for a real server")]
pub(super) fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Runs a test on every version.
pub(super) fn each_version(test: impl Fn(&str, &Server, &HubEngine)) {
    for version in VERSIONS {
        println!("nats-server {version}");
        let server = Server::start(version);
        let engine = server.connect();
        test(version, &server, &engine);
    }
}

/// Whether a version is at least that.
pub(super) fn since(version: &str, minor: u32) -> bool {
    version.split('.').nth(1).and_then(|m| m.parse::<u32>().ok()).is_some_and(|m| m >= minor)
}
