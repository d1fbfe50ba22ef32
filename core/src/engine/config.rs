//! An engine as a configuration says: the directory opened, its streams made or changed, its links at work.
//!
//! The hub is not waited for, so a node begins where there is no network.

use super::{Engine, EngineOptions};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::StreamConfig;
use crate::stream::link::LinkConfig;

impl Engine {
    /// Opens the directory of a configuration for writing, makes or changes its streams, and begins its links. The engine
    /// owns all of it: closing it ends the links and the connection to the hub.
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
        let engine = Engine::open_with(dir, options)?;
        engine.configure(config)?;
        Ok(engine)
    }

    fn configure(&self, config: &Config) -> Result<()> {
        for stream in &config.streams {
            self.provide_stream(stream).map_err(|e| e.context(format_args!("[[stream]] '{}'", stream.name)))?;
        }
        let Some(options) = &config.hub else { return Ok(()) };
        let hub = Engine::connect(options.clone()).wait()?;
        let hub = self.local("a configuration")?.hub.get_or_init(|| hub);
        for link in &config.links {
            self.add_link(link.clone(), hub).wait().map_err(|e| e.context(format_args!("[[link]] '{}'", link.name)))?;
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

    /// Adds a link to the hub that the engine was configured with.
    ///
    /// # Errors
    /// Those of [`Engine::add_link`]; [`ErrorKind::Unsupported`] when it was configured with none.
    pub fn add_hub_link(&self, link: LinkConfig) -> Result<()> {
        let none = || Error::new(ErrorKind::Unsupported, "this engine was configured with no hub");
        let hub = self.local("a link")?.hub.get().ok_or_else(none)?;
        self.add_link(link, hub).wait()
    }
}
