//! SWIM by `foca`: probes, indirect probes, suspicion, dissemination (Das, Gupta and Motivala, "SWIM: scalable
//! weakly-consistent infection-style process group membership protocol", 2002).
//!
//! Local health is ours (Dadgar, Phillips and Currey, "Lifeguard: local health awareness for more accurate failure
//! detection", 2018): a node whose own timers ring late, or whose probes stay without answer, is likely the slow one,
//! so it waits longer before it suspects others and before it gives them up.

use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::time::Duration;

use foca::{
    AccumulatingRuntime, Config, Foca, Identity, NoCustomBroadcast, OwnedNotification, PeriodicParams, PostcardCodec,
    State, Timer,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};

use crate::clock::{MILLISECOND, Nanos};
use crate::error::{Error, Result};

use super::config::Preset;
use super::membership::{Event, Membership};
use super::proto::Node;
use crate::member::MemberState;

/// The size of a mesh that the suspicion is made for. It grows with the logarithm only.
const NODES: NonZeroU32 = NonZeroU32::new(10).expect("it is not 0");
/// How unhealthy a node takes itself for at the most: its limits are so many times longer, and once more.
const HEALTH_MAX: u32 = 8;
/// A timer that rings so late says that this node is slow.
const LATE: Nanos = 200 * MILLISECOND;

/// A node as the protocol knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Id {
    engine: u64,
    run: u64,
    name: String,
    address: String,
}

impl Identity for Id {
    type Addr = u64;

    fn renew(&self) -> Option<Self> {
        Some(Id { run: self.run + 1, ..self.clone() })
    }

    fn addr(&self) -> u64 {
        self.engine
    }

    fn win_addr_conflict(&self, other: &Self) -> bool {
        self.run > other.run
    }
}

impl From<&Node> for Id {
    fn from(node: &Node) -> Id {
        Id { engine: node.engine, run: node.run, name: node.name.clone(), address: node.address.clone() }
    }
}

impl From<&Id> for Node {
    fn from(id: &Id) -> Node {
        Node { engine: id.engine, run: id.run, name: id.name.clone(), address: id.address.clone() }
    }
}

/// The protocol of one node.
pub(super) struct Swim {
    foca: Foca<Id, PostcardCodec, SmallRng, NoCustomBroadcast>,
    runtime: AccumulatingRuntime<Id>,
    timers: BTreeMap<(Nanos, u64), Timer<Id>>,
    timers_set: u64,
    packets: Vec<(Node, Vec<u8>)>,
    events: Vec<Event>,
    health: u32,
}

impl Swim {
    pub(super) fn new(own: &Node, preset: Preset, seed: u64) -> Self {
        let id = Id::from(own);
        Swim {
            foca: Foca::new(id, pace(preset), SmallRng::seed_from_u64(seed), PostcardCodec),
            runtime: AccumulatingRuntime::new(),
            timers: BTreeMap::new(),
            timers_set: 0,
            packets: Vec::new(),
            events: Vec::new(),
            health: 0,
        }
    }

    /// Takes what the protocol wants done. Limits are longer while this node is slow.
    fn settle(&mut self, now: Nanos) {
        while let Some((to, packet)) = self.runtime.to_send() {
            self.packets.push((Node::from(&to), packet.to_vec()));
        }
        while let Some((after, timer)) = self.runtime.to_schedule() {
            let is_limit = !matches!(
                timer,
                Timer::PeriodicAnnounce(_)
                    | Timer::PeriodicAnnounceDown(_)
                    | Timer::PeriodicGossip(_)
                    | Timer::RemoveDown(_)
            );
            let times = if is_limit { 1 + self.health } else { 1 };
            let after = (after * times).as_nanos() as Nanos;
            self.timers_set += 1;
            self.timers.insert((now.saturating_add(after), self.timers_set), timer);
        }
        while let Some(happened) = self.runtime.to_notify() {
            match happened {
                OwnedNotification::MemberUp(id) => self.events.push(Event::Up(Node::from(&id))),
                OwnedNotification::MemberDown(id) => self.events.push(Event::Down(Node::from(&id))),
                OwnedNotification::Rename(_, id) => self.events.push(Event::Up(Node::from(&id))),
                OwnedNotification::Rejoin(id) => self.events.push(Event::Renewed(Node::from(&id))),
                OwnedNotification::Active | OwnedNotification::Idle | OwnedNotification::Defunct => {}
            }
        }
    }

