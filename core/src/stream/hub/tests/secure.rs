//! Who we are to a hub, and who it is to us: TLS with certificates of both sides, passwords, keys and credentials, and
//! JetStream under another prefix. Whatever is wrong is refused when connecting, with the reason.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::Value;

use super::{fill, refused, stream};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};
use crate::record::Append;
use crate::stream::contract::EngineOps;
use crate::stream::hub::engine::HubEngine;
use crate::stream::hub::testing::{Server, VERSIONS};
use crate::{ConsumerConfig, HubOptions, ReadOptions};

/// A certificate or key of `tls/`, which `tls/make.sh` made.
fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stream/hub/tests/tls").join(format!("{name}.pem"))
}

/// A server with this configuration, besides JetStream.
fn configured(config: &str) -> Server {
    let file = std::env::temp_dir().join(format!("headwater-hub-{:016x}.conf", SystemClock.random()));
    std::fs::write(&file, config).expect("a configuration");
    let server = Server::start_with(VERSIONS[3], &["-js", "-c", &file.to_string_lossy()]);
    let _ = std::fs::remove_file(file);
    server
}

/// One that shows the certificate of this name, and asks for ours.
fn with_tls(certificate: &str, more: &str) -> Server {
    let [cert, key, ca] =
        [certificate.to_owned(), format!("{certificate}-key"), "authority".to_owned()].map(|n| pem(&n));
    configured(&format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true, {more} }}"))
}

fn options(server: &Server) -> HubOptions {
    HubOptions { request_timeout: Duration::from_secs(5), ..server.options() }
}

/// With the authority that signed the server's certificate, and ours.
fn trusted(server: &Server) -> HubOptions {
    let file = |name| Some(pem(name));
    HubOptions {
        ca_file: file("authority"),
        cert_file: file("client"),
        key_file: file("client-key"),
        ..options(server)
    }
}

/// Connects and uses it.
#[track_caller]
fn works(options: HubOptions) {
    let engine = HubEngine::connect(options).wait().expect("connect");
    let s = stream(&engine, "s");
    s.purge(&crate::PurgeOptions::default()).wait().expect("purge");
    let at = s.append(&[Append::new("s.a", b"1")]).wait().expect("append").seq;
    assert_eq!(s.read(&ReadOptions::default().from_seq(at)).wait().expect("read").len(), 1);
}

#[track_caller]
fn fails(options: HubOptions, kind: ErrorKind) -> Error {
    refused(HubEngine::connect(options).wait(), kind)
}

#[test]
fn certificates_are_checked_on_both_sides() {
    let server = with_tls("server", "");
    works(trusted(&server));
    works(HubOptions { urls: vec![server.url().replace("nats:", "tls:")], ..trusted(&server) });
    works(HubOptions { require_tls: true, ..trusted(&server) });
    let error = fails(HubOptions { ca_file: Some(pem("stranger")), ..trusted(&server) }, ErrorKind::Io);
    assert!(error.to_string().contains("certificate"), "{error}");
    // Without a certificate of ours, and without the authority of theirs.
    fails(HubOptions { cert_file: None, key_file: None, ..trusted(&server) }, ErrorKind::Io);
    fails(HubOptions { ca_file: None, ..trusted(&server) }, ErrorKind::Io);
    let error = fails(HubOptions { ca_file: Some(pem("nowhere")), ..trusted(&server) }, ErrorKind::NotFound);
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
}

#[test]
fn an_expired_certificate_is_refused() {
    let server = with_tls("expired", "");
    let error = fails(trusted(&server), ErrorKind::Io);
    assert!(error.to_string().to_lowercase().contains("expired"), "{error}");
}

#[test]
fn tls_may_come_first_and_may_be_required() {
    let server = with_tls("server", "handshake_first: true");
    works(HubOptions { tls_first: true, ..trusted(&server) });
    let open = Server::start(VERSIONS[3]);
    fails(HubOptions { require_tls: true, ..options(&open) }, ErrorKind::Io);
}

#[test]
fn a_user_has_a_password() {
    let server = configured("authorization { user: edge, password: \"right\" }");
    let with = |user: &str, password: &str| HubOptions {
        user: Some(user.to_owned()),
        password: Some(password.to_owned()),
        ..options(&server)
    };
    works(with("edge", "right"));
    works(HubOptions::new(server.url().replace("nats://", "nats://edge:%72ight@")));
    let twice = HubOptions::new(server.url().replace("nats://", "nats://edge:right@"));
    fails(HubOptions { token: Some("right".to_owned()), ..twice.clone() }, ErrorKind::Invalid);
    let other = server.url().replace("nats://", "nats://edge:other@");
    fails(HubOptions { urls: vec![twice.urls[0].clone(), other], ..twice }, ErrorKind::Invalid);
    let error = fails(with("edge", "wrong-secret"), ErrorKind::Io);
    assert!(!error.to_string().contains("wrong-secret"), "{error}");
    fails(with("other", "right"), ErrorKind::Io);
    fails(options(&server), ErrorKind::Io);
}

