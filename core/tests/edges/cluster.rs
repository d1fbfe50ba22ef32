//! A hub of one server or of three, whose servers are killed and started again; it always has a majority.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use headwater::{Engine, HubConfig, HubOptions, StreamConfig};

use crate::server::Server;
use crate::world::{PATIENCE, until};

const VERSION: &str = "2.15.1";
/// What links keep apart has to stay apart without the server's help, so it forgets message ids soon.
pub(crate) const DUPLICATE_WINDOW: Duration = Duration::from_millis(500);

pub(crate) struct Cluster(Vec<Server>);

impl Cluster {
    /// With a stream `ORDERS` that has as many replicas as there are servers.
    pub(crate) fn start(servers: u32) -> Self {
        // Clients hear of no other server, as they go through proxies.
        let cluster = Self(if servers == 1 {
            vec![Server::start(VERSION)]
        } else {
            Server::cluster(VERSION, servers as usize, &["--no_advertise"])
        });
        let hub = Some(Box::new(HubConfig { replicas: servers, ..HubConfig::default() }));
        let config = StreamConfig::new("ORDERS", ["orders.>", "$HW.ORDERS.>"]);
        let config = StreamConfig { hub, duplicate_window: DUPLICATE_WINDOW, ..config };
        let there = cluster.connect();
        until("the stream is made", || there.create_stream(config.clone()).wait().is_ok());
        cluster
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.0.iter().map(|server| server.port).collect()
    }

    /// Waits for nothing: a server may be away.
    pub(crate) fn connect(&self) -> Engine {
        let options = HubOptions {
            urls: self.0.iter().map(Server::url).collect(),
            request_timeout: Duration::from_secs(1),
            reconnect_delay_max: Duration::from_millis(200),
            retry_on_initial_connect: true,
            ..HubOptions::default()
        };
        Engine::connect(options).wait().unwrap()
    }

    /// Kills the server that leads the stream, or starts the one again that was killed; says which it did.
    pub(crate) fn kill_or_start(&mut self) -> &'static str {
        if !self.0.iter().all(Server::is_up) {
            self.heal();
            return "starts";
        }
        let at = if self.0.len() == 1 { 0 } else { self.leader().unwrap_or_default() };
        self.0[at].kill();
        "is killed"
    }

    /// Every server is up.
    pub(crate) fn heal(&mut self) {
        self.0.iter_mut().filter(|server| !server.is_up()).for_each(Server::again);
    }

    /// The number of the server that leads the stream, when somebody knows.
    fn leader(&self) -> Option<usize> {
        self.0.iter().find_map(|server| leader_says(server.port).ok().flatten())
    }
}

/// Asks for the stream as any client would: the API of the engine has no word for who leads it.
fn leader_says(port: u16) -> std::io::Result<Option<usize>> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(1).min(PATIENCE)))?;
    socket.write_all(b"CONNECT {\"verbose\":false}\r\nSUB r 1\r\nPUB $JS.API.STREAM.INFO.ORDERS r 0\r\n\r\n")?;
    let mut lines = BufReader::new(socket);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if line.starts_with("MSG r ") {
            let bytes = line.trim_end().rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            let mut payload = vec![0; bytes];
            lines.read_exact(&mut payload)?;
            let info: serde_json::Value = serde_json::from_slice(&payload)?;
            return Ok(info["cluster"]["leader"].as_str().and_then(|name| name.parse().ok()));
        }
        line.clear();
    }
    Ok(None)
}
