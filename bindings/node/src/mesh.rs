//! Meshes: joining one, leaving it, and who is in it. `lib/mesh.js` is the other side.

use headwater::{CertFiles, Engine, Member, MemberStore, MeshConfig, MeshStatus, Preset};
use napi::Env;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::error::{Result, fault};
use crate::handles::Held;
use crate::jobs;
use crate::values::millis;

/// A node of a mesh.
#[napi(object, object_to_js = false)]
pub struct MeshRequest {
    pub name: Option<String>,
    pub bind: Option<String>,
    pub advertise: Option<String>,
    pub seeds: Option<Vec<String>>,
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
    pub server_name: Option<String>,
    pub stores: Option<Vec<String>>,
    pub preset: Option<String>,
    pub horizon_ms: Option<f64>,
}

impl MeshRequest {
    fn into_core(self) -> Result<MeshConfig> {
        let file = |path: Option<String>| path.unwrap_or_default().into();
        Ok(MeshConfig {
            name: self.name.unwrap_or_default(),
            bind: self.bind.unwrap_or_default(),
            advertise: self.advertise.unwrap_or_default(),
            seeds: self.seeds.unwrap_or_default(),
            certs: CertFiles { ca: file(self.ca), cert: file(self.cert), key: file(self.key) },
            server_name: self.server_name.unwrap_or_default(),
            stores: self.stores.unwrap_or_default(),
            preset: self.preset.map_or(Ok(Preset::default()), |name| Preset::parse(&name)).map_err(fault)?,
            horizon: millis("horizonMs", self.horizon_ms.unwrap_or_default())?,
        })
    }
}

/// Joins a mesh; it reads files and may ask for the address of a name.
#[napi(catch_unwind)]
pub fn engine_join_mesh(env: Env, engine: u32, request: MeshRequest) -> Result<Raw> {
    let config = request.into_core()?;
    Engine::with(engine, |engine, hub| {
        let engine = engine.clone();
        jobs::run(env, hub, move || engine.join_mesh(config).map(|()| Answer::Done))
    })
}

/// Says good-bye to the others, which takes a while.
#[napi(catch_unwind)]
pub fn engine_leave_mesh(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        let engine = engine.clone();
        jobs::run(env, hub, move || {
            engine.leave_mesh();
            Ok(Answer::Done)
        })
    })
}

/// A mesh, as one of its nodes sees it.
#[napi(object, object_from_js = false)]
pub struct MeshDescription {
    pub own: MemberDescription,
    pub members: Vec<MemberDescription>,
    pub refused: u64,
    pub faults: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub last_error: String,
    pub local_health: u32,
}

/// One node.
#[napi(object, object_from_js = false)]
pub struct MemberDescription {
    pub name: String,
    pub engine: u64,
    pub address: String,
    pub state: String,
    pub since: u64,
    pub connected: bool,
    pub stores: Vec<MemberStoreDescription>,
}

/// One store as it is shared with one node.
#[napi(object, object_from_js = false)]
pub struct MemberStoreDescription {
    pub store: String,
    pub behind: u64,
    pub unacked: u64,
    pub repairs: u64,
}

impl From<MeshStatus> for MeshDescription {
    fn from(mesh: MeshStatus) -> Self {
        MeshDescription {
            own: mesh.own.into(),
            members: mesh.members.into_iter().map(Into::into).collect(),
            refused: mesh.refused,
            faults: mesh.faults,
            sent_bytes: mesh.sent_bytes,
            received_bytes: mesh.received_bytes,
            last_error: mesh.last_error,
            local_health: mesh.local_health,
        }
    }
}

impl From<Member> for MemberDescription {
    fn from(member: Member) -> Self {
        MemberDescription {
            name: member.name,
            engine: member.engine,
            address: member.address,
            state: member.state.name().to_owned(),
            since: member.since,
            connected: member.connected,
            stores: member.stores.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<MemberStore> for MemberStoreDescription {
    fn from(store: MemberStore) -> Self {
        let MemberStore { store, behind, unacked, repairs } = store;
        MemberStoreDescription { store, behind, unacked, repairs }
    }
}

/// Who is in the mesh; null if the engine is part of none.
#[napi(catch_unwind)]
pub fn engine_mesh(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        hub.settle(env, engine.mesh().map(|mesh| Answer::value(mesh.map(MeshDescription::from))))
    })
}
