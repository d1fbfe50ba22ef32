//! A way to a node that can be cut: connections made since a moment break, and no new ones are taken.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// Carries connections to a port that may be told later.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    to: AtomicU16,
    is_cut: AtomicBool,
    open: Mutex<Vec<(TcpStream, TcpStream)>>,
}

impl Proxy {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let inside = Arc::new(Inside::default());
        let shared = Arc::clone(&inside);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let to = ("127.0.0.1", shared.to.load(Ordering::SeqCst));
                let is_cut = shared.is_cut.load(Ordering::SeqCst);
                let server = if is_cut { None } else { TcpStream::connect(to).ok() };
                let Some(server) = server else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
                    std::thread::spawn(move || carry(from, to));
                }
                shared.open.lock().expect("whole").push((client, server));
            }
        });
        Proxy { port, inside }
    }

    /// Where connections go from now on.
    pub(crate) fn lead_to(&self, port: u16) {
        self.inside.to.store(port, Ordering::SeqCst);
    }

    /// Connections that there were until now.
    pub(crate) fn mark(&self) -> usize {
        self.inside.open.lock().expect("whole").len()
    }

    /// Breaks all connections made since a mark, and takes no new ones.
    pub(crate) fn cut_since(&self, mark: usize) {
        self.inside.is_cut.store(true, Ordering::SeqCst);
        for (client, server) in self.inside.open.lock().expect("whole").drain(mark..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn heal(&self) {
        self.inside.is_cut.store(false, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = [0; 16 << 10];
    while let Ok(count) = from.read(&mut chunk) {
        if count == 0 || to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
