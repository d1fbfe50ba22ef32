//! The processes of the example, and the directory that they work in. All of it goes with its handle.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::Outcome;

const NATS: &str = ".tools/nats/2.15.1/nats-server";

/// A directory for this run.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("headwater-hub-leaf-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One that ends with its handle.
pub(crate) struct Process(Child);

impl Process {
    /// A server with JetStream, and its port.
    pub(crate) fn hub(dir: &Path) -> Outcome<(Self, u16)> {
        let fetched = root().join(NATS);
        let program = if fetched.exists() { fetched } else { "nats-server".into() };
        let mut command = Command::new(program);
        command.args(["-js", "-a", "127.0.0.1", "-p", "-1", "-sd"]).arg(dir.join("hub")).stderr(Stdio::piped());
        let child = command.spawn().map_err(|e| format!("nats-server: {e}: `cargo xtask tools` fetches it"))?;
        let mut process = Process(child);
        let mut lines = BufReader::new(process.0.stderr.take().ok_or("its log")?).lines();
        let port = port(&mut lines)?;
        // Nobody reads the rest, and it must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok((process, port))
    }

    /// A node that runs when this returns.
    pub(crate) fn edge(dir: &Path, hub_url: &str) -> Outcome<Self> {
        let beside = std::env::current_exe()?.with_file_name("headwater");
        let program = if beside.exists() { beside } else { "headwater".into() };
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(root().join("examples/hub-leaf/edge.toml"));
        command.env("EDGE_DIR", dir).env("HUB_URL", hub_url).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().map_err(|e| format!("headwater: {e}: `cargo build -p headwater-cli` makes it"))?;
        let mut process = Process(child);
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().ok_or("its output")?).read_line(&mut line)?;
        if line.is_empty() {
            return Err(format!("headwater serve in {} ended at once", dir.display()).into());
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The port that the server says it took, once it is ready.
fn port(lines: &mut std::io::Lines<BufReader<ChildStderr>>) -> Outcome<u16> {
    let mut port = None;
    for line in lines {
        let line = line?;
        if let Some((_, address)) = line.split_once("client connections on ") {
            port = address.trim().rsplit(':').next().and_then(|p| p.parse().ok());
        }
        if line.contains("Server is ready") {
            break;
        }
    }
    Ok(port.ok_or("nats-server did not say where it listens")?)
}
