//! A proxy between an edge and a hub that cuts, delays, closes one half, and delivers late what a client sent before it
//! was cut off.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Every byte goes through it, as it is told.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    refusing: AtomicBool,
    delay_ms: AtomicU64,
    /// Clients, each with its server.
    open: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Proxy {
    /// To the first of these servers that takes a connection.
    pub(crate) fn to(ports: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let inside = Arc::new(Inside::default());
        let (shared, ports) = (Arc::clone(&inside), ports.to_vec());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let reach = |port: &u16| TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], *port))).ok();
                let server = if shared.refusing.load(Ordering::SeqCst) { None } else { ports.iter().find_map(reach) };
                let Some(server) = server else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, inside) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&shared));
                    std::thread::spawn(move || carry(from, to, &inside));
                }
                shared.open.lock().unwrap().push((client, server));
            }
        });
        Proxy { port: own, inside }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Cuts all connections, and takes no new ones until it is told to.
    pub(crate) fn cut(&self) {
        self.inside.refusing.store(true, Ordering::SeqCst);
        self.drop_all(Shutdown::Both);
    }

    pub(crate) fn heal(&self) {
        self.inside.refusing.store(false, Ordering::SeqCst);
    }

    /// Cuts all connections; new ones are taken.
    pub(crate) fn drop_all(&self, how: Shutdown) {
        for (client, server) in self.inside.open.lock().unwrap().drain(..) {
            let _ = client.shutdown(how);
            let _ = server.shutdown(how);
        }
    }

    /// Cuts off the clients alone: what they sent and is held up reaches the server when its time has come, beside the
    /// connections that were made since.
    pub(crate) fn strand(&self) {
        for (client, _) in self.inside.open.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Holds up each piece for so long.
    pub(crate) fn delay_ms(&self, ms: u64) {
        self.inside.delay_ms.store(ms, Ordering::SeqCst);
    }
}

/// Carries one way until there is no more, and goes on reading what nobody takes: the other way may still be of use.
fn carry(mut from: TcpStream, mut to: TcpStream, inside: &Inside) {
    let mut chunk = [0; 16 << 10];
    let mut is_taken = true;
    while let Ok(count) = from.read(&mut chunk) {
        let delay = inside.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            std::thread::sleep(Duration::from_millis(delay));
        }
        if count == 0 {
            break;
        }
        is_taken = is_taken && to.write_all(&chunk[..count]).is_ok();
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
