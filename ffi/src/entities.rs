//! Live entities: one handler for each kind and key, alive while it is wanted (docs/entities.md).
//!
//! The program takes turns from a queue and completes what is in them; nothing here calls it. Any thread may ask an
//! entity, wherever it is handled.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use headwater::Result;
use headwater::entities::{ClusterConfig, Entities, EntitiesConfig, EntityId, Turn};

use crate::bytes::hw_str;
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::gate::{Queue, Waitable};
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::queue::QueueHandle;
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;

/// How entities live. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_entities_config {
    /// sizeof(hw_entities_config)
    pub struct_size: usize,
    /// The cluster that they are shared in: 1 to 64 letters, digits, `-` and `_`; none when empty.
    pub cluster: hw_str,
    /// The name of this node in it, alike, which no other has; not for a client.
    pub node: hw_str,
    /// After how long of silence the other nodes take its shards, in milliseconds, at least 1,000; 0 is 10,000.
    pub ttl_ms: u64,
    /// How long a handler lives that nobody asks, in milliseconds; 0 is 120,000.
    pub idle_ms: u64,
    /// How long a handler may take for one item, in milliseconds; 0 is 30,000.
    pub lease_ms: u64,
    /// The most messages that wait for one entity; 0 is 1,024.
    pub mailbox: usize,
    /// The most handlers that are alive; 0 is 100,000.
    pub active: usize,
    /// The most bytes that handlers say they hold, by hw_entities_holds; beyond, idle ones stop, the one first that was
    /// asked longest ago; 0 is no limit.
    pub memory: u64,
    /// The shards that keys are spread over, the same on all nodes for ever; 0 is 256.
    pub shards: u32,
    /// How often a message is handed out that nobody waits for, until it is a dead letter; 0 is 3.
    pub attempts: u32,
    /// The most background tasks of one handler that are under way at once; 0 is 16.
    pub tasks: u32,
    /// How many shards this node gets beside the others, up to 100; 0 is 1.
    pub weight: u32,
    /// Not 0: it asks the entities of the cluster, and is no node of it.
    pub is_client: u8,
    /// Not 0: its nodes meet over the mesh that the engine has joined, and not on its hub or in its directory.
    pub mesh: u8,
}

versioned!(hw_entities_config);

/// Live entities on this node. `const`: safe from many threads; each turn goes to one.
pub struct hw_entities {
    pub(crate) root: Arc<Root>,
    wait: Waitable<Entities>,
}

impl Handle for hw_entities {
    const NOUN: &'static str = "entities";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

impl hw_entities {
    pub(crate) fn core(&self) -> &Entities {
        &self.wait.queue
    }
}

impl QueueHandle for hw_entities {
    type Queue = Entities;

    fn wait(&self) -> &Waitable<Entities> {
        &self.wait
    }
}

impl Queue for Entities {
    type Items = Vec<Turn>;

    fn try_next(&self, max: usize) -> Result<Vec<Turn>> {
        let mut turns = Vec::new();
        while turns.len() < max
            && let Some(turn) = Entities::try_next(self)?
        {
            turns.push(turn);
        }
        Ok(turns)
    }

    fn is_nothing(turns: &Vec<Turn>) -> bool {
        turns.is_empty()
    }

    fn poll_ready(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        Entities::poll_ready(self, cx)
    }
}

/// An entity as calls name it: kind and key, each with its length.
pub(crate) struct Id(pub(crate) *const c_char, pub(crate) usize, pub(crate) *const c_char, pub(crate) usize);

impl Id {
    pub(crate) fn id<'a>(&self) -> Result<EntityId<'a>> {
        Ok(EntityId::new(raw::text("kind", self.0, self.1)?, raw::text("key", self.2, self.3)?))
    }
}

fn config(from: &hw_entities_config) -> Result<EntitiesConfig> {
    let time = |ms: u64, default: Duration| if ms == 0 { default } else { Duration::from_millis(ms) };
    let count = |n: u32, default: u32| if n == 0 { default } else { n };
    let default = EntitiesConfig::default();
    let mesh = from.mesh != 0;
    let cluster = match (from.cluster.some("cluster")?, from.is_client != 0) {
        (Some(name), true) => Some(ClusterConfig { mesh, ..ClusterConfig::client(name) }),
        (Some(name), false) => {
            let node = ClusterConfig::new(name, from.node.text("node")?);
            let (weight, ttl) = (count(from.weight, node.weight), time(from.ttl_ms, node.ttl));
            Some(ClusterConfig { weight, ttl, mesh, ..node })
        }
        (None, _) => None,
    };
    Ok(EntitiesConfig {
        shards: count(from.shards, default.shards),
        mailbox: if from.mailbox == 0 { default.mailbox } else { from.mailbox },
        active: if from.active == 0 { default.active } else { from.active },
        memory: from.memory,
        idle: time(from.idle_ms, default.idle),
        lease: time(from.lease_ms, default.lease),
        attempts: count(from.attempts, default.attempts),
        tasks: count(from.tasks, default.tasks),
        cluster,
    })
}

/// Begins to keep live entities, alone or as a node of a cluster, whose bucket is made if it is not there.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_UNSUPPORTED (a cluster on an engine without requests from node to node),
///            HW_STATUS_MISUSE (a cluster over a mesh on an engine that has joined none), HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call, and may be NULL; `*entities` is yours, free with hw_entities_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_entities(
    engine: Option<&hw_engine>,
    config: *const hw_entities_config,
    entities: *mut *mut hw_entities,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = self::config(&raw::options(config)?)?;
        let out = Out::required("entities", entities)?;
        let wait = Waitable::new(engine.root.engine.entities(config).wait()?);
        out.give(hw_entities { root: engine.root.clone(), wait });
        Ok(())
    })
}

/// How many handlers are alive on this node.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_active(
    entities: Option<&hw_entities>,
    active: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| {
        Out::required("active", active)?.set(entities.core().active());
        Ok(())
    })
}

/// For tests: hands out nothing of an entity until hw_entities_step or hw_entities_resume.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_pause(
    entities: Option<&hw_entities>,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| entities.core().pause(Id(kind, kind_len, key, key_len).id()?))
}

/// For tests: hands out one item of an entity that is paused.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_step(
    entities: Option<&hw_entities>,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| entities.core().step(Id(kind, kind_len, key, key_len).id()?))
}

/// For tests: ends a pause.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_resume(
    entities: Option<&hw_entities>,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(entities, error, |entities| entities.core().resume(Id(kind, kind_len, key, key_len).id()?))
}

/// Leaves the cluster in good order: what waits is done, so other threads must go on to take turns, its handlers stop,
/// and its shards go to the others. Then it is closed. Without a cluster it only closes.
///
/// Errors:    HW_STATUS_CLOSED, HW_STATUS_IO; it is not closed then.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_leave(entities: Option<&hw_entities>, error: *mut *mut hw_error) -> hw_status {
    on(entities, error, |entities| entities.core().leave().wait())
}

/// Ends it: whoever waits gets HW_STATUS_CLOSED, and turns that are out are void. Closing twice is nothing. The handle
/// must still be freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_close(entities: Option<&hw_entities>, error: *mut *mut hw_error) -> hw_status {
    on(entities, error, |entities| {
        entities.core().close();
        Ok(())
    })
}

/// Closes and frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entities_free(entities: Option<Box<hw_entities>>) {
    if let Some(entities) = &entities {
        entities.core().close();
    }
    release_handle(entities);
}
