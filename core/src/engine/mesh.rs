//! The mesh that an engine is part of: which one, and how it stands, through a node too.

use std::sync::{Arc, PoisonError, Weak};

use super::{Engine, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::member::{MeshStatus, Tells};
use crate::pending::Pending;

impl Engine {
    /// Who is in the mesh that this engine is part of, and how far its stores are; none if it is part of none.
    pub fn mesh(&self) -> Pending<Option<MeshStatus>> {
        match &self.0 {
            Kind::Local(inner) => {
                let told = inner.mesh.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Weak::upgrade);
                told.map_or_else(|| Pending::ready(Ok(None)), |told| told.status().map(Some))
            }
            Kind::Other(other) => other.ops.mesh(),
        }
    }

    /// Says that it is part of a mesh.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it is part of one already; [`ErrorKind::Unsupported`] where its files are elsewhere.
    #[cfg_attr(not(feature = "mesh"), allow(dead_code, reason = "for the feature that has a mesh"))]
    pub(crate) fn take_part(&self, mesh: &Arc<dyn Tells>) -> Result<()> {
        let inner = self.local("a node of a mesh")?;
        let mut slot = inner.mesh.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().and_then(Weak::upgrade).is_some() {
            return Err(Error::new(ErrorKind::Conflict, "this engine is part of a mesh already"));
        }
        *slot = Some(Arc::downgrade(mesh));
        Ok(())
    }
}
