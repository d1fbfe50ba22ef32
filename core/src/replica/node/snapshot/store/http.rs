//! One request at a time to a server of HTTP: bounded in time and size, over TLS of rustls, and nothing that is secret
//! in what is said of a mistake.
//!
//! Nothing is taken from the environment, and no redirect is followed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::Event;
use ureq::http::{Method, Request};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::{Error, ErrorKind, Result};

/// The most that an answer may hold: a manifest has some 150 bytes for each part of 4 MiB.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server, and how it is called in messages.
pub(super) struct Http {
    agent: ureq::Agent,
    place: String,
    timeout: Duration,
}

/// What a server answered, whatever it was.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// `place` is what messages call it.
    pub(super) fn new(place: String, ca_file: &Path, timeout: Duration) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().root_certs(roots(ca_file)?).unversioned_rustls_crypto_provider(provider).build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_connect(Some(timeout.min(CONNECT_TIMEOUT)))
            .timeout_global(Some(timeout))
            .build();
        Ok(Http { agent: config.into(), place, timeout })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Asks, and waits for the whole answer. `what` says what this is about.
    pub(super) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        what: &str,
    ) -> Result<Answer> {
        let refused = |error: ureq::Error| self.error(what, &error);
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Error::new(ErrorKind::Internal, format!("'{method}' is no method of HTTP")))?;
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            Some(body) => request.body(body).map_err(ureq::Error::Http).and_then(|it| self.agent.run(it)),
            None => request.body(()).map_err(ureq::Error::Http).and_then(|it| self.agent.run(it)),
        };
        let mut answer = answer.map_err(refused)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(refused)?;
        Ok(Answer { status, body })
    }

    fn error(&self, what: &str, error: &ureq::Error) -> Error {
        let place = &self.place;
        let (kind, why) = match error {
            ureq::Error::Timeout(_) => (ErrorKind::Timeout, format!("no answer in {:?}", self.timeout)),
            ureq::Error::HostNotFound => (ErrorKind::Io, "there is no host of this name".to_owned()),
            ureq::Error::Io(error) => (ErrorKind::Io, error.to_string()),
            ureq::Error::Rustls(error) => (ErrorKind::Io, format!("no TLS: {error}")),
            ureq::Error::BodyExceedsLimit(bytes) => (ErrorKind::Limit, format!("the answer has over {bytes} bytes")),
            ureq::Error::Protocol(error) => (ErrorKind::Io, format!("this is no HTTP: {error}")),
            // Others may show the address.
            ureq::Error::Http(_) | ureq::Error::BadUri(_) => (ErrorKind::Invalid, "the address can't be".to_owned()),
            _ => (ErrorKind::Io, "the request failed".to_owned()),
        };
        Error::new(kind, format!("{place}: {what}: {why}"))
    }

    /// An answer that is no XML, or none of the kind.
    pub(super) fn unreadable(&self, what: &str, error: &quick_xml::Error) -> Error {
        Error::new(ErrorKind::Io, format!("{}: {what}: the answer can't be read: {error}", self.place))
    }

    /// What an answer that is not the wanted one says.
    pub(super) fn refusal(&self, what: &str, answer: &Answer) -> Error {
        let (status, place) = (answer.status, &self.place);
        let (kind, why) = match status {
            401 | 403 => (ErrorKind::Invalid, "it does not let us: look at who asks and the secret"),
            404 => (ErrorKind::NotFound, "it is not there"),
            300..=399 => (ErrorKind::Invalid, "it is elsewhere: give that address"),
            413 | 507 => (ErrorKind::Limit, "there is no room"),
            _ => (ErrorKind::Io, "it refused"),
        };
        let code = code(&answer.body).map(|code| format!(" {code}")).unwrap_or_default();
        Error::new(kind, format!("{place}: {what}: {why} ({status}{code})"))
    }
}

/// What stands in the elements of an answer that have this name, in whatever namespace.
pub(super) fn texts(body: &[u8], element: &str) -> Result<Vec<String>, quick_xml::Error> {
    let body = String::from_utf8_lossy(body);
    let mut reader = Reader::from_str(&body);
    let (mut all, mut inside) = (Vec::new(), None::<String>);
    loop {
        match reader.read_event()? {
            Event::Start(start) if start.local_name().as_ref() == element => inside = Some(String::new()),
            Event::Text(text) => {
                if let Some(inside) = &mut inside {
                    inside.push_str(&text);
                }
            }
            Event::GeneralRef(name) => {
                if let Some(inside) = &mut inside {
                    let character = name.resolve_char_ref()?.map(String::from);
                    let entity = quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned);
                    inside.push_str(&character.or(entity).unwrap_or_default());
                }
            }
            Event::End(end) if end.local_name().as_ref() == element => all.extend(inside.take()),
            Event::Eof => return Ok(all),
            _ => {}
        }
    }
}

/// The code of a mistake, as S3 answers it.
pub(super) fn code(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    (code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric())).then_some(code)
}

/// Those who vouch for servers: of a file, or of the system.
fn roots(ca_file: &Path) -> Result<RootCerts> {
    let certificates: Vec<Certificate<'static>> = if ca_file.as_os_str().is_empty() {
        let system = rustls_native_certs::load_native_certs().certs;
        system.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
    } else {
        let pem = std::fs::read(ca_file).map_err(|e| Error::io(format_args!("read {}", ca_file.display()), &e))?;
        let items = parse_pem(&pem).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let found: Vec<_> = items.collect();
        if found.is_empty() {
            return Err(Error::invalid(format!("{} holds no certificate in PEM", ca_file.display())));
        }
        found
    };
    Ok(RootCerts::new_with_certs(&certificates))
}
