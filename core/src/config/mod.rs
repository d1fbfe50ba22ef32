//! A node as a file says: `headwater.toml` with its directory, streams, hub, links, how it is watched and reached.
//!
//! Whatever is wrong in it is an error that names file, line, column and key, before anything is touched. Core reads
//! no environment: who opens a file hands in what `${VARIABLE}` stands for. What a key means is for the type that
//! it fills.

mod auth;
mod edit;
mod file;
mod grpc;
mod http;
mod hub;
mod link;
#[cfg(feature = "mesh")]
mod mesh;
mod presence;
#[cfg(feature = "replica")]
mod replica;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::disk::{Disk, OpenMode, OsDisk, read_all};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::StreamConfig;
use crate::stream::hub::HubOptions;
use crate::stream::link::LinkConfig;
use crate::subject::overlap;
pub use auth::{AuthConfig, Reads};
pub use edit::ConfigFile;
use file::{File, Section};
pub use grpc::GrpcConfig;
pub use http::HttpConfig;

/// What such a file is called in the directory that it is about.
pub const CONFIG_FILE: &str = "headwater.toml";

/// The file of a directory that holds the path of what it was configured by, where that is not its own file.
pub(crate) const CONFIGURED_BY: &str = "configured-by";

/// What variables of the environment stand for; `None` where one is not set.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A node: a directory, its streams, its hub, and the links between them.
///
/// ```
/// let text = r#"
///     dir = "data"
///     [[stream]]
///     name = "orders"
///     subjects = ["orders.>"]
///     [hub]
///     url = "nats://${HUB}:4222"
///     [[link]]
///     stream = "orders"
///     hub_stream = "ORDERS"
/// "#;
/// let config = headwater::Config::parse(text, &|name| (name == "HUB").then(|| "127.0.0.1".into()))?;
/// assert_eq!(config.links[0].remote, "ORDERS");
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Config {
    /// The directory. In a file that says none it is the one that the file is in.
    pub dir: Option<PathBuf>,
    /// Streams that shall be there, as they are told to be.
    pub streams: Vec<StreamConfig>,
    /// The hub that the links go to.
    pub hub: Option<HubOptions>,
    /// What joins local streams to the hub's.
    pub links: Vec<LinkConfig>,
    /// Where presence, health and metrics are served over HTTP, and within what bounds.
    pub http: HttpConfig,
    /// Whose tokens are taken there; nobody's when not set.
    pub auth: Option<AuthConfig>,
    /// The file that it was read from.
    pub file: Option<PathBuf>,
    /// The mesh that the node is part of.
    #[cfg(feature = "mesh")]
    pub mesh: Option<crate::mesh::MeshConfig>,
    /// Where stores of state that merges are served over gRPC; nowhere when not set.
    pub grpc: Option<GrpcConfig>,
    /// Who is here: a presence store that the node keeps open.
    pub presence: Option<crate::presence::PresenceConfig>,
    /// The SQLite file that replicates.
    #[cfg(feature = "replica")]
    pub replica: Option<crate::replica::DatabaseConfig>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("dir", &self.dir)
            .field("streams", &self.streams)
            .field("hub", &self.hub)
            .field("links", &self.links)
            .field("http", &self.http)
            .field("auth", &self.auth)
            .field("grpc", &self.grpc)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(dead_code, reason = "the sections were taken out before; they are named among what there is")]
struct TopTable {
    dir: Option<PathBuf>,
    stream: IgnoredAny,
    hub: IgnoredAny,
    link: IgnoredAny,
    http: IgnoredAny,
    auth: IgnoredAny,
    mesh: IgnoredAny,
    grpc: IgnoredAny,
    presence: IgnoredAny,
    replica: IgnoredAny,
}

impl Config {
    /// Reads a configuration. Paths stay as they are written, and nobody looks whether they are there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with line, column and key of the first mistake.
    pub fn parse(text: &str, env: Environment<'_>) -> Result<Self> {
        Self::parse_in(text, env, None)
    }

    fn parse_in(text: &str, env: Environment<'_>, beside: Option<&Path>) -> Result<Self> {
        let file = File::parse(text, env)?;
        let mut top = file.top();
        let mut config = Config::default();
        for section in top.tables("stream")? {
            let stream = stream(section, &config.streams)?;
            config.streams.push(stream);
        }
        let hub = top.table("hub")?;
        config.hub = hub.map(|section| hub::read(section, beside)).transpose()?;
        for section in top.tables("link")? {
            if config.hub.is_none() {
                return Err(section.error("a link needs a [hub] with a url"));
            }
            let link = link::read(section, &config.links)?;
            config.links.push(link);
        }
        let mesh = top.table("mesh")?;
        #[cfg(feature = "mesh")]
        {
            config.mesh = mesh.map(mesh::read).transpose()?;
        }
        #[cfg(not(feature = "mesh"))]
        if let Some(section) = mesh {
            return Err(section.error("this build has no mesh"));
        }
        let presence = top.table("presence")?;
        config.presence = presence.map(|section| presence::read(section, config.hub.is_some())).transpose()?;
        if let Some(presence) = config.presence.as_ref().filter(|_| config.hub.is_some()) {
            let link = presence::link(presence, &config.links);
            config.links.extend(link);
        }
        let replica = top.table("replica")?;
        #[cfg(feature = "replica")]
        {
            config.replica = replica.map(replica::read).transpose()?;
            if let Some(replica) = config.replica.as_ref().filter(|_| config.hub.is_some()) {
                let links = replica::links(replica, &config.links)?;
                config.links.extend(links);
            }
        }
        #[cfg(not(feature = "replica"))]
        if let Some(section) = replica {
            return Err(section.error("this build has no SQLite replicator"));
        }
        config.http = top.table("http")?.map(http::read).transpose()?.unwrap_or_default();
        config.auth = top.table("auth")?.map(auth::read).transpose()?;
        #[cfg(feature = "mesh")]
        let shared = config.mesh.as_ref().map(|mesh| &mesh.certs);
        #[cfg(not(feature = "mesh"))]
        let shared = None;
        config.grpc = top.table("grpc")?.map(|section| grpc::read(section, shared)).transpose()?;
        config.dir = top.fill::<TopTable>(|_| Ok(()))?.dir;
        Ok(config)
    }

