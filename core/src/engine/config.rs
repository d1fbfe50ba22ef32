//! An engine as a configuration says: the directory opened, its streams made or changed, its links at work.
//!
//! The hub is not waited for, so a node begins where there is no network.

use super::{Engine, EngineOptions, NodeUse};
use crate::config::Config;
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
        engine.configure(config)?;
        Ok(engine)
    }

    fn configure(&self, config: &Config) -> Result<()> {
        for stream in &config.streams {
            self.provide_stream(stream).map_err(|e| e.context(format_args!("[[stream]] '{}'", stream.name)))?;
        }
        #[cfg(feature = "mesh")]
        if let Some(mesh) = &config.mesh {
            self.join_mesh(mesh.clone()).map_err(|e| e.context("[mesh]"))?;
        }
        let Some(options) = &config.hub else { return Ok(()) };
        let hub = self.provide_hub(options.clone())?;
        for link in &config.links {
            self.add_link(link.clone(), &hub)
                .wait()
                .map_err(|e| e.context(format_args!("[[link]] '{}'", link.name)))?;
        }
        Ok(())
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
