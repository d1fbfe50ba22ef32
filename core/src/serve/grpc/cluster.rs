//! The mesh that a node is part of, as its clients are told; a node that is in no mesh says itself.

use super::v1;
use crate::engine::Engine;
use crate::error::Result;
use crate::member::{Member, MemberState, MemberStore, MeshStatus};

/// How the mesh of an engine stands. Where it is part of none, it is alone, at the address of the door.
pub(super) fn mesh_of(engine: &Engine, address: &str, since: u64) -> Result<MeshStatus> {
    if let Some(mesh) = engine.mesh().wait()? {
        return Ok(mesh);
    }
    let store = |store| MemberStore { store, behind: 0, unacked: 0, repairs: 0 };
    let own = Member {
        name: address.to_owned(),
        engine: engine.id(),
        address: address.to_owned(),
        state: MemberState::Alive,
        since,
        connected: true,
        stores: engine.crdts().wait()?.into_iter().map(store).collect(),
    };
    Ok(MeshStatus {
        own,
        members: Vec::new(),
        refused: 0,
        faults: 0,
        sent_bytes: 0,
        received_bytes: 0,
        last_error: String::new(),
        local_health: 0,
    })
}

pub(super) fn cluster_out(mesh: MeshStatus) -> v1::ClusterResponse {
    v1::ClusterResponse {
        own: Some(member_out(mesh.own)),
        members: mesh.members.into_iter().map(member_out).collect(),
        refused: mesh.refused,
        faults: mesh.faults,
        sent_bytes: mesh.sent_bytes,
        received_bytes: mesh.received_bytes,
        last_error: mesh.last_error,
        local_health: mesh.local_health,
    }
}

fn member_out(member: Member) -> v1::Member {
    use v1::member::State;
    let state = match member.state {
        MemberState::Alive => State::Alive,
        MemberState::Suspect => State::Suspect,
        MemberState::Down => State::Down,
        MemberState::Left => State::Left,
    };
    let store = |MemberStore { store, behind, unacked, repairs }| v1::MemberStore { store, behind, unacked, repairs };
    v1::Member {
        name: member.name,
        engine: member.engine,
        address: member.address,
        state: state as i32,
        since_ns: member.since,
        connected: member.connected,
        stores: member.stores.into_iter().map(store).collect(),
    }
}

pub(super) fn cluster(response: v1::ClusterResponse) -> MeshStatus {
    MeshStatus {
        own: member(response.own.unwrap_or_default()),
        members: response.members.into_iter().map(member).collect(),
        refused: response.refused,
        faults: response.faults,
        sent_bytes: response.sent_bytes,
        received_bytes: response.received_bytes,
        last_error: response.last_error,
        local_health: response.local_health,
    }
}

fn member(member: v1::Member) -> Member {
    let state = match member.state() {
        v1::member::State::Alive => MemberState::Alive,
        v1::member::State::Down => MemberState::Down,
        v1::member::State::Left => MemberState::Left,
        // What a newer node says of a member is nothing to rely on.
        v1::member::State::Suspect | v1::member::State::Unspecified => MemberState::Suspect,
    };
    let store = |v1::MemberStore { store, behind, unacked, repairs }| MemberStore { store, behind, unacked, repairs };
    Member {
        name: member.name,
        engine: member.engine,
        address: member.address,
        state,
        since: member.since_ns,
        connected: member.connected,
        stores: member.stores.into_iter().map(store).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_comes_back_as_it_went() {
        let states = [MemberState::Alive, MemberState::Suspect, MemberState::Down, MemberState::Left];
        let member = |state: MemberState| Member {
            name: state.name().to_owned(),
            engine: 4,
            address: "h:1".to_owned(),
            state,
            since: 5,
            connected: state == MemberState::Alive,
            stores: vec![MemberStore { store: "app".to_owned(), behind: 7, unacked: 8, repairs: 9 }],
        };
        let whole = MeshStatus {
            own: member(MemberState::Alive),
            members: states.map(member).into(),
            refused: 1,
            faults: 2,
            sent_bytes: 3,
            received_bytes: 4,
            last_error: "none".to_owned(),
            local_health: 5,
        };
        assert_eq!(cluster(cluster_out(whole.clone())), whole);
    }
}
