//! Pieces as files of an SFTP server, over SSH. The host has to show the key that is known of it. A piece is written
//! under another name and renamed, as in any directory.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle};
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh_sftp::client::SftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{OpenFlags, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use super::super::super::places::SftpConfig;
use super::{Store, UNFINISHED};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::runtime::runtime;

/// The most that a file of ours holds.
const FILE_BYTES_MAX: u64 = 64 << 20;

pub(super) struct Sftp {
    place: String,
    dir: String,
    timeout: Duration,
    session: Arc<SftpSession>,
    /// The connection ends with it.
    _connection: Handle<Host>,
    /// Always there but while it is dropped.
    runtime: Option<Runtime>,
}

/// What is known of a host.
struct Known {
    keys: Vec<PublicKey>,
    /// `SHA256:…`; empty when there is none.
    fingerprint: String,
}

/// Who looks whether the host is the one that is known.
struct Host {
    known: Known,
    /// The fingerprint that was refused.
    refused: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Host {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let is_known = self.known.keys.iter().any(|known| known.key_data() == key.key_data())
            || self.known.fingerprint == fingerprint;
        if !is_known {
            *lock(&self.refused) = Some(fingerprint);
        }
        Ok(is_known)
    }
}

impl Known {
    fn of(config: &SftpConfig, host: &str, port: u16) -> Result<Self> {
        let mut known = Known { keys: Vec::new(), fingerprint: String::new() };
        if config.host_key.starts_with("SHA256:") {
            known.fingerprint.clone_from(&config.host_key);
        } else if !config.host_key.is_empty() {
            let key = PublicKey::from_openssh(&config.host_key)
                .map_err(|e| Error::invalid(format!("sftp host_key is no public key of OpenSSH's form: {e}")))?;
            known.keys.push(key);
        }
        let file = &config.known_hosts;
        if !file.as_os_str().is_empty() {
            // Who is not there would be who knows nobody.
            std::fs::metadata(file).map_err(|e| Error::io(format_args!("read {}", file.display()), &e))?;
            let found = russh::keys::known_hosts::known_host_keys_path(host, port, file)
                .map_err(|error| Error::invalid(format!("sftp known_hosts {}: {error}", file.display())))?;
            known.keys.extend(found.into_iter().map(|(_, key)| key));
        }
        if known.keys.is_empty() && known.fingerprint.is_empty() {
            return Err(Error::invalid(format!("sftp known_hosts {} knows no key of {host}:{port}", file.display())));
        }
        Ok(known)
    }

    /// The forms of keys to ask the host for: those that are known, so that it does not show another one.
    fn algorithms(&self) -> Option<Cow<'static, [Algorithm]>> {
        let known: Vec<Algorithm> = self.keys.iter().map(PublicKey::algorithm).collect();
        (self.fingerprint.is_empty() && !known.is_empty()).then_some(Cow::Owned(known))
    }
}

