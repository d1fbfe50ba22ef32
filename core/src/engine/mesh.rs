//! The mesh that an engine is part of: joined and left, and how it stands, through a node too.

use std::sync::Arc;

use super::{Engine, Kind};
use crate::locks::lock;
use crate::member::{MeshStatus, Part};
use crate::pending::Pending;

impl Engine {
    /// Who is in the mesh that this engine is part of, and how far its stores are; none if it is part of none.
    pub fn mesh(&self) -> Pending<Option<MeshStatus>> {
        match &self.0 {
            Kind::Local(inner) => {
                let part = lock(&inner.mesh).clone();
                part.map_or_else(|| Pending::ready(Ok(None)), |part| part.status().map(Some))
            }
            Kind::Other(other) => other.ops.mesh(),
        }
    }

    /// Its part in a mesh, in this process.
    pub(crate) fn mesh_part(&self) -> Option<Arc<dyn Part>> {
        match &self.0 {
            Kind::Local(inner) => lock(&inner.mesh).clone(),
            Kind::Other(_) => None,
        }
    }

    /// Makes it part of a mesh that a test made up.
    #[cfg(test)]
    pub(crate) fn join_made_up(&self, part: Arc<dyn Part>) {
        if let Kind::Local(inner) = &self.0 {
            *lock(&inner.mesh) = Some(part);
        }
    }

    /// Whether it is part of a mesh in this process.
    #[cfg(all(feature = "config", feature = "mesh"))]
    pub(super) fn is_in_mesh(&self) -> bool {
        match &self.0 {
            Kind::Local(inner) => lock(&inner.mesh).is_some(),
            Kind::Other(_) => false,
        }
    }

    /// Where a node of a mesh keeps what it knows of others.
    #[cfg(feature = "mesh")]
    pub(crate) fn directory(&self) -> crate::error::Result<(Arc<dyn crate::disk::Disk>, std::path::PathBuf)> {
        let inner = self.local("a node of a mesh")?;
        Ok((Arc::clone(&inner.shared.disk), inner.root.clone()))
    }

    /// Joins a mesh, and is part of it until it leaves or is closed. It does not wait for any other node.
    ///
    /// CRDT stores that are in this engine, or in those of other nodes, are from then on the same at all nodes: what is
    /// written is at every node that can be reached within milliseconds, and at the others some seconds after they can
    /// be. Every write stays local. An engine that is part of a mesh stays open until [`Engine::close`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a configuration or certificates that can't be;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a file that is not there;
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the address can't be listened at;
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when it is part of one already;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for an engine that can't be written to, or whose files
    /// another process has open.
    #[cfg(feature = "mesh")]
    pub fn join_mesh(&self, config: crate::mesh::MeshConfig) -> crate::error::Result<()> {
        use std::sync::atomic::Ordering;

        use crate::error::{Error, ErrorKind};

        let inner = self.local("a node of a mesh")?;
        if self.is_read_only() {
            return Err(Error::new(ErrorKind::Unsupported, "a node of a mesh needs an engine that can be written to"));
        }
        let mut part = lock(&inner.mesh);
        if part.is_some() {
            return Err(Error::new(ErrorKind::Conflict, "this engine is part of a mesh already"));
        }
        *part = Some(Arc::new(crate::mesh::MeshNode::start(self, config)?));
        inner.has_met.store(true, Ordering::Release);
        Ok(())
    }

    /// Says good-bye to the other nodes of the mesh, which tell it from one that does not answer. Nothing if it is part
    /// of none.
    pub fn leave_mesh(&self) {
        let part: Option<Arc<dyn Part>> = match &self.0 {
            Kind::Local(inner) => lock(&inner.mesh).take(),
            Kind::Other(_) => None,
        };
        if let Some(part) = part {
            part.leave();
        }
    }
}