    fn feel(&mut self, is_well: bool) {
        self.health = if is_well { self.health.saturating_sub(1) } else { (self.health + 1).min(HEALTH_MAX) };
    }
}

impl Membership for Swim {
    fn own(&self) -> Node {
        Node::from(self.foca.identity())
    }

    fn join(&mut self, peer: &Node, spent_run: u64, now: Nanos) {
        let own = self.foca.identity();
        if own.run <= spent_run {
            // Not the next one, which others may know of already.
            let newer = Id { run: spent_run.saturating_add(2), ..own.clone() };
            // It fails only for an identity that is the same.
            let _ = self.foca.change_identity(newer.clone(), &mut self.runtime);
            self.events.push(Event::Renewed(Node::from(&newer)));
        }
        // It fails only for what does not fit into a packet, which the lengths of names and addresses rule out.
        let _ = self.foca.announce(Id::from(peer), &mut self.runtime);
        self.settle(now);
    }

    fn hear(&mut self, packet: &[u8], now: Nanos) -> Result<()> {
        let heard = self.foca.handle_data(packet, &mut self.runtime);
        self.settle(now);
        heard.map_err(|e| Error::invalid(format!("a packet of the membership protocol: {e}")))
    }

    fn tick(&mut self, now: Nanos) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((due, _), timer) = entry.remove_entry();
            let is_check = matches!(timer, Timer::SendIndirectProbe { .. });
            // A timer of an earlier life is refused, which is as well.
            let _ = self.foca.handle_timer(timer, &mut self.runtime);
            if is_check {
                // It asks others to probe only where no answer came.
                let sent = self.packets.len();
                self.settle(now);
                let is_answered = self.packets.len() == sent;
                self.feel(is_answered && now.saturating_sub(due) < LATE);
            }
            self.settle(now);
        }
    }

    fn due(&self) -> Nanos {
        self.timers.first_key_value().map_or(Nanos::MAX, |((at, _), _)| *at)
    }

    fn leave(&mut self, now: Nanos) {
        let _ = self.foca.leave_cluster(&mut self.runtime);
        self.settle(now);
    }

    fn members(&self) -> Vec<(Node, MemberState)> {
        let state = |state| match state {
            State::Alive => MemberState::Alive,
            State::Suspect => MemberState::Suspect,
            State::Down => MemberState::Down,
        };
        self.foca.iter_membership_state().map(|member| (Node::from(member.id()), state(member.state()))).collect()
    }

    fn take_packets(&mut self) -> Vec<(Node, Vec<u8>)> {
        std::mem::take(&mut self.packets)
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn local_health(&self) -> u32 {
        self.health
    }
}

/// What a preset is for the protocol.
fn pace(preset: Preset) -> Config {
    match preset {
        Preset::Lan => Config::new_lan(NODES),
        Preset::Wan => Config::new_wan(NODES),
        Preset::Seed => {
            const THREE: NonZeroUsize = NonZeroUsize::new(3).expect("it is not 0");
            let each =
                |seconds, num_members| Some(PeriodicParams { frequency: Duration::from_secs(seconds), num_members });
            Config {
                probe_period: Duration::from_secs(2),
                probe_rtt: Duration::from_millis(600),
                num_indirect_probes: THREE,
                max_transmissions: NonZeroU8::new(10).expect("it is not 0"),
                suspect_to_down_after: Duration::from_secs(4),
                remove_down_after: Some(Duration::from_secs(24 * 60 * 60)),
                notify_down_members: true,
                periodic_announce: each(60, NonZeroUsize::MIN),
                periodic_announce_to_down_members: each(60, NonZeroUsize::MIN),
                periodic_gossip: each(2, THREE),
                ..Config::simple()
            }
        }
    }
}
