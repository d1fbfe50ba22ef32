//! A node as an engine: streams by name, each made or found by a request and known by its number.

use std::sync::Arc;

use super::calls::NodeWire;
use super::session::Session;
use super::stream::NodeStream;
use super::table::{
    AddLink, AskDatabase, AskPresence, CreateStream, DeleteStream, FreeActor, Links, Mesh, Metrics, OpenStream,
    Operation, RemoveLink, StreamNames, Streams, TakeActor, UpdateStream, WatchDatabase, WatchPresence,
};
use crate::error::Result;
use crate::member::MeshStatus;
use crate::metric::Metric;
use crate::origin::Writer;
use crate::pending::Pending;
use crate::stream::config::StreamConfig;
use crate::stream::contract::{EngineOps, StreamOps, WireOps};
use crate::stream::info::StreamInfo;
use crate::stream::link::{LinkConfig, LinkStatus};

/// What requests about the engine are about.
const ENGINE: u64 = 0;

/// An engine over a connection to a node.
pub(crate) struct NodeEngine(pub(crate) Arc<Session>);

impl NodeEngine {
    fn make<O: Operation<Answer = StreamConfig>>(&self, question: &O::Question) -> Pending<Arc<dyn StreamOps>> {
        let session = Arc::clone(&self.0);
        let (id, answer) = self.0.ask_new::<O>(ENGINE, question);
        answer.map(move |config| Arc::new(NodeStream::new(session, id, config)) as Arc<dyn StreamOps>)
    }
}

impl EngineOps for NodeEngine {
    fn wire(&self) -> Option<Arc<dyn WireOps>> {
        Some(Arc::new(NodeWire(Arc::clone(&self.0))))
    }

    fn create_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        self.make::<CreateStream>(&config)
    }

    fn update_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        self.make::<UpdateStream>(&config)
    }

    fn stream(&self, name: &str) -> Pending<Arc<dyn StreamOps>> {
        self.make::<OpenStream>(&name.to_owned())
    }

    fn delete_stream(&self, name: &str) -> Pending<()> {
        self.0.ask::<DeleteStream>(ENGINE, &name.to_owned())
    }

    fn streams(&self) -> Pending<Vec<StreamInfo>> {
        self.0.ask::<Streams>(ENGINE, &())
    }

    fn stream_names(&self) -> Pending<Vec<String>> {
        self.0.ask::<StreamNames>(ENGINE, &())
    }

    fn links(&self) -> Pending<Vec<LinkStatus>> {
        self.0.ask::<Links>(ENGINE, &())
    }

    fn add_hub_link(&self, config: LinkConfig, url: &str) -> Pending<()> {
        self.0.ask::<AddLink>(ENGINE, &(config, url.to_owned()))
    }

    fn remove_link(&self, name: &str) -> Pending<()> {
        self.0.ask::<RemoveLink>(ENGINE, &name.to_owned())
    }

    fn take_actor(&self, stream: &str) -> Pending<Option<(Writer, u64)>> {
        let taken = self.0.ask::<TakeActor>(ENGINE, &stream.to_owned());
        taken.map(|taken| taken.map(|(engine, epoch, next_seq)| (Writer { engine, epoch }, next_seq)))
    }

    fn free_actor(&self, stream: &str, actor: Writer, next_seq: u64) -> Pending<()> {
        let actor = (actor.engine, actor.epoch, next_seq);
        self.0.ask::<FreeActor>(ENGINE, &(stream.to_owned(), actor))
    }

    fn metrics(&self) -> Pending<Vec<Metric>> {
        self.0.ask::<Metrics>(ENGINE, &())
    }

    fn mesh(&self) -> Pending<Option<MeshStatus>> {
        self.0.ask::<Mesh>(ENGINE, &())
    }

    fn database(&self, call: String, waits: bool) -> Pending<String> {
        if waits { self.0.ask::<WatchDatabase>(ENGINE, &call) } else { self.0.ask::<AskDatabase>(ENGINE, &call) }
    }

    fn presence(&self, call: String, waits: bool) -> Pending<String> {
        if waits { self.0.ask::<WatchPresence>(ENGINE, &call) } else { self.0.ask::<AskPresence>(ENGINE, &call) }
    }

    fn close(&self) -> Result<()> {
        self.0.close();
        Ok(())
    }
}
