//! What a link is told to do.

use serde::{Deserialize, Serialize};

use super::POSITIONS;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::{StreamConfig, check_name};
use crate::subject::{check_filter, covers};

/// Which way records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the local stream to the other one.
    Push,
    /// From the other stream to the local one.
    Pull,
    /// Both ways.
    #[default]
    Both,
}

impl Direction {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Push => "push",
            Direction::Pull => "pull",
            Direction::Both => "both",
        }
    }

    /// Whether local records go to the other stream.
    pub fn pushes(self) -> bool {
        self != Direction::Pull
    }

    /// Whether the other stream's records come here.
    pub fn pulls(self) -> bool {
        self != Direction::Push
    }
}

/// What is carried first after a time apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// Every record, in order.
    #[default]
    History,
    /// The newest record of each subject alone, then what comes: for those who need the state and not how it came
    /// about. What is passed over is counted as skipped.
    Latest,
}

/// What is done when the other stream was made anew or lost its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnReset {
    /// Push everything that is kept here and is not there; pull from its beginning.
    #[default]
    Resend,
    /// Push only what is new from here on; pull from its beginning.
    Continue,
    /// Carry nothing until somebody decides.
    Stop,
}

/// Subjects here under one prefix are subjects there under another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectMap {
    /// Whole tokens, such as `orders`.
    pub local: String,
    /// Whole tokens, such as `edge.7.orders`.
    pub remote: String,
}

/// A local stream joined to another one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// Its name, as for a stream; positions are kept under it.
    pub name: String,
    /// The local stream.
    pub stream: String,
    /// The stream on the other side.
    pub remote: String,
    /// Which way records go.
    pub direction: Direction,
    /// Only records whose local subject one of these takes; all when empty.
    pub filters: Vec<String>,
    /// How subjects change on the way; subjects under no prefix stay as they are.
    pub map: Vec<SubjectMap>,
    /// What is carried first after a time apart.
    pub catch_up: CatchUp,
    /// What is done when the other stream was made anew.
    pub on_reset: OnReset,
    /// Nobody else appends to the other stream: records are pushed one by one, each under the condition that nothing
    /// came between. Without it many may push to one stream, in atomic batches, which takes a server from 2.12 on.
    pub exclusive: bool,
    /// What the stream on the other side is made as when it is not there; without it the link waits until it is. Its
    /// name may be left open, and its subjects: those of the local stream then, as they are there, and what positions
    /// of many pushers need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Box<StreamConfig>>,
}

impl LinkConfig {
    /// A link of this name between two streams, everything else by default.
    pub fn new(name: impl Into<String>, stream: impl Into<String>, remote: impl Into<String>) -> Self {
        LinkConfig { name: name.into(), stream: stream.into(), remote: remote.into(), ..LinkConfig::default() }
    }

    /// Refuses what cannot be.
    pub(crate) fn check(&self) -> Result<()> {
        for (what, name) in [("link", &self.name), ("stream", &self.stream), ("remote stream", &self.remote)] {
            check_name(what, name)?;
        }
        self.filters.iter().try_for_each(|f| check_filter(f))?;
        if let Some(create) = &self.create {
            if !create.name.is_empty() && create.name != self.remote {
                let message = format!("create names stream '{}', and the link '{}'", create.name, self.remote);
                return Err(Error::invalid(message));
            }
            StreamConfig { name: self.remote.clone(), ..(**create).clone() }.checked()?;
        }
        for SubjectMap { local, remote } in &self.map {
            for prefix in [local, remote] {
                crate::subject::check_subject(prefix).map_err(|e| e.context("a prefix of a map"))?;
            }
        }
        let overlaps = |a: &str, b: &str| under(a, b).is_some() || under(b, a).is_some();
        for (i, a) in self.map.iter().enumerate() {
            if let Some(b) =
                self.map[..i].iter().find(|b| overlaps(&a.local, &b.local) || overlaps(&a.remote, &b.remote))
            {
                return Err(Error::invalid(format!(
                    "the maps {} to {} and {} to {} overlap: a record could not find its way back",
                    a.local, a.remote, b.local, b.remote
                )));
            }
        }
        Ok(())
    }

    /// What the other stream is made as, beside a local stream that takes these subjects.
    pub(crate) fn to_create(&self, subjects: &[String]) -> Option<StreamConfig> {
        let mut config = (**self.create.as_ref()?).clone();
        if config.name.is_empty() {
            config.name.clone_from(&self.remote);
        }
        if config.subjects.is_empty() {
            config.subjects = subjects.iter().map(|s| self.to_remote(s)).collect();
        }
        if self.needs_positions() && !takes_positions(&config) {
            config.subjects.push(positions_of(&self.remote));
        }
        Some(config)
    }

    /// Whether it leaves position records at the other stream.
    pub(crate) fn needs_positions(&self) -> bool {
        self.direction.pushes() && !self.exclusive
    }

    /// Refuses another stream that cannot be pushed to.
    pub(crate) fn check_remote(&self, remote: &StreamConfig) -> Result<()> {
        if !self.needs_positions() || takes_positions(remote) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "stream '{}' does not take '{}', where links keep what they pushed: add that subject to it, or set \
                 exclusive where nobody else appends to it",
                self.remote,
                positions_of(&self.remote)
            ),
        ))
    }

    /// The subject there of a subject here.
    pub(crate) fn to_remote(&self, subject: &str) -> String {
        change(subject, self.map.iter().map(|m| (m.local.as_str(), m.remote.as_str())))
    }

    /// The subject here of a subject there.
    pub(crate) fn to_local(&self, subject: &str) -> String {
        change(subject, self.map.iter().map(|m| (m.remote.as_str(), m.local.as_str())))
    }
}

/// The filter of the position records in a stream.
fn positions_of(stream: &str) -> String {
    format!("{POSITIONS}.{stream}.>")
}

fn takes_positions(config: &StreamConfig) -> bool {
    config.subjects.iter().any(|s| covers(s, &positions_of(&config.name)))
}

/// What of a subject comes below a prefix of whole tokens.
fn under<'a>(prefix: &str, subject: &'a str) -> Option<&'a str> {
    subject.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn change<'a>(subject: &str, mut pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let changed = pairs.find_map(|(from, to)| under(from, subject).map(|rest| format!("{to}{rest}")));
    changed.unwrap_or_else(|| subject.to_owned())
}
