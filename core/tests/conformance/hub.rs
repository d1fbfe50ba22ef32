//! The same vectors on a hub: a real `nats-server`, the newest that there is, on a free port of 127.0.0.1.
//!
//! One server serves all files, one after the other, and is empty between them.

use std::time::Duration;

use headwater::{Engine, HubOptions};

use crate::engine::World;
use crate::server::Server;
use crate::{On, run_file, vectors};

const VERSION: &str = "2.15.1";

fn connect(server: &Server) -> Engine {
    Engine::connect(HubOptions::new(server.url())).wait().unwrap()
}

#[test]
fn every_vector_holds_on_a_hub() {
    let server = Server::start(VERSION);
    let mut failures = Vec::new();
    for path in vectors() {
        failures.extend(run_file(&path, World::new(connect(&server)), On::Hub));
        let engine = connect(&server);
        for info in engine.streams().wait().unwrap() {
            engine.delete_stream(&info.config.name).wait().unwrap();
        }
        // A server removes files after it has answered, and may find them again for a stream that comes at once.
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(failures.is_empty(), "{} steps failed:\n{}", failures.len(), failures.join("\n"));
}
