//! Pieces as resources of a collection of a WebDAV server (RFC 4918). A piece is put under another name and moved, as a
//! put that broke off may leave a part of it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::super::places::WebDavConfig;
use super::http::{Answer, Http, texts};
use super::{Store, UNFINISHED};
use crate::error::{Error, Result};

pub(super) struct WebDav {
    http: Http,
    /// The collection, without a `/` at its end.
    collection: String,
    authorization: Option<String>,
}

impl WebDav {
    pub(super) fn open(config: &WebDavConfig, database: &str, timeout: Duration) -> Result<Self> {
        if !config.login.is_empty() && config.secret.is_empty() {
            return Err(Error::invalid("webdav has a login and no secret, which is in the configuration alone"));
        }
        let parent = config.url.trim_end_matches('/');
        let collection = format!("{parent}/{database}");
        let pair = || STANDARD.encode(format!("{}:{}", config.login, config.secret.reveal()));
        let authorization = (!config.login.is_empty()).then(|| format!("Basic {}", pair()));
        let http = Http::new(format!("webdav {collection}"), &config.ca_file, timeout)?;
        let dav = WebDav { http, collection, authorization };
        // What is there already is answered with 405.
        let is_made = |answer: &Answer| matches!(answer.status, 200..=299 | 405);
        let mut answer = dav.send("MKCOL", &dav.collection, &[], None, "make it")?;
        if answer.status == 409 {
            dav.send("MKCOL", parent, &[], None, "make what it is in")?;
            answer = dav.send("MKCOL", &dav.collection, &[], None, "make it")?;
        }
        if is_made(&answer) { Ok(dav) } else { Err(dav.http.refusal("make it", &answer)) }
    }

    fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        what: &str,
    ) -> Result<Answer> {
        let mut all = headers.to_vec();
        all.extend(self.authorization.as_deref().map(|it| ("authorization", it)));
        self.http.send(method, url, &all, body, what)
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.collection)
    }

    fn done(&self, answer: &Answer, what: &str) -> Result<()> {
        if (200..300).contains(&answer.status) { Ok(()) } else { Err(self.http.refusal(what, answer)) }
    }
}

impl Store for WebDav {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let what = format!("put {name}");
        let unfinished = self.url(&format!("{name}{UNFINISHED}"));
        self.done(&self.send("PUT", &unfinished, &[], Some(bytes), &what)?, &what)?;
        let to = [("destination", &*self.url(name)), ("overwrite", "T")];
        self.done(&self.send("MOVE", &unfinished, &to, None, &what)?, &what)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let what = format!("get {name}");
        let answer = self.send("GET", &self.url(name), &[], None, &what)?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => Err(self.http.refusal(&what, &answer)),
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        let url = format!("{}/", self.collection);
        let answer = self.send("PROPFIND", &url, &[("depth", "1")], None, "list it")?;
        self.done(&answer, "list it")?;
        let listed = texts(&answer.body, "href").map_err(|error| self.http.unreadable("list it", &error))?;
        // The collection itself is among them, and ends with a slash. Our names need no decoding.
        let names = listed.iter().filter_map(|href| href.rsplit('/').next());
        Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let what = format!("delete {name}");
        let answer = self.send("DELETE", &self.url(name), &[], None, &what)?;
        if answer.status == 404 { Ok(()) } else { self.done(&answer, &what) }
    }

    fn place(&self) -> String {
        self.http.place().to_owned()
    }
}