#[test]
fn a_token_may_stand_in_the_address() {
    let server = Server::start_with(VERSIONS[3], &["-js", "--auth", "se:cret"]);
    works(HubOptions::new(server.url().replace("nats://", "nats://se%3Acret@")));
    fails(HubOptions::new(server.url().replace("nats://", "nats://other@")), ErrorKind::Io);
}

#[test]
fn an_nkey_signs() {
    let (ours, other) = (KeyPair::new_user(), KeyPair::new_user());
    let server = configured(&format!("authorization {{ users: [ {{ nkey: {} }} ] }}", ours.public_key()));
    let with = |seed: String| HubOptions { nkey_seed: Some(seed), ..options(&server) };
    works(with(ours.seed().expect("a seed")));
    fails(with(other.seed().expect("a seed")), ErrorKind::Io);
    fails(with("SUNOSEED".to_owned()), ErrorKind::Invalid);
}

/// A claim that `issuer` signs, as `nsc` writes it.
fn token(issuer: &KeyPair, subject: &str, name: &str, mut claims: Value) -> String {
    claims["version"] = json!(2);
    let body = json!({ "jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(), "sub": subject, "name": name,
                       "nats": claims });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(&body));
    let signature = issuer.sign(signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn credentials_are_a_token_and_a_seed() {
    let (operator, account, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let unlimited = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                            "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1,
                            "consumer": -1 });
    let nobody = json!({ "pub": {}, "sub": {} });
    let of_account = |key: &KeyPair, limits: &Value| {
        let claims = json!({ "type": "account", "limits": limits, "default_permissions": nobody });
        token(&operator, &key.public_key(), "account", claims)
    };
    let no_streams = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                             "conn": -1, "leaf": -1 });
    let server = configured(&format!(
        "operator: {}\nsystem_account: {sys}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {sys}: {} }}",
        token(&operator, &operator.public_key(), "operator", json!({ "type": "operator" })),
        account.public_key(),
        of_account(&account, &unlimited),
        of_account(&system, &no_streams),
        sys = system.public_key(),
    ));
    let credentials = |issuer: &KeyPair, user: &KeyPair, name: &str| {
        let claims = json!({ "type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1 });
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            token(issuer, &user.public_key(), name, claims),
            user.seed().expect("a seed")
        );
        let file = std::env::temp_dir().join(format!("headwater-{name}-{:016x}.creds", SystemClock.random()));
        std::fs::write(&file, text).expect("a file");
        file
    };
    let with = |file: &Path| HubOptions { credentials_file: Some(file.to_owned()), ..options(&server) };
    let user = KeyPair::new_user();
    let good = credentials(&account, &user, "good");
    works(with(&good));
    // Signed by an account that the server has never heard of.
    let bad = credentials(&KeyPair::new_account(), &user, "bad");
    fails(with(&bad), ErrorKind::Io);
    let error = fails(with(Path::new("/nowhere/x.creds")), ErrorKind::NotFound);
    assert!(error.to_string().contains("/nowhere/x.creds"), "{error}");
    let plain = HubOptions { request_timeout: Duration::from_secs(1), ..with(&credentials(&system, &user, "system")) };
    fails(plain, ErrorKind::Unsupported);
    for file in [good, bad] {
        let _ = std::fs::remove_file(file);
    }
}

#[test]
fn jetstream_may_be_in_a_domain() {
    let server = configured("jetstream { domain: edge }");
    for options in [
        HubOptions { domain: Some("edge".to_owned()), ..options(&server) },
        HubOptions { api_prefix: Some("$JS.edge.API".to_owned()), ..options(&server) },
    ] {
        works(options.clone());
        let engine = HubEngine::connect(options).wait().expect("connect");
        let s = stream(&engine, "t");
        fill(&*s, &["t.a", "t.b", "t.c"]);
        let consumer = s.create_consumer(ConsumerConfig::new("c")).wait().expect("consumer");
        let batch = consumer.next(3).wait().expect("next");
        assert_eq!(batch.iter().map(|r| (r.seq, r.delivered)).collect::<Vec<_>>(), [(1, 1), (2, 1), (3, 1)]);
        assert_eq!(consumer.ack_sync(&[1, 2, 3]).wait().expect("ack"), 3);
        let info = consumer.info().wait().expect("info");
        assert_eq!((info.ack_floor, info.num_ack_pending), (3, 0));
        let subscription = s.subscribe(crate::SubscribeOptions::default()).wait().expect("subscribe");
        assert_eq!(subscription.next(10).wait().expect("next").len(), 3);
        engine.delete_stream("t").wait().expect("delete");
    }
    let elsewhere = HubOptions {
        domain: Some("elsewhere".to_owned()),
        request_timeout: Duration::from_secs(1),
        ..options(&server)
    };
    fails(elsewhere, ErrorKind::Unsupported);
}

#[test]
fn the_first_address_that_answers_will_do() {
    let server = Server::start(VERSIONS[3]);
    let urls = vec!["nats://127.0.0.1:1".to_owned(), server.url()];
    works(HubOptions { urls, ..options(&server) });
}
