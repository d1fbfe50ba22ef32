//! What a node says of its mesh over its socket, as a fuzzer makes it up.

use super::wire::{bytes_of, whole};
use crate::member::MeshStatus;

/// What is read is written so that it is read as the same.
#[allow(clippy::missing_panics_doc, reason = "a panic is a finding")]
pub fn mesh_status(bytes: &[u8]) {
    if let Some(status) = whole::<Option<MeshStatus>>(bytes) {
        let again = bytes_of(&status);
        assert_eq!(whole::<Option<MeshStatus>>(&again), Some(status));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::{Member, MemberState, MemberStore};

    #[test]
    fn nonsense_is_read_or_refused() {
        let stores = vec![MemberStore { store: "app".into(), behind: 1, unacked: 2, repairs: 3 }];
        let state = MemberState::Suspect;
        let (name, address) = ("grün\n".to_owned(), "[::1]:1".to_owned());
        let member = Member { name, engine: u64::MAX, address, state, since: 1, connected: true, stores };
        let status = MeshStatus {
            own: member.clone(),
            members: vec![member],
            refused: 1,
            faults: 2,
            sent_bytes: 3,
            received_bytes: 4,
            last_error: "\"".into(),
            local_health: 8,
        };
        let seeds = [bytes_of(&Some(status)), bytes_of(&None::<MeshStatus>)];
        for seed in &seeds {
            mesh_status(seed);
        }
        crate::fuzzing::try_many(&seeds, 20_000, mesh_status);
    }
}
