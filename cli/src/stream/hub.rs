//! The flags for what only a hub can be told of a stream, for `add` and `edit` alike: what is not given stays as it is.

use clap::{Args, ValueEnum};
use headwater::{HubConfig, Storage, StreamConfig, StreamSource, SubjectTransform};

#[derive(Args)]
#[command(next_help_heading = "With --hub")]
pub(crate) struct HubSettings {
    /// On how many servers, 1 to 5 [default: 1].
    #[arg(long, value_name = "COUNT")]
    replicas: Option<u32>,
    /// Where they keep it [default: file].
    #[arg(long)]
    storage: Option<StorageName>,
    /// The cluster that it has to be in.
    #[arg(long, value_name = "NAME")]
    placement_cluster: Option<String>,
    /// Tags that its servers have to have, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "TAGS")]
    placement_tags: Option<Vec<String>>,
    /// A stream that it takes records from, and which of its subjects; may be given again.
    #[arg(long, value_parser = parse_source, value_name = "STREAM[:FILTER]")]
    source: Vec<StreamSource>,
    /// The stream that it is a copy of; it takes no subjects of its own then.
    #[arg(long, value_parser = parse_source, value_name = "STREAM[:FILTER]")]
    #[arg(conflicts_with_all = ["source", "subjects"])]
    mirror: Option<StreamSource>,
    /// How subjects change as records come in, such as 'in.*=out.{{wildcard(1)}}'.
    #[arg(long, value_parser = parse_transform, value_name = "FROM=TO")]
    transform: Option<SubjectTransform>,
}

#[derive(Clone, Copy, ValueEnum)]
enum StorageName {
    /// In files.
    File,
    /// In memory: gone when its servers are.
    Memory,
}

impl HubSettings {
    /// Puts what was given into `config`.
    pub(super) fn apply(self, config: &mut StreamConfig) {
        let mut hub = config.hub.as_deref().cloned().unwrap_or_default();
        let before = hub.clone();
        super::config::set(&mut hub.replicas, self.replicas);
        let storage = self.storage.map(|storage| match storage {
            StorageName::File => Storage::File,
            StorageName::Memory => Storage::Memory,
        });
        super::config::set(&mut hub.storage, storage);
        super::config::set(&mut hub.placement_cluster, self.placement_cluster);
        super::config::set(&mut hub.placement_tags, self.placement_tags);
        super::config::set(&mut hub.sources, Some(self.source).filter(|sources| !sources.is_empty()));
        super::config::set(&mut hub.mirror, self.mirror.map(Some));
        super::config::set(&mut hub.subject_transform, self.transform.map(Some));
        if hub != before {
            config.hub = Some(Box::new(hub));
        }
    }
}

/// What `info` shows of them: a name and a value each, of those that say something.
pub(super) fn rows(hub: &HubConfig) -> Vec<(&'static str, String)> {
    let source =
        |s: &StreamSource| if s.filter.is_empty() { s.name.clone() } else { format!("{}:{}", s.name, s.filter) };
    let storage = match hub.storage {
        Storage::File => "file",
        Storage::Memory => "memory",
    };
    let placement: Vec<&str> =
        std::iter::once(&hub.placement_cluster).chain(&hub.placement_tags).map(String::as_str).collect();
    let transform = hub.subject_transform.as_ref().map(|t| format!("{}={}", t.source, t.destination));
    vec![
        ("replicas", hub.replicas.to_string()),
        ("storage", storage.to_owned()),
        ("placement", placement.join(" ").trim().to_owned()),
        ("sources", hub.sources.iter().map(source).collect::<Vec<_>>().join(", ")),
        ("mirror of", hub.mirror.as_ref().map(source).unwrap_or_default()),
        ("transform", transform.unwrap_or_default()),
    ]
}

fn parse_source(text: &str) -> Result<StreamSource, String> {
    let (name, filter) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() {
        return Err(format!("'{text}' names no stream"));
    }
    Ok(StreamSource { name: name.to_owned(), filter: filter.to_owned(), ..StreamSource::default() })
}

fn parse_transform(text: &str) -> Result<SubjectTransform, String> {
    let (source, destination) = text.split_once('=').ok_or_else(|| format!("'{text}' is not FROM=TO"))?;
    Ok(SubjectTransform { source: source.to_owned(), destination: destination.to_owned() })
}