    /// Reads a file. Paths in it are relative to the directory that it is in, and that is also where its streams are
    /// when it says no `dir`.
    ///
    /// # Errors
    /// As [`Config::parse`], with the name of the file, and when `[hub]` names a file that is not there;
    /// [`ErrorKind::NotFound`] when the file itself is not there.
    pub fn load(path: impl AsRef<Path>, env: Environment<'_>) -> Result<Self> {
        let path = path.as_ref();
        let beside = path.parent().unwrap_or(Path::new(""));
        let mut config = Config::parse_in(&read(path)?, env, Some(beside)).map_err(|e| e.context(path.display()))?;
        let here = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
        config.dir = Some(config.dir.map_or_else(|| here.to_path_buf(), |dir| beside.join(dir)));
        config.file = Some(path.to_path_buf());
        #[cfg(feature = "mesh")]
        if let Some(mesh) = &mut config.mesh {
            mesh.certs = mesh.certs.beside(beside);
        }
        #[cfg(feature = "replica")]
        if let Some(replica) = &mut config.replica {
            replica.path = beside.join(&replica.path);
            replica.snapshot.each_path(|path| Ok(beside.join(path)))?;
        }
        config.http = config.http.beside(beside);
        config.auth = config.auth.map(|auth| auth.beside(beside));
        if let Some(grpc) = &mut config.grpc {
            grpc.certs = grpc.certs.beside(beside);
        }
        Ok(config)
    }

    /// Refuses a SQLite file that this process has open otherwise: what a door asks before
    /// [`crate::Engine::open_config`].
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`], as of `replica::refuse_opened`.
    pub fn refuse_opened(&self) -> Result<()> {
        #[cfg(feature = "replica")]
        if let Some(replica) = &self.replica {
            crate::replica::refuse_opened(&replica.path).map_err(|error| error.context("[replica]"))?;
        }
        Ok(())
    }

    /// The file that says what a directory is: the one that it was opened by last ([`crate::Engine::open_config`]) as
    /// long as that is there, and else `headwater.toml` in it.
    pub fn file_of(dir: impl AsRef<Path>) -> PathBuf {
        let dir = dir.as_ref();
        let noted = read(&dir.join(CONFIGURED_BY)).ok().map(PathBuf::from).filter(|file| OsDisk.exists(file));
        noted.unwrap_or_else(|| dir.join(CONFIG_FILE))
    }
}

/// The text of a file.
fn read(path: &Path) -> Result<String> {
    if !OsDisk.exists(path) {
        return Err(Error::not_found(format!("there is no file {}", path.display())));
    }
    let bytes = OsDisk.open(path, OpenMode::Read).and_then(|f| read_all(&*f));
    let bytes = bytes.map_err(|e| Error::io(format_args!("read {}", path.display()), &e))?;
    String::from_utf8(bytes)
        .map_err(|e| Error::new(ErrorKind::Invalid, format!("{} is not UTF-8 text: {e}", path.display())))
}

fn stream(section: Section<'_>, others: &[StreamConfig]) -> Result<StreamConfig> {
    let (section, hub) = with_hub(section)?;
    let (at, subjects_at) = (section.place_of("name"), section.place_of("subjects"));
    if hub {
        return Err(section.error("a local stream takes no settings of a hub; those are for `create` of a link"));
    }
    let stream = section.fill(|config: &StreamConfig| config.clone().checked()?.for_local().map(|_| ()))?;
    if others.iter().any(|other| other.name == stream.name) {
        return Err(at.error(&format!("name: there are two streams '{}'", stream.name)));
    }
    let stream = stream.checked()?;
    let pairs = others.iter().flat_map(|other| other.subjects.iter().map(move |taken| (other, taken)));
    for (other, taken) in pairs {
        if let Some(subject) = stream.subjects.iter().find(|subject| overlap(subject, taken)) {
            let message = format!("subjects: '{subject}' overlaps with '{taken}' of stream '{}'", other.name);
            return Err(subjects_at.error(&message));
        }
    }
    Ok(stream)
}

fn with_hub(mut section: Section<'_>) -> Result<(Section<'_>, bool)> {
    let hub = section.table("hub")?.is_some();
    Ok((section, hub))
}
