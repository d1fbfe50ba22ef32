//! Pieces as objects of a bucket of S3, or of what speaks as it does.

use std::time::Duration;

use super::super::super::places::S3Config;
use super::Store;
use super::http::{Answer, Http, code, texts};
use super::sigv4::{Asked, Signer, encode_path, encode_query};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// Answers of a list that are read, of 1,000 names each.
const PAGES_MAX: usize = 1_000;

pub(super) struct S3 {
    http: Http,
    /// With its scheme, and with the port where one is said.
    origin: String,
    host: String,
    /// What the paths of all objects begin with, from the root.
    bucket_path: String,
    signer: Option<Signer>,
    /// What all keys begin with.
    prefix: String,
    engine: Engine,
}

impl S3 {
    pub(super) fn open(config: &S3Config, database: &str, timeout: Duration, engine: &Engine) -> Result<Self> {
        let address = config.address();
        let (scheme, host) = address.split_once("://").unwrap_or_default();
        let host = host.trim_end_matches('/');
        if !matches!(scheme, "http" | "https") || host.is_empty() || host.contains(['/', '@', '?']) {
            return Err(Error::invalid("s3 endpoint must be https://host:port"));
        }
        if !config.access_key.is_empty() && config.secret.is_empty() {
            return Err(Error::invalid("s3 has an access_key and no secret, which is in the configuration alone"));
        }
        let (host, bucket_path) = if config.path_style {
            (host.to_owned(), format!("/{}", config.bucket))
        } else {
            (format!("{}.{host}", config.bucket), String::new())
        };
        // As it is sent and signed: a port that goes without saying is not said.
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let host = host.strip_suffix(usual).unwrap_or(&host).to_owned();
        let region = if config.region.is_empty() { "us-east-1" } else { &config.region };
        let signer = (!config.access_key.is_empty()).then(|| Signer {
            access_key: config.access_key.clone(),
            secret: config.secret.reveal().to_owned(),
            session_token: config.session_token.reveal().to_owned(),
            region: region.to_owned(),
        });
        let path = config.path.trim_matches('/');
        let prefix = if path.is_empty() { format!("{database}/") } else { format!("{path}/{database}/") };
        let origin = format!("{scheme}://{host}");
        let http = Http::new(format!("s3 {origin}{bucket_path}"), &config.ca_file, timeout)?;
        Ok(S3 { http, origin, host, bucket_path, signer, prefix, engine: engine.clone() })
    }

    /// Asks for a key, or for the bucket where that is empty.
    fn send(&self, method: &str, key: &str, query: &[(&str, &str)], body: Option<&[u8]>, what: &str) -> Result<Answer> {
        let path = encode_path(&format!("{}/{key}", self.bucket_path));
        let query = encode_query(query);
        let asked = Asked { method, host: &self.host, path: &path, query: &query, body: body.unwrap_or_default() };
        let signed = self.signer.as_ref().map(|signer| signer.headers(&asked, self.engine.clock().now()));
        let headers: Vec<(&str, &str)> = signed.iter().flatten().map(|(name, value)| (*name, value.as_str())).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        self.http.send(method, &format!("{}{path}{mark}{query}", self.origin), &headers, body, what)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn refusal(&self, what: &str, answer: &Answer) -> Error {
        if code(&answer.body) == Some("NoSuchBucket") {
            return Error::not_found(format!("{}: {what}: there is no such bucket: make it", self.http.place()));
        }
        self.http.refusal(what, answer)
    }
}

impl Store for S3 {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let key = self.key(name);
        let what = format!("put {key}");
        let answer = self.send("PUT", &key, &[], Some(bytes), &what)?;
        if answer.status == 200 { Ok(()) } else { Err(self.refusal(&what, &answer)) }
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let key = self.key(name);
        let what = format!("get {key}");
        let answer = self.send("GET", &key, &[], None, &what)?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 if code(&answer.body) != Some("NoSuchBucket") => Ok(None),
            _ => Err(self.refusal(&what, &answer)),
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        let what = format!("list {}", self.prefix);
        let (mut all, mut token) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let mut query = vec![("list-type", "2"), ("prefix", self.prefix.as_str())];
            if let Some(token) = &token {
                query.insert(0, ("continuation-token", token));
            }
            let answer = self.send("GET", "", &query, None, &what)?;
            if answer.status != 200 {
                return Err(self.refusal(&what, &answer));
            }
            let keys = texts(&answer.body, "Key").map_err(|e| self.http.unreadable(&what, &e))?;
            all.extend(keys.iter().filter_map(|key| key.strip_prefix(&self.prefix)).map(str::to_owned));
            let tokens = texts(&answer.body, "NextContinuationToken").map_err(|e| self.http.unreadable(&what, &e))?;
            token = tokens.into_iter().next().filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
        let message = format!("{}: {what}: there are over {PAGES_MAX} pages of objects", self.http.place());
        Err(Error::new(ErrorKind::Limit, message))
    }

    fn delete(&self, name: &str) -> Result<()> {
        let key = self.key(name);
        let what = format!("delete {key}");
        let answer = self.send("DELETE", &key, &[], None, &what)?;
        match answer.status {
            200 | 204 => Ok(()),
            404 if code(&answer.body) != Some("NoSuchBucket") => Ok(()),
            _ => Err(self.refusal(&what, &answer)),
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.http.place(), self.prefix.trim_end_matches('/'))
    }
}
