//! The same vectors on a hub: a real `nats-server`, the newest that there is, on a free port of 127.0.0.1.
//!
//! One server serves all files, one after the other, and is empty between them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use headwater::{Engine, HubOptions};

use crate::engine::World;
use crate::{On, run_file, vectors};

const VERSION: &str = "2.15.1";

/// A server that runs; it ends with its handle, by its process id.
struct Server {
    child: Child,
    dir: PathBuf,
    url: String,
}

impl Server {
    fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/nats").join(VERSION).join("nats-server");
        assert!(program.exists(), "{} is missing: run `cargo xtask tools`", program.display());
        let dir = std::env::temp_dir().join(format!("headwater-vectors-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut command = Command::new(program);
        command.args(["-js", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]).arg(&dir);
        command.arg("-sd").arg(dir.join("store")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let ports = dir.join(format!("nats-server_{}.ports", child.id()));
        let mut server = Server { child, dir, url: String::new() };
        let began = Instant::now();
        while server.url.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(30), "the server did not come up");
            std::thread::sleep(Duration::from_millis(10));
            let text = std::fs::read_to_string(&ports).unwrap_or_default();
            if let Some(url) = text.split('"').find(|part| part.starts_with("nats://")) {
                url.clone_into(&mut server.url);
            }
        }
        server
    }

    fn connect(&self) -> Engine {
        Engine::connect(HubOptions::new(&self.url)).wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn every_vector_holds_on_a_hub() {
    let server = Server::start();
    let mut failures = Vec::new();
    for path in vectors() {
        failures.extend(run_file(&path, World::new(server.connect()), On::Hub));
        let engine = server.connect();
        for info in engine.streams().wait().unwrap() {
            engine.delete_stream(&info.config.name).wait().unwrap();
        }
    }
    assert!(failures.is_empty(), "{} steps failed:\n{}", failures.len(), failures.join("\n"));
}
