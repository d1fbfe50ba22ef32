//! `[[link]]`: a local stream joined to one of the hub, which is made when it is not there.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::file::Section;
use crate::error::{Error, Result};
use crate::stream::config::StreamConfig;
use crate::stream::hub_config::HubConfig;
use crate::stream::link::{CatchUp, Direction, LinkConfig, OnReset, SubjectMap};

/// The keys of a link beside `create`: those of [`LinkConfig`], `hub_stream` for its `remote`, and two for short.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LinkTable {
    name: Option<String>,
    stream: String,
    hub_stream: Option<String>,
    direction: Direction,
    filter: Option<String>,
    filters: Vec<String>,
    map: Vec<SubjectMap>,
    catch_up: CatchUp,
    on_reset: OnReset,
    exclusive: bool,
    /// Replicas of the hub's stream when it is made.
    replicas: Option<u32>,
    #[allow(dead_code, reason = "it was taken out before; it is named among what there is")]
    create: IgnoredAny,
}

impl LinkTable {
    fn config(&self) -> Result<LinkConfig> {
        if self.filter.is_some() && !self.filters.is_empty() {
            return Err(Error::invalid("filter and filters are given, one of them is enough"));
        }
        let remote = self.hub_stream.clone().unwrap_or_else(|| self.stream.clone());
        let hub = self.replicas.map(|replicas| Box::new(HubConfig { replicas, ..HubConfig::default() }));
        let config = LinkConfig {
            name: self.name.clone().unwrap_or_else(|| format!("{}-{remote}", self.stream)),
            stream: self.stream.clone(),
            remote,
            direction: self.direction,
            filters: self.filter.iter().chain(&self.filters).cloned().collect(),
            map: self.map.clone(),
            catch_up: self.catch_up,
            on_reset: self.on_reset,
            exclusive: self.exclusive,
            create: Some(Box::new(StreamConfig { hub, ..StreamConfig::default() })),
        };
        config.check()?;
        Ok(config)
    }
}

/// Reads one, beside those before it.
pub(super) fn read(mut section: Section<'_>, others: &[LinkConfig]) -> Result<LinkConfig> {
    let (replicas, name) = (section.place_of("replicas"), section.place_of("name"));
    let switched = section.switch("create");
    let made = if switched.is_none() { section.table("create")? } else { None };
    let made = made.map(create).transpose()?;
    let table = section.fill(|link: &LinkTable| link.config().map(|_| ()))?;
    let mut link = table.config()?;
    if let Some(mut made) = made {
        if let (Some(count), hub) = (table.replicas, &mut made.hub) {
            if hub.is_some() {
                return Err(replicas.error("replicas: create has settings of a hub, say it there"));
            }
            *hub = Some(Box::new(HubConfig { replicas: count, ..HubConfig::default() }));
        }
        link.create = Some(Box::new(made));
        link.check().map_err(|e| name.error(e.message()))?;
    }
    if switched == Some(false) {
        link.create = None;
    }
    if others.iter().any(|other| other.name == link.name) {
        return Err(name.error(&format!("name: there are two links '{}'", link.name)));
    }
    Ok(link)
}

/// What the hub's stream is made as.
fn create(mut section: Section<'_>) -> Result<StreamConfig> {
    let hub = section.table("hub")?;
    let hub: Option<HubConfig> = hub.map(|hub| hub.fill(|_| Ok(()))).transpose()?;
    // A name that was left open is the link's to say.
    let named = |config: &StreamConfig| match config.name.is_empty() {
        true => StreamConfig { name: "open".to_owned(), ..config.clone() }.checked().map(|_| ()),
        false => config.clone().checked().map(|_| ()),
    };
    let config: StreamConfig = section.fill(named)?;
    Ok(StreamConfig { hub: hub.map(Box::new), ..config })
}
