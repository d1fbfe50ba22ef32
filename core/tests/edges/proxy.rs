//! A proxy between an edge and a hub that cuts, delays, and closes one half.

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
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let inside = Arc::new(Inside::default());
        let shared = Arc::clone(&inside);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)));
                let Some(server) = server.ok().filter(|_| !shared.refusing.load(Ordering::SeqCst)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, inside) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&shared));
                    std::thread::spawn(move || carry(from, to, &inside));
                }
                shared.open.lock().unwrap().extend([client, server]);
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
        for socket in self.inside.open.lock().unwrap().drain(..) {
            let _ = socket.shutdown(how);
        }
    }

    /// Holds up each piece for so long.
    pub(crate) fn delay_ms(&self, ms: u64) {
        self.inside.delay_ms.store(ms, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, inside: &Inside) {
    let mut chunk = [0; 16 << 10];
    while let Ok(count) = from.read(&mut chunk) {
        let delay = inside.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            std::thread::sleep(Duration::from_millis(delay));
        }
        if count == 0 || to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
