//! What a node hears of entities, as a fuzzer makes it up: requests, questions and answers.

use super::wire::{self, Envelope};

/// Whatever came, it is read or refused; what was read is said again in the same words, or shorter ones.
#[allow(clippy::missing_panics_doc, reason = "a panic is a finding")]
pub fn message(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert!(wire::question(bytes).is_none(), "it is one or the other");
        let again = envelope.encode();
        assert!(again.len() <= bytes.len());
        assert_eq!(Envelope::decode(&again).expect("it was read before").encode(), again);
    }
    if let Some(wire::Question::Where(name)) = wire::question(bytes) {
        name.id().check().expect("a name that may be");
    }
    if let Ok(outcome) = wire::decode(bytes) {
        let again = wire::encode(&outcome);
        assert_eq!(wire::encode(&wire::decode(&again).expect("it was read before")), again);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::chain::Chain;
    use super::super::entity::{EntityId, Name};
    use super::super::reply::Outcome;
    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn nonsense_is_refused() {
        let id = EntityId::new("account", "a b");
        let name = Arc::new(Name::of(id));
        let chain = Some(Arc::new(Chain { name, asked_by: None }));
        let to = Name::of(EntityId::new("counter", "ü"));
        let envelope =
            Envelope { to, name: "add".into(), payload: [1, 2].into(), wants_reply: true, timeout_ms: 500, chain };
        let seeds = [
            envelope.encode(),
            wire::list("counter"),
            wire::nodes(),
            wire::place_of(id),
            wire::encode(&Outcome::Answer(Ok(b"7".to_vec()))),
            wire::encode(&Outcome::Answer(Err(Error::new(ErrorKind::Conflict, "no, über")))),
            wire::encode(&Outcome::Moved),
        ];
        for seed in &seeds {
            message(seed);
        }
        crate::fuzzing::try_many(&seeds, 5_000, message);
    }
}
