//! A node that is asked over HTTP, in the place of a directory (docs/http.md).

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use headwater::ErrorKind;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::failure::{Done, Failure};
use crate::place::Place;

/// The environment variable that stands in for `--token`.
const TOKEN_VARIABLE: &str = "HEADWATER_TOKEN";
/// How long a connection may take to come about.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may take, except where somebody follows.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// The most bytes of one event.
const EVENT_BYTES_MAX: usize = 256 << 20;
/// Users of one page.
const PAGE: usize = 10_000;

/// The flags of the verbs that a node does over HTTP too.
#[derive(Args)]
pub(crate) struct OverHttp {
    /// Instead of a directory: a node's HTTP door, such as http://127.0.0.1:8080.
    #[arg(long = "server", value_name = "URL", help_heading = "Over HTTP")]
    url: Option<String>,
    /// Who asks, as headwater token makes it; HEADWATER_TOKEN when not given.
    #[arg(long, value_name = "TOKEN", help_heading = "Over HTTP")]
    token: Option<String>,
    /// The certificate of the CA that signed the node's, where the system does not know it.
    #[arg(long = "ca", value_name = "FILE", help_heading = "Over HTTP")]
    ca_file: Option<PathBuf>,
}

/// A node and who asks it.
pub(super) struct Remote {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// A name as a part of an address.
pub(super) fn named(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

impl OverHttp {
    /// The node that is named; none when a directory or a hub is where to work.
    pub(super) fn remote(&self, place: &Place) -> Done<Option<Remote>> {
        let Some(url) = &self.url else {
            return match (&self.token, &self.ca_file) {
                (None, None) => Ok(None),
                (Some(_), _) => Err(Failure::usage("--token is given, and no --server that it is for")),
                (None, Some(_)) => Err(Failure::usage("--ca is given, and no --server that it is for")),
            };
        };
        let other = [("--dir", place.dir.is_some()), ("--hub", place.hub.is_some())];
        if let Some((name, _)) = other.iter().find(|(_, is_given)| *is_given) {
            return Err(Failure::usage(format!("{name} and --server are given: this verb works in one place")));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let message = format!("'{}' is no address of a node: http://127.0.0.1:8080", url.escape_debug());
            return Err(Failure::usage(message));
        }
        let token = self.token.clone().or_else(|| std::env::var(TOKEN_VARIABLE).ok()).filter(|it| !it.is_empty());
        let agent = agent(self.ca_file.as_ref())?;
        Ok(Some(Remote { agent, url: url.trim_end_matches('/').to_owned(), token }))
    }
}

fn agent(ca_file: Option<&PathBuf>) -> Done<Agent> {
    let roots = match ca_file {
        None => {
            let certificates = rustls_native_certs::load_native_certs().certs;
            let certificates =
                certificates.iter().map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned());
            RootCerts::from(certificates.collect::<Vec<_>>())
        }
        Some(file) => {
            let pem = std::fs::read(file).map_err(|e| Failure::io(format_args!("read {}", file.display()), &e))?;
            let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                return Err(Failure::usage(format!("{}: it has no PEM certificate", file.display())));
            }
            RootCerts::from(certificates)
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        // A token is for the node that was named.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_PATIENCE))
        .build();
    Ok(config.into())
}

impl Remote {
    /// What a path answers.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Done<Value> {
        let mut answer = self.send(method, path, body, Some(PATIENCE))?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.map_err(|error| self.failure(&error))?;
        let mut told: Value = serde_json::from_str(&text).unwrap_or_default();
        if told["success"] == true {
            return Ok(told["data"].take());
        }
        Err(refusal(&answer, &told, &self.url))
    }

    /// A user, as an answer has it under its name.
    pub(super) fn user(&self, method: &str, path: &str, body: Option<&Value>, user: &str) -> Done<Value> {
        let mut users = self.ask(method, path, body)?;
        Ok(users.get_mut(user).map(Value::take).unwrap_or_default())
    }

    /// Users by name, in this order.
    pub(super) fn reading(&self, space: &str, users: &[String]) -> Done<Value> {
        let body = json!({"space": space, "user_ids": users});
        let told = self.ask("POST", "/api/v2/presence/batch", Some(&body))?;
        let users: Vec<Value> = users.iter().filter_map(|user| told.get(user).cloned()).collect();
        let stale = users.iter().any(|user| user["stale"] == true);
        let as_of = users.iter().find_map(|user| user.get("as_of").cloned());
        let mut reading = json!({"users": users, "stale": stale});
        if let (Some(as_of), Value::Object(fields)) = (as_of, &mut reading) {
            fields.insert("as_of".to_owned(), as_of);
        }
        Ok(reading)
    }

    /// All of a space, whatever number of pages that is.
    pub(super) fn list(&self, space: &str) -> Done<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v2/spaces/{}/users?limit={PAGE}&after={}", named(space), named(&after));
            let mut page = self.ask("GET", &path, None)?;
            if let Some(Value::Array(users)) = page.get_mut("users").map(Value::take) {
                all.extend(users);
            }
            let Value::Object(fields) = &mut page else { return Ok(page) };
            match fields.remove("next").as_ref().and_then(Value::as_str) {
                Some(next) => next.clone_into(&mut after),
                None => return Ok(whole(std::mem::take(fields), all)),
            }
        }
    }

    /// Has each event told, until the node ends it.
    pub(super) fn watch(&self, space: &str, users: &[String], mut tell: impl FnMut(&Value) -> Done) -> Done {
        let users = users.iter().map(|user| format!("user={}", named(user))).collect::<Vec<_>>().join("&");
        let path = format!("/api/v2/spaces/{}/watch?{users}", named(space));
        let mut answer = self.send("GET", &path, None, None)?;
        if answer.status() != 200 {
            let text = answer.body_mut().read_to_string().unwrap_or_default();
            let told = serde_json::from_str(&text).unwrap_or_default();
            return Err(refusal(&answer, &told, &self.url));
        }
        let mut lines = BufReader::new(answer.into_body().into_reader());
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = std::io::Read::take(&mut lines, EVENT_BYTES_MAX as u64).read_until(b'\n', &mut line);
            if read.map_err(|e| Failure::io(format_args!("follow {}", self.url), &e))? == 0 {
                return Ok(());
            }
            let Some(data) = line.strip_prefix(b"data: ") else { continue };
            let event: Value = serde_json::from_slice(data)
                .map_err(|e| Failure::new(ErrorKind::Io, format!("{}: an event can't be read: {e}", self.url)))?;
            tell(&event)?;
        }
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>, patience: Option<Duration>) -> Done<Response<Body>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let sent = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_string());
                request.map_err(ureq::Error::Http).and_then(|request| {
                    self.agent.run(self.agent.configure_request(request).timeout_global(patience).build())
                })
            }
            None => request.body(()).map_err(ureq::Error::Http).and_then(|request| {
                self.agent.run(self.agent.configure_request(request).timeout_global(patience).build())
            }),
        };
        sent.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &ureq::Error) -> Failure {
        let kind = match error {
            ureq::Error::Timeout(_) => ErrorKind::Timeout,
            ureq::Error::Http(_) | ureq::Error::BadUri(_) => ErrorKind::Invalid,
            ureq::Error::BodyExceedsLimit(_) => ErrorKind::Limit,
            _ => ErrorKind::Io,
        };
        Failure::new(kind, format!("{}: {error}", self.url))
    }
}

fn whole(mut fields: Map<String, Value>, users: Vec<Value>) -> Value {
    fields.insert("users".to_owned(), users.into());
    Value::Object(fields)
}

/// What an answer that is no success says.
fn refusal(answer: &Response<Body>, told: &Value, url: &str) -> Failure {
    let name = answer.headers().get("headwater-kind").and_then(|kind| kind.to_str().ok());
    let kind = ErrorKind::ALL.into_iter().find(|kind| Some(kind.name()) == name).unwrap_or(ErrorKind::Io);
    match told["error"].as_str() {
        Some(message) => Failure::new(kind, message),
        None => Failure::new(kind, format!("{url}: it answers {}, as no node does", answer.status())),
    }
}