impl Sftp {
    pub(super) fn open(config: &SftpConfig, database: &str, timeout: Duration) -> Result<Self> {
        let (user, host, port, path) = config.address()?;
        let known = Known::of(config, host, port)?;
        let login = Login::of(config, user)?;
        // From where the server puts the user, or from the root.
        let path = path.trim_end_matches('/');
        let dir = match path.strip_prefix("./").or_else(|| (path == ".").then_some("")) {
            Some("") => database.to_owned(),
            Some(inside) => format!("{inside}/{database}"),
            None if path.is_empty() => format!("/{database}"),
            None => format!("/{path}/{database}"),
        };
        let place = format!("sftp {user}@{host}:{port}");
        let runtime = runtime("headwater-sftp")?;
        let address = (host.to_owned(), port);
        let (at, made) = (place.clone(), dir.clone());
        let opened = run(&runtime, timeout, &place, "connect", async move {
            let (connection, session) = connect(&at, address, known, login, timeout).await?;
            make(&at, &session, &made).await?;
            Ok((connection, session))
        });
        match opened {
            Ok((connection, session)) => {
                let session = Arc::new(session);
                Ok(Sftp { place, dir, timeout, session, _connection: connection, runtime: Some(runtime) })
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// Does something within the time that there is. `what` says what, in messages.
    fn with<T, F>(&self, what: &str, work: impl FnOnce(Arc<SftpSession>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SftpError>> + Send + 'static,
    {
        let Some(runtime) = &self.runtime else { return Err(Error::new(ErrorKind::Closed, "the store is closed")) };
        let (work, place, told) = (work(Arc::clone(&self.session)), self.place.clone(), what.to_owned());
        run(runtime, self.timeout, &self.place, what, async move { work.await.map_err(|e| error(&place, &told, &e)) })
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // In the background, because whoever lets go of it may be a task of some runtime.
            runtime.shutdown_background();
        }
    }
}

/// Who logs in, and how.
struct Login {
    user: String,
    password: Option<String>,
    key: Option<PrivateKeyWithHashAlg>,
}

impl Login {
    fn of(config: &SftpConfig, user: &str) -> Result<Self> {
        let passphrase = (!config.key_passphrase.is_empty()).then(|| config.key_passphrase.reveal());
        let file = &config.key_file;
        let key = (!file.as_os_str().is_empty())
            .then(|| russh::keys::load_secret_key(file, passphrase))
            .transpose()
            .map_err(|error| Error::invalid(format!("sftp key_file {}: {error}", file.display())))?
            .map(|key| PrivateKeyWithHashAlg::new(Arc::new(key), None));
        let password = (!config.password.is_empty()).then(|| config.password.reveal().to_owned());
        if key.is_none() && password.is_none() {
            let message = "sftp has no key_file and no password, which is in the configuration alone";
            return Err(Error::invalid(message));
        }
        Ok(Login { user: user.to_owned(), password, key })
    }
}

/// Works on the thread of a runtime, and waits here, for so long at the most.
fn run<T: Send + 'static>(
    runtime: &Runtime,
    timeout: Duration,
    place: &str,
    what: &str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let (done, told) = mpsc::channel();
    runtime.spawn(async move {
        let _ = done.send(tokio::time::timeout(timeout, work).await);
    });
    match told.recv() {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Error::new(ErrorKind::Timeout, format!("{place}: {what}: no answer in {timeout:?}"))),
        Err(_) => Err(Error::new(ErrorKind::Internal, format!("{place}: {what}: nobody did it"))),
    }
}

async fn connect(
    place: &str,
    address: (String, u16),
    known: Known,
    login: Login,
    timeout: Duration,
) -> Result<(Handle<Host>, SftpSession)> {
    let at = |what: &str, error: &dyn std::fmt::Display| Error::new(ErrorKind::Io, format!("{place}: {what}: {error}"));
    let mut config = client::Config { inactivity_timeout: None, nodelay: true, ..client::Config::default() };
    if let Some(algorithms) = known.algorithms() {
        config.preferred.key = algorithms;
    }
    let refused = Arc::new(Mutex::new(None));
    let host = Host { known, refused: Arc::clone(&refused) };
    let connected = client::connect(Arc::new(config), address, host).await;
    let mut connection = connected.map_err(|error| {
        let shown = lock(&refused).take();
        match (shown, &error) {
            (Some(shown), _) => Error::new(
                ErrorKind::Conflict,
                format!("{place}: the host shows key {shown}, which is not the one that is known: it is not trusted"),
            ),
            (None, russh::Error::NoCommonAlgo { .. }) => Error::new(
                ErrorKind::Conflict,
                format!("{place}: the host has no key of the kind that is known: it is not trusted"),
            ),
            _ => at("connect", &error),
        }
    })?;
    let mut is_in = false;
    if let Some(key) = login.key {
        let answer = connection.authenticate_publickey(&login.user, key).await;
        is_in = matches!(answer.map_err(|e| at("log in", &e))?, AuthResult::Success);
    }
    if let Some(password) = login.password.filter(|_| !is_in) {
        let answer = connection.authenticate_password(&login.user, password).await;
        is_in = matches!(answer.map_err(|e| at("log in", &e))?, AuthResult::Success);
    }
    if !is_in {
        let message = format!("{place}: it does not let us in: look at the user and the password or key");
        return Err(Error::invalid(message));
    }
    let channel = connection.channel_open_session().await.map_err(|e| at("open a channel", &e))?;
    channel.request_subsystem(true, "sftp").await.map_err(|e| at("begin SFTP", &e))?;
    let session = SftpSession::new(channel.into_stream()).await.map_err(|e| error(place, "begin SFTP", &e))?;
    session.set_timeout(timeout.as_secs().max(1));
    Ok((connection, session))
}

/// Makes a directory, and those that it is in.
async fn make(place: &str, session: &SftpSession, dir: &str) -> Result<()> {
    let ends = dir.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([dir.len()]);
    for end in ends {
        let part = &dir[..end];
        if session.metadata(part).await.is_err() {
            session.create_dir(part).await.map_err(|e| error(place, &format!("make {part}"), &e))?;
        }
    }
    Ok(())
}

fn error(place: &str, what: &str, error: &SftpError) -> Error {
    let kind = match error {
        SftpError::Timeout => ErrorKind::Timeout,
        SftpError::Status(status) if status.status_code == StatusCode::PermissionDenied => ErrorKind::Invalid,
        SftpError::Status(status) if status.status_code == StatusCode::NoSuchFile => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{place}: {what}: {error}"))
}

fn unless_missing<T>(done: Result<T, SftpError>) -> Result<Option<T>, SftpError> {
    match done {
        Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
        done => done.map(Some),
    }
}

impl Store for Sftp {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (path, bytes) = (self.path(name), bytes.to_vec());
        self.with(&format!("put {path}"), |sftp| async move {
            let unfinished = format!("{path}{UNFINISHED}");
            let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
            let mut file = sftp.open_with_flags(&unfinished, flags).await?;
            file.write_all(&bytes).await?;
            file.flush().await?;
            file.close().await?;
            // A rename of version 3 replaces nothing.
            unless_missing(sftp.remove_file(&path).await)?;
            sftp.rename(unfinished, path).await
        })
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        let what = format!("get {path}");
        let found = self.with(&what, |sftp| async move {
            let Some(file) = unless_missing(sftp.open(path).await)? else { return Ok(None) };
            let mut bytes = Vec::new();
            file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await?;
            Ok(Some(bytes))
        })?;
        if found.as_ref().is_some_and(|bytes| bytes.len() as u64 > FILE_BYTES_MAX) {
            let message = format!("{}: {what}: the file has over {FILE_BYTES_MAX} bytes", self.place);
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(found)
    }

    fn list(&self) -> Result<Vec<String>> {
        let dir = self.dir.clone();
        self.with(&format!("list {dir}"), |sftp| async move {
            Ok(sftp.read_dir(dir).await?.map(|entry| entry.file_name()).collect())
        })
    }

    fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        self.with(
            &format!("delete {path}"),
            |sftp| async move { unless_missing(sftp.remove_file(path).await).map(drop) },
        )
    }

    fn place(&self) -> String {
        let from_user = if self.dir.starts_with('/') { "" } else { "/./" };
        format!("{}{from_user}{}", self.place, self.dir)
    }
}
