//! Who is let in and who is not, and files that change.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::testing::{Certs, FOR_LONG};
use super::{LOOK_EVERY, Listener, Refusal, Tls};
use crate::certs::CertFiles;
use crate::error::ErrorKind;

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

/// A listener that answers what it hears, and where.
async fn echo(tls: &Tls, connections_max: usize) -> (Arc<Listener>, String) {
    let listener = Arc::new(Listener::new(tls, connections_max, |_, _| {}));
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("it").to_string();
    let mut connections = Box::pin(listener.listen(socket));
    tokio::spawn(async move {
        while let Some(Ok(mut connection)) = connections.next().await {
            tokio::spawn(async move {
                let mut bytes = [0; 5];
                while connection.read_exact(&mut bytes).await.is_ok() {
                    let _ = connection.write_all(&bytes).await;
                }
            });
        }
    });
    (listener, address)
}

/// Connects, and says a word that has to come back.
async fn say(address: &str, tls: &Tls) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
    let mut stream = tls.connector().connect(name, stream).await?;
    stream.write_all(b"hello").await?;
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).await?;
    assert_eq!(&bytes, b"hello");
    Ok(stream)
}

fn count(listener: &Listener, refusal: Refusal) -> u64 {
    listener.refusals.all().find(|(each, _)| *each == refusal).map_or(0, |(_, count)| count)
}

async fn until_refused(listener: &Listener, refusal: Refusal) {
    let counted = async {
        while count(listener, refusal) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let counts = || listener.refusals.all().collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(20), counted)
        .await
        .unwrap_or_else(|_| panic!("{refusal:?}: {:?}", counts()));
}

#[test]
fn a_certificate_of_the_ca_is_let_in_and_no_other() {
    let (ours, theirs) = (Certs::new(), Certs::new());
    let tls = ours.tls("a", FOR_LONG);
    let stranger = {
        theirs.issue("b", FOR_LONG);
        theirs.trust(&ours);
        theirs.load("b").expect("good files")
    };
    let late = ours.tls("late", 1);
    run(async {
        let (listener, address) = echo(&tls, 8).await;
        let mut good = say(&address, &tls).await.expect("it is let in");
        assert_eq!(listener.connections(), 1);
        assert!(say(&address, &stranger).await.is_err());
        until_refused(&listener, Refusal::UnknownCertificate).await;
        assert!(say(&address, &late).await.is_err());
        until_refused(&listener, Refusal::ExpiredCertificate).await;
        let mut plain = TcpStream::connect(&address).await.expect("it listens");
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it is sent");
        until_refused(&listener, Refusal::NotTls).await;
        let silent = TcpStream::connect(&address).await.expect("it listens");
        until_refused(&listener, Refusal::Late).await;
        drop((plain, silent));
        // Whoever was there goes on.
        good.write_all(b"again").await.expect("it is sent");
        let mut bytes = [0; 5];
        good.read_exact(&mut bytes).await.expect("it is answered");
        assert_eq!((&bytes, listener.connections()), (b"again", 1));
    });
}

#[test]
fn who_shows_nothing_or_comes_too_many_is_turned_away() {
    let certs = Certs::new();
    let tls = certs.tls("a", FOR_LONG);
    let roots = {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        let ca = rustls::pki_types::CertificateDer::from_pem_file(certs.file("ca.pem")).expect("a certificate");
        roots.add(ca).expect("a CA");
        roots
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let nobody = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    run(async {
        let (listener, address) = echo(&tls, 1).await;
        let stream = TcpStream::connect(&address).await.expect("it listens");
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let connected = tokio_rustls::TlsConnector::from(Arc::new(nobody)).connect(name, stream).await;
        until_refused(&listener, Refusal::NoCertificate).await;
        drop(connected);
        let first = say(&address, &tls).await.expect("there is a place");
        assert!(say(&address, &tls).await.is_err());
        until_refused(&listener, Refusal::TooMany).await;
        drop(first);
        while listener.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        say(&address, &tls).await.expect("there is a place again");
    });
}

#[test]
fn new_files_are_taken_while_it_listens_and_bad_ones_are_not() {
    let (certs, others) = (Certs::new(), Certs::new());
    let tls = certs.tls("a", FOR_LONG);
    let old = certs.tls("b", FOR_LONG);
    others.issue("a", FOR_LONG);
    let new = others.tls("b", FOR_LONG);
    std::fs::write(certs.file("a.pem"), "rubbish").expect("a file");
    let refused = tls.reload().expect_err("it is no certificate");
    assert!(refused.kind() == ErrorKind::Invalid && refused.message().contains("a.pem"), "{refused}");
    run(async {
        let (_listener, address) = echo(&tls, 8).await;
        say(&address, &old).await.expect("what was at work is at work");
        for name in ["ca.pem", "a.pem", "a.key"] {
            std::fs::copy(others.file(name), certs.file(name)).expect("a file");
        }
        tokio::time::sleep(LOOK_EVERY).await;
        say(&address, &new).await.expect("the new CA is known");
        assert!(say(&address, &old).await.is_err());
    });
}

#[test]
fn what_is_wrong_is_blamed_on_its_file() {
    let certs = Certs::new();
    certs.issue("a", FOR_LONG);
    certs.issue("b", FOR_LONG);
    let load = |ca: &str, cert: &str, key: &str| {
        let error = Tls::load(&CertFiles { ca: certs.file(ca), cert: certs.file(cert), key: certs.file(key) })
            .expect_err("something is wrong");
        (error.kind(), error.message().to_owned())
    };
    for (files, kind, blamed, why) in [
        (["no.pem", "a.pem", "a.key"], ErrorKind::NotFound, "no.pem", "read"),
        (["ca.pem", "a.key", "a.key"], ErrorKind::Invalid, "a.key", "it has no PEM certificate"),
        (["a.key", "a.pem", "a.key"], ErrorKind::Invalid, "a.key", "it has no PEM certificate"),
        (["ca.pem", "a.pem", "a.pem"], ErrorKind::Invalid, "a.pem", "it has no PEM private key"),
        (["ca.pem", "a.pem", "b.key"], ErrorKind::Invalid, "b.key", "it is not the key of"),
    ] {
        let (is, message) = load(files[0], files[1], files[2]);
        assert!(is == kind && message.contains(blamed) && message.contains(why), "{files:?}: {message}");
    }
    let tls = certs.load("a").expect("good files");
    // It is said once.
    std::fs::remove_file(certs.file("a.key")).expect("it was there");
    std::thread::sleep(LOOK_EVERY);
    assert_eq!(tls.reload_if_changed().expect_err("it is gone").kind(), ErrorKind::NotFound);
    assert!(!tls.reload_if_changed().expect("too early to look"));
    std::thread::sleep(LOOK_EVERY);
    assert!(!tls.reload_if_changed().expect("that was said"));
}
