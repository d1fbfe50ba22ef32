//! A real `nats-server` on a free port of 127.0.0.1, which can be killed and started again. It ends with its handle.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Servers of this process so far: each has a directory of its own.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// One that runs, or was stopped.
pub(crate) struct Server {
    child: Option<Child>,
    program: PathBuf,
    arguments: Vec<String>,
    dir: PathBuf,
    pub(crate) port: u16,
}

impl Server {
    /// With JetStream, on a port that it takes itself.
    pub(crate) fn start(version: &str) -> Self {
        Self::start_with(version, &["-js"])
    }

    /// With these arguments.
    pub(crate) fn start_with(version: &str, arguments: &[&str]) -> Self {
        let mut server = Self::stopped_at(version, arguments, 0);
        server.again();
        server
    }

    /// One that is not there yet, at a port that is free now.
    pub(crate) fn later(version: &str) -> Self {
        Self::stopped_at(version, &["-js"], ports(1)[0])
    }

    /// Servers that are one cluster, with these arguments besides.
    pub(crate) fn cluster(version: &str, servers: usize, arguments: &[&str]) -> Vec<Self> {
        // Free at this moment; nobody else on this machine asks for ports of a cluster by number.
        let listeners: Vec<_> = (0..2 * servers).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = listeners.iter().map(|l| l.local_addr().unwrap().port()).collect();
        drop(listeners);
        let (ports, routes) = ports.split_at(servers);
        let urls: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let (all, cluster) = (urls.join(","), format!("c{}", routes[0]));
        let member = |n: usize| {
            let (name, listen) = (n.to_string(), &urls[n]);
            let first = ["-js", "-n", &name, "--cluster_name", &cluster, "--cluster", listen, "--routes", &all];
            Self::stopped_at(version, &[&first[..], arguments].concat(), ports[n])
        };
        let mut servers: Vec<Self> = (0..servers).map(member).collect();
        // A member answers when it has found the others, so all have to be there first.
        servers.iter_mut().for_each(Self::launch);
        servers.iter_mut().for_each(Self::answers);
        servers
    }

    /// One that is not there yet, at this port, or one that it takes itself when that is 0.
    pub(crate) fn stopped_at(version: &str, arguments: &[&str], port: u16) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let program = root.join(".tools/nats").join(version).join("nats-server");
        assert!(program.exists(), "{} is missing: run `cargo xtask tools`", program.display());
        let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("headwater-server-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Server { child: None, program, arguments, dir, port }
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn again(&mut self) {
        self.launch();
        self.answers();
    }

    /// Starts it.
    pub(crate) fn launch(&mut self) {
        let port = if self.port == 0 { "-1".to_owned() } else { self.port.to_string() };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["-a", "127.0.0.1", "-p", &port, "--ports_file_dir"]).arg(&self.dir);
        command.arg("-sd").arg(self.dir.join("store")).stdout(Stdio::null());
        command.stderr(std::fs::File::create(self.dir.join("log")).unwrap());
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until it answers.
    pub(crate) fn answers(&mut self) {
        let id = self.child.as_ref().map_or(0, Child::id);
        let ports = self.dir.join(format!("nats-server_{id}.ports"));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            let text = std::fs::read_to_string(&ports).unwrap_or_default();
            let digits = text.split("127.0.0.1:").nth(1).unwrap_or_default();
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            if let Ok(port) = digits.parse()
                && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
            {
                self.port = port;
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        panic!("the server did not come up: {log}");
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether it was started and not killed since.
    pub(crate) fn is_up(&self) -> bool {
        self.child.is_some()
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

/// Ports that are free now, and that the system gives to nobody who does not ask for them by number.
fn ports(count: usize) -> Vec<u16> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let port = 10_000 + (RandomState::new().build_hasher().finish() % 20_000) as u16;
        taken.extend(std::net::TcpListener::bind(("127.0.0.1", port)));
    }
    taken.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
