//! What a mesh is told: where this node listens, whom it joins, and how fast the protocol beats.

use std::time::Duration;

use crate::certs::CertFiles;
use crate::clock::{MILLISECOND, Nanos, SECOND};
use crate::error::{Error, ErrorKind, Result};

/// How fast a mesh notices what happens, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Nodes that are milliseconds apart: probes each second, a node that does not answer is down after about 5 s.
    #[default]
    Lan,
    /// Nodes that are far apart: probes each 5 s, down after about 30 s.
    Wan,
    /// The pace of the system that this one follows: gossip each 2 s to 3 nodes, suspected by 6 s, down by 10 s,
    /// contexts compared each 60 s.
    Seed,
}

impl Preset {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Lan => "lan",
            Preset::Wan => "wan",
            Preset::Seed => "seed",
        }
    }

    /// Reads what [`Preset::name`] gives.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for another name.
    pub fn parse(name: &str) -> Result<Preset> {
        [Preset::Lan, Preset::Wan, Preset::Seed]
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| Error::invalid(format!("'{name}' is no preset of a mesh: there are lan, wan and seed")))
    }

    /// How often a node compares what it has applied with one other, on the average.
    pub(super) fn meet_every(self) -> Nanos {
        match self {
            Preset::Lan => 10 * SECOND,
            Preset::Wan => 30 * SECOND,
            Preset::Seed => 60 * SECOND,
        }
    }

    /// How long after a write it may be sent with others.
    pub(super) fn linger(self) -> Nanos {
        match self {
            Preset::Lan => 5 * MILLISECOND,
            Preset::Wan => 100 * MILLISECOND,
            Preset::Seed => 500 * MILLISECOND,
        }
    }
}

/// The horizon of a node that is not told one.
const HORIZON: Duration = Duration::from_secs(30 * 86_400);
/// Bytes of a node's name, so that a packet of the membership protocol holds three nodes.
const NAME_BYTES_MAX: usize = 128;
/// Bytes of a node's address: those of the longest name of DNS, and a port.
const ADDRESS_BYTES_MAX: usize = 260;

/// Refuses what no packet of the membership protocol could hold.
pub(super) fn check_node(name: &str, address: &str) -> Result<()> {
    for (what, bytes, max) in [("name", name.len(), NAME_BYTES_MAX), ("address", address.len(), ADDRESS_BYTES_MAX)] {
        if bytes > max {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("the {what} of a node of a mesh has {bytes} bytes, and {max} at the most are taken"),
            ));
        }
    }
    Ok(())
}

/// Whether a node that names these stores keeps a store in step: all when it names none.
pub(super) fn keeps(stores: &[String], store: &str) -> bool {
    stores.is_empty() || stores.iter().any(|name| name == store)
}

/// A node of a mesh.
#[derive(Debug, Clone, Default)]
pub struct MeshConfig {
    /// What people call this node, 128 bytes at the most; the host of `bind` and its port when empty.
    pub name: String,
    /// Where it listens, host:port.
    pub bind: String,
    /// Where others reach it, host:port; `bind` when empty.
    pub advertise: String,
    /// Nodes to join by, host:port with a name or an address. They are called until each is connected.
    pub seeds: Vec<String>,
    /// Its certificates; one CA signed those of all nodes.
    pub certs: CertFiles,
    /// The name that the certificates of nodes have; that of the address that was called when empty.
    pub server_name: String,
    /// The stores that this node keeps in step; all there are, here and elsewhere, when empty.
    pub stores: Vec<String>,
    /// How fast it beats.
    pub preset: Preset,
    /// After so long without a word of a node, others no longer wait for it with forgetting what was removed; zero is
    /// 30 days.
    pub horizon: Duration,
}

impl MeshConfig {
    pub(super) fn horizon(&self) -> Nanos {
        let horizon = if self.horizon.is_zero() { HORIZON } else { self.horizon };
        Nanos::try_from(horizon.as_nanos()).unwrap_or(Nanos::MAX)
    }

    /// Refuses what could not work.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`], with the field; [`ErrorKind::Limit`] for a name or an address that is too long.
    pub fn check(&self) -> Result<()> {
        let place = |field: &str, place: &str| {
            let port =
                place.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse().ok());
            port.map(|_: u16| ()).ok_or_else(|| Error::invalid(format!("{field}: '{place}' is not host:port")))
        };
        place("bind", &self.bind)?;
        check_node(&self.name, if self.advertise.is_empty() { &self.bind } else { &self.advertise })?;
        if !self.advertise.is_empty() {
            place("advertise", &self.advertise)?;
        }
        self.seeds.iter().try_for_each(|seed| place("seeds", seed))?;
        let CertFiles { ca, cert, key } = &self.certs;
        for (field, path) in [("ca", ca), ("cert", cert), ("key", key)] {
            if path.as_os_str().is_empty() {
                return Err(Error::invalid(format!("{field}: nodes of a mesh show each other certificates")));
            }
        }
        Ok(())
    }
}
