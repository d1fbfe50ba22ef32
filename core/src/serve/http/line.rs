//! One connection: plain or TLS, with its place among those that may be, and an end when nothing of it goes out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

/// After so long that nothing could be sent, whoever should read it is cut off.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// What carries it.
pub(super) enum Carrier {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection.
pub(super) struct Line {
    carrier: Carrier,
    /// After so long that nothing could be sent it is over.
    patience: Duration,
    stalled: Pin<Box<Sleep>>,
    is_stalled: bool,
    _place: OwnedSemaphorePermit,
}

impl Line {
    /// It needs a runtime.
    pub(super) fn new(carrier: Carrier, place: OwnedSemaphorePermit, patience: Duration) -> Line {
        let stalled = Box::pin(tokio::time::sleep(patience));
        Line { carrier, patience, stalled, is_stalled: false, _place: place }
    }

    /// What came of writing: an error where nothing went out for too long.
    fn sent<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.is_stalled = false;
            return outcome;
        }
        if !self.is_stalled {
            self.is_stalled = true;
            self.stalled.as_mut().reset(Instant::now() + self.patience);
        }
        ready!(self.stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads")))
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Carrier::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Carrier::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        };
        self.sent(cx, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Carrier::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, parts),
        };
        self.sent(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.carrier {
            Carrier::Plain(stream) => stream.is_write_vectored(),
            Carrier::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = match &mut self.carrier {
            // It holds nothing back, and so says nothing of who reads.
            Carrier::Plain(stream) => return Pin::new(stream).poll_flush(cx),
            Carrier::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        };
        self.sent(cx, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Carrier::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn who_reads_nothing_is_cut_off_and_who_reads_slowly_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it listens");
        let mut reader = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("it connects");
        let (stream, _) = listener.accept().await.expect("a connection");
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().expect("a place");
        let mut line = Line::new(Carrier::Plain(stream), place, Duration::from_millis(400));
        let reading = tokio::spawn(async move {
            let mut some = vec![0; 1 << 20];
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                reader.read_exact(&mut some).await.expect("it goes on");
            }
            reader
        });
        line.write_all(&vec![0; 8 << 20]).await.expect("somebody reads");
        let reader = reading.await.expect("it read all");
        let error = line.write_all(&vec![0; 64 << 20]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(line);
        assert_eq!(places.available_permits(), 1, "its place is free");
        drop(reader);
    }
}
