//! The node and the others that it knows, as its clients are told. Who knows of others is asked when somebody wants to
//! know; a node that is in no mesh knows itself.

use super::v1;
use crate::clock::Nanos;

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberState {
    /// It answers.
    Alive,
    /// It did not answer lately.
    Suspect,
    /// It did not answer for so long that nobody waits for it.
    Dead,
    /// It said that it goes.
    Left,
}

impl MemberState {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            MemberState::Alive => "alive",
            MemberState::Suspect => "suspect",
            MemberState::Dead => "dead",
            MemberState::Left => "left",
        }
    }
}

/// A node as another one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where it is reached, host and port.
    pub address: String,
    /// How it is.
    pub state: MemberState,
    /// Since when.
    pub since: Nanos,
    /// How often it had to say that it is there after all.
    pub incarnation: u64,
    /// How far it is, by store.
    pub stores: Vec<StoreLag>,
}

/// How far a node is in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreLag {
    /// The store.
    pub store: String,
    /// Operations that are known and that it has not applied yet.
    pub operations: u64,
}

/// The node that answers, and all that it knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cluster {
    /// The name of the node that answers.
    pub node: String,
    /// It and the others.
    pub members: Vec<Member>,
}

pub(super) fn cluster_out(cluster: Cluster) -> v1::ClusterResponse {
    use v1::member::State;
    let member = |member: Member| {
        let state = match member.state {
            MemberState::Alive => State::Alive,
            MemberState::Suspect => State::Suspect,
            MemberState::Dead => State::Dead,
            MemberState::Left => State::Left,
        };
        let store = |lag: StoreLag| v1::StoreLag { store: lag.store, operations: lag.operations };
        v1::Member {
            name: member.name,
            address: member.address,
            state: state as i32,
            since_ns: member.since,
            incarnation: member.incarnation,
            stores: member.stores.into_iter().map(store).collect(),
        }
    };
    v1::ClusterResponse { node: cluster.node, members: cluster.members.into_iter().map(member).collect() }
}

pub(super) fn cluster(response: v1::ClusterResponse) -> Cluster {
    let member = |member: v1::Member| Member {
        state: match member.state() {
            v1::member::State::Alive => MemberState::Alive,
            v1::member::State::Dead => MemberState::Dead,
            v1::member::State::Left => MemberState::Left,
            // What a newer node says of a member is nothing to rely on.
            v1::member::State::Suspect | v1::member::State::Unspecified => MemberState::Suspect,
        },
        name: member.name,
        address: member.address,
        since: member.since_ns,
        incarnation: member.incarnation,
        stores: member
            .stores
            .into_iter()
            .map(|lag| StoreLag { store: lag.store, operations: lag.operations })
            .collect(),
    };
    Cluster { node: response.node, members: response.members.into_iter().map(member).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_comes_back_as_it_went() {
        let states = [MemberState::Alive, MemberState::Suspect, MemberState::Dead, MemberState::Left];
        let member = |state: MemberState| Member {
            name: state.name().to_owned(),
            address: "h:1".to_owned(),
            state,
            since: 5,
            incarnation: 6,
            stores: vec![StoreLag { store: "app".to_owned(), operations: 7 }],
        };
        let whole = Cluster { node: "alive".to_owned(), members: states.map(member).into() };
        assert_eq!(cluster(cluster_out(whole.clone())), whole);
    }
}
