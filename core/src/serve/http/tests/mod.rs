//! What the door answers, asked through the router that it serves; and over a socket (`socket.rs`).

mod access;
mod routes;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tokio::sync::watch::Sender;
use tower::ServiceExt;

use super::router::router;
use super::state::Door;
use super::token::AccessToken;
use crate::config::{AuthConfig, Config};
use crate::engine::Engine;
use crate::presence::PresenceConfig;

const SECRET: &str = "a secret of thirty-two bytes, or more";
/// The most bytes of an answer here.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A node with presence that takes tokens by [`SECRET`].
fn config() -> Config {
    let auth =
        AuthConfig { jwt_secret: Some(SECRET.to_owned()), issuer: Some("me".to_owned()), ..AuthConfig::default() };
    Config { presence: Some(PresenceConfig::default()), auth: Some(auth), ..Config::default() }
}

fn token(subject: &str, scope: Option<&str>) -> String {
    let issuer = Some("me".to_owned());
    let token = AccessToken {
        subject: subject.to_owned(),
        scope: scope.map(str::to_owned),
        issuer,
        audience: None,
        ttl: Duration::from_secs(600),
    };
    token.sign(SECRET).expect("it is signed")
}

fn admin() -> String {
    token("root", Some("presence:admin"))
}

/// A door that is asked without a socket.
struct Site {
    engine: Engine,
    door: Arc<Door>,
    router: Router,
    _closing: Sender<bool>,
}

struct Told {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Site {
    fn new(config: &Config) -> Site {
        let engine = Engine::memory().expect("an engine");
        let (closing, closes) = tokio::sync::watch::channel(false);
        let door = Arc::new(Door::new(&engine, config, closes).expect("a door"));
        let router = router(&door);
        Site { engine, door, router, _closing: closing }
    }

    async fn send(&self, request: Request<Body>) -> Told {
        let response = self.router.clone().oneshot(request).await.expect("it never fails");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.expect("a body");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        Told { status: parts.status, headers: parts.headers, text }
    }

    async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: impl Into<Body>) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, None, "").await
    }

    async fn put(&self, path: &str, body: &Value) -> Told {
        self.ask("PUT", path, Some(&admin()), body.to_string()).await
    }

    async fn from(&self, address: &str, path: &str) -> Told {
        let address: SocketAddr = address.parse().expect("an address");
        let request = Request::builder().uri(path).extension(ConnectInfo(address)).body(Body::empty());
        self.send(request.expect("a request")).await
    }
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// What it came to.
    fn data(&self) -> Value {
        let json = self.json();
        assert_eq!(
            (self.status, &json["success"], &json["error"]),
            (StatusCode::OK, &Value::Bool(true), &Value::Null),
            "{json}"
        );
        json["data"].clone()
    }

    /// What was wrong, in the envelope of every answer.
    fn error(&self, status: u16) -> String {
        let json = self.json();
        assert_eq!(
            (self.status.as_u16(), &json["success"], &json["data"]),
            (status, &Value::Bool(false), &Value::Null),
            "{json}"
        );
        assert!(self.headers.contains_key("headwater-kind"), "{:?}", self.headers);
        json["error"].as_str().expect("a sentence").to_owned()
    }
}
