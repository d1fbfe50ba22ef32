//! A network that can be cut: every connection to its port goes on to another one.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A listening port, and what came in through it.
pub(crate) struct Proxy {
    port: u16,
    /// The open connections; `None` while it is cut.
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Proxy { port: listener.local_addr()?.port(), open: Arc::new(Mutex::new(Some(Vec::new()))) };
        let open = Arc::clone(&proxy.open);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(open) = open.as_mut()
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", port))
                {
                    let _ = join(&client, &server);
                    open.extend([client, server]);
                }
            }
        });
        Ok(proxy)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts what is connected, and lets nothing through.
    pub(crate) fn cut(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        open.into_iter().flatten().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
    }

    pub(crate) fn heal(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }
}

/// Carries bytes both ways until one side ends.
fn join(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
