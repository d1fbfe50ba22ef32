//! One who calls a node of a mesh, and is no node of it: he has a certificate, and listens to nobody.

use std::time::Duration;

use tokio::runtime::Runtime;
use tonic::transport::Channel;

use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::runtime::runtime;
use crate::stream::contract::{Listener, WireOps};
use crate::tls::{Tls, grpcs};

use super::calls::{call, check, client, request, spawn};
use super::proto::mesh_client::MeshClient;

/// Calls to the node at one address. It connects at the first one, and again after a connection broke.
pub(crate) struct MeshCaller {
    client: MeshClient<Channel>,
    /// It ends in the background, as whoever lets go of it may be a task.
    runtime: Option<Runtime>,
}

impl Drop for MeshCaller {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

impl MeshCaller {
    /// One for the node at `grpcs://host:port`, which has to show a certificate for that host, or this name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what is no such address or name; [`ErrorKind::Io`] when the system gives no thread.
    pub(crate) fn new(url: &str, server_name: &str, tls: &Tls) -> Result<Self> {
        let (address, host) = grpcs(url)?;
        let runtime = runtime("headwater-mesh-caller")?;
        let client = {
            let _inside = runtime.enter();
            client(address, if server_name.is_empty() { host } else { server_name }, tls)?
        };
        Ok(MeshCaller { client, runtime: Some(runtime) })
    }
}

impl WireOps for MeshCaller {
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Error::new(ErrorKind::Closed, "the caller is closed"));
        let checked = check(subject, &payload).and(runtime);
        Pending::after(checked, |runtime| {
            let call = call(self.client.clone(), request(subject, payload, timeout), timeout);
            spawn(runtime.handle(), call)
        })
    }

    fn listen(&self, _: &str, _: Listener) -> Pending<Box<dyn Send + Sync>> {
        let message = "one who calls a mesh and is no node of it can't be called";
        Pending::ready(Err(Error::new(ErrorKind::Unsupported, message)))
    }
}
