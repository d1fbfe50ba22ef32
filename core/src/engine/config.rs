//! An engine as a configuration says: the directory opened, its streams made or changed, its links at work.
//!
//! The hub is not waited for, so a node begins where there is no network.

use super::{Engine, EngineOptions, NodeUse};
use crate::config::{CONFIG_FILE, CONFIGURED_BY, Config};
use crate::disk::{is_same, replace};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::StreamConfig;

impl Engine {
    /// Opens the directory of a configuration for writing, makes or changes its streams, and begins its links. The
    /// engine owns all of it: closing it ends the links and the connection to the hub.
    ///
    /// It does not wait for the hub: [`Engine::hub_state`] and [`Engine::links`] say how far they are.
    ///
    /// # Errors
    /// Those of [`Engine::open`] and [`Engine::update_stream`]; [`ErrorKind::Invalid`] when it names no directory.
    pub fn open_config(config: &Config) -> Result<Engine> {
        Self::open_config_with(config, EngineOptions::default())
    }

    /// As [`Engine::open_config`], with these options.
    pub fn open_config_with(config: &Config, options: EngineOptions) -> Result<Engine> {
        let dir = config.dir.as_ref().ok_or_else(|| Error::invalid("the configuration names no dir"))?;
        // What a configuration says is for the process that has the files open.
        let engine = Engine::open_with(dir, EngineOptions { node: NodeUse::Never, ..options })?;
        if let Err(error) = engine.configure(config).and_then(|()| engine.note_file(config)) {
            // One that is part of a mesh, or has a replicated file, would stay open, and nobody could close it.
            let _ = engine.close();
            return Err(error);
        }
        Ok(engine)
    }

    /// Makes an engine at work what a configuration says: streams are made or changed, links begun, ended, and begun
    /// anew where they changed, and so is its replicated file. Its hub and where it is watched stay as they are until
    /// it is opened again.
    ///
    /// # Errors
    /// As [`Engine::open_config`]; [`ErrorKind::Conflict`] when it is about another directory or another hub, or says
    /// something else of presence. What was done before a mistake showed stays done.
    pub fn reconfigure(&self, config: &Config) -> Result<()> {
        let inner = self.local("a configuration")?;
        if let Some(dir) = config.dir.as_ref().filter(|dir| !is_same(dir, &inner.root)) {
            let message = format!("its dir is {}, and this is {}", dir.display(), inner.root.display());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.configure(config)?;
        let counts = (config.streams.len(), config.links.len());
        self.log("info", format!("configured anew, with {} streams and {} links", counts.0, counts.1));
        Ok(())
    }

    fn configure(&self, config: &Config) -> Result<()> {
        for stream in &config.streams {
            self.provide_stream(stream).map_err(|e| e.context(format_args!("[[stream]] '{}'", stream.name)))?;
        }
        #[cfg(feature = "mesh")]
        if let Some(mesh) = config.mesh.as_ref().filter(|_| !self.is_in_mesh()) {
            self.join_mesh(mesh.clone()).map_err(|e| e.context("[mesh]"))?;
        }
        if let Some(presence) = &config.presence {
            self.keep_presence(presence.clone()).map_err(|e| e.context("[presence]"))?;
        }
        let hub = config.hub.as_ref().map(|options| self.provide_hub(options.clone())).transpose()?;
        #[cfg(feature = "replica")]
        {
            if let Some(replica) = &config.replica {
                self.attach_anew(replica.clone()).map_err(|e| e.context("[replica]"))?;
            }
            self.run_databases()?;
        }
        let at_work = self.local("a link")?.links.configs();
        for link in at_work.iter().filter(|link| !config.links.contains(link)) {
            self.remove_link(&link.name)?;
        }
        let Some(hub) = hub else { return Ok(()) };
        for link in config.links.iter().filter(|link| !at_work.contains(link)) {
            self.add_link(link.clone(), &hub)
                .wait()
                .map_err(|e| e.context(format_args!("[[link]] '{}'", link.name)))?;
        }
        Ok(())
    }

    /// Leaves word in the directory of the file that it is configured by, for those who look for its links later.
    fn note_file(&self, config: &Config) -> Result<()> {
        let inner = self.local("a configuration")?;
        let (disk, note) = (&*inner.shared.disk, inner.root.join(CONFIGURED_BY));
        let at = |e| Error::io(format_args!("write {}", note.display()), &e);
        let own = inner.root.join(CONFIG_FILE);
        let other = config.file.as_ref().filter(|file| !is_same(file, &own));
        if let Some(file) = other.map(std::path::absolute).transpose().map_err(at)? {
            return replace(disk, &note, file.as_os_str().as_encoded_bytes()).map_err(at);
        }
        if disk.exists(&note) { disk.remove(&note).map_err(at) } else { Ok(()) }
    }

    /// Makes a stream what it shall be, whether it was there or not.
    fn provide_stream(&self, config: &StreamConfig) -> Result<()> {
        match self.stream(&config.name).wait() {
            Err(error) if error.kind() == ErrorKind::NotFound => self.create_stream(config.clone()).wait()?,
            Ok(stream) if stream.config() == *config => stream,
            Ok(_) => {
                self.shared().log("info", format!("stream '{}' is changed to what is configured", config.name));
                self.update_stream(config.clone()).wait()?
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }
}
