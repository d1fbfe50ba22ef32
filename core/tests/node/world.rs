//! A directory with an owner and a node, and its clients.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use headwater::{Durability, Engine, LocalServer, Stream, StreamConfig};

/// How long anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A directory, its owner and its node.
pub(crate) struct Node {
    pub(crate) dir: PathBuf,
    pub(crate) owner: Engine,
    pub(crate) server: LocalServer,
}

impl Node {
    pub(crate) fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self::at(std::env::temp_dir().join(format!("hw-node-{name}-{}-{number}", std::process::id())))
    }

    pub(crate) fn at(dir: PathBuf) -> Self {
        let owner = Engine::open(&dir).unwrap();
        let server = LocalServer::start(&owner).unwrap();
        Node { dir, owner, server }
    }

    pub(crate) fn client(&self) -> Engine {
        let client = Engine::open(&self.dir).unwrap();
        assert!(client.is_through_node());
        client
    }

    pub(crate) fn orders(&self, durability: Durability) -> Stream {
        let config = StreamConfig { durability, ..StreamConfig::new("orders", ["orders.>"]) };
        self.owner.create_stream(config).wait().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.server.stop();
        let _ = self.owner.close();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
