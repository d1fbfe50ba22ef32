//! Which node a shard is on, as one node sees it: told what the others wrote and what time it is, it says what to
//! write.
//!
//! Nodes share a board. Each renews a record of its own, `node.<name>`: it is alive for the others as long as that
//! changes within its time to live, by their own clocks, so no two clocks are ever compared. Each shard has a record,
//! `shard.<n>`, that names its node, and is only ever written on the condition that it is the revision that was seen;
//! so one node has it, and its revision is an **epoch** that nobody else has. A node that could not renew its record
//! for four fifths of its time to live holds its shards no more, before any other may think so, and takes them anew.
//!
//! Over a mesh the board is each node's own, and the others' writes come to it later: one node has a shard while all
//! see each other, and of two that took one apart the higher revision stays. A node that the mesh has for gone is gone
//! at once.
//!
//! A shard moves when it belongs elsewhere: its node lets what waits be done and its handlers stop, and gives it back;
//! then the other takes it. The shard of a node that is gone is taken from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

use super::shards::owner_of;

/// What a node says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeRecord {
    /// Drawn at each start: who wrote it.
    pub(super) incarnation: u64,
    /// Counts renewals, so that each is another value.
    pub(super) renewals: u64,
    pub(super) weight: u32,
    /// It goes, and is to have no shard.
    #[serde(default)]
    pub(super) is_leaving: bool,
    /// For clients: how many shards the cluster has.
    pub(super) shards: u32,
    /// The id of its engine, by which a mesh knows it; 0 where there is none.
    #[serde(default)]
    pub(super) engine: u64,
}

/// What is said of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShardRecord {
    /// Its node; empty when it was given back.
    pub(super) node: String,
    /// The incarnation of that node.
    #[serde(default)]
    pub(super) incarnation: u64,
}

#[derive(Debug, Clone)]
struct Member {
    record: NodeRecord,
    revision: u64,
    /// When this node saw that revision first, and that incarnation.
    seen: Nanos,
    since: Nanos,
}

#[derive(Debug, Clone, Default)]
struct Shard {
    record: ShardRecord,
    revision: u64,
    is_draining: bool,
    /// It was given back, as far as this node can know: it may be another's though nobody said that it is.
    is_released: bool,
}

/// What a node is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// To take a shard, in the place of that revision.
    Claim { shard: u32, revision: u64 },
    /// To let what waits in a shard be done.
    Drain { shard: u32 },
    /// To give back a shard that was drained, in the place of that revision.
    Release { shard: u32, revision: u64 },
}

pub(super) struct Placement {
    node: String,
    incarnation: u64,
    weight: u32,
    ttl: Nanos,
    members: BTreeMap<String, Member>,
    shards: Vec<Shard>,
    /// Until when this node may hold shards.
    lease: Nanos,
    /// The lives of this node in this process whose lease ended: what they had is anyone's.
    former: Vec<u64>,
    is_leaving: bool,
    renewals: u64,
    /// Its id in a mesh; 0 in none.
    engine: u64,
    /// Engines that the mesh has for gone.
    gone: BTreeSet<u64>,
    /// It takes no shard before.
    begins: Nanos,
}

impl Placement {
    /// A node that knows of no other yet; one without a weight holds nothing, and only looks.
    pub(super) fn new(node: String, incarnation: u64, weight: u32, shards: u32, ttl: Nanos) -> Self {
        Placement {
            node,
            incarnation,
            weight,
            ttl,
            members: BTreeMap::new(),
            shards: vec![Shard::default(); shards as usize],
            lease: 0,
            former: Vec::new(),
            is_leaving: false,
            renewals: 0,
            engine: 0,
            gone: BTreeSet::new(),
            begins: 0,
        }
    }

    /// One that is known in a mesh as `engine`. It takes its first shards when others had a tenth of the time to live
    /// to say that they are there: nothing else keeps two that begin together from taking the same.
    pub(super) fn in_mesh(mut self, engine: u64, now: Nanos) -> Self {
        (self.engine, self.begins) = (engine, now.saturating_add(self.ttl / 10));
        self
    }

    /// Takes in which engines the mesh has for gone: their nodes are, until it has them for there.
    pub(super) fn see_gone(&mut self, engines: BTreeSet<u64>) {
        self.gone = engines;
    }

    /// What this node is to say of itself next.
    pub(super) fn renewal(&mut self) -> NodeRecord {
        self.renewals += 1;
        NodeRecord {
            incarnation: self.incarnation,
            renewals: self.renewals,
            weight: self.weight,
            is_leaving: self.is_leaving,
            shards: self.shards.len() as u32,
            engine: self.engine,
        }
    }

    /// Ends this life if its lease is over, as others may have taken its shards, or be about to: what it had is to be
    /// taken anew, by the next life. True when it ended.
    pub(super) fn lapse(&mut self, next: u64, now: Nanos) -> bool {
        let ends = self.lease > 0 && now >= self.lease;
        if ends {
            self.former.push(std::mem::replace(&mut self.incarnation, next));
            self.lease = 0;
            self.shards.iter_mut().for_each(|shard| shard.is_draining = false);
        }
        ends
    }

    /// Whether that is a life of this node in this process.
    pub(super) fn was(&self, incarnation: u64) -> bool {
        self.incarnation == incarnation || self.former.contains(&incarnation)
    }

    /// This life of this node.
    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// A renewal that was begun then is written, and what the others wrote before it was seen.
    pub(super) fn renewed(&mut self, begun: Nanos) {
        self.lease = self.lease.max(begun.saturating_add(self.ttl / 5 * 4));
    }

    /// From now on it is to have no shard.
    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// Whether nothing is left that it holds.
    pub(super) fn has_left(&self) -> bool {
        self.is_leaving && !self.shards.iter().any(|shard| self.is_ours(shard))
    }

    /// Takes in what a node says of itself; `None` when it took that back.
    pub(super) fn see_node(&mut self, name: &str, revision: u64, record: Option<NodeRecord>, now: Nanos) {
        let Some(record) = record else {
            self.members.remove(name);
            return;
        };
        match self.members.get_mut(name) {
            Some(member) if member.revision > revision || (member.revision == revision && member.record == record) => {}
            Some(member) => {
                let is_same = member.record.incarnation == record.incarnation;
                let since = if is_same { member.since } else { now };
                *member = Member { record, revision, seen: now, since };
            }
            None => {
                self.members.insert(name.to_owned(), Member { record, revision, seen: now, since: now });
            }
        }
    }

    /// Takes in what is said of a shard. True when it was this node's, and is not any more.
    pub(super) fn see_shard(&mut self, shard: u32, revision: u64, record: ShardRecord) -> bool {
        let (node, incarnation) = (self.node.clone(), self.incarnation);
        let is_ours = |record: &ShardRecord| record.node == node && record.incarnation == incarnation;
        // Of two that were written apart with one stamp, what is there is what all have.
        let is_newer =
            |known: &&mut Shard| known.revision < revision || (known.revision == revision && known.record != record);
        let Some(known) = self.shards.get_mut(shard as usize).filter(is_newer) else {
            return false;
        };
        let (was, is) = (is_ours(&known.record), is_ours(&record));
        let (is_draining, is_released) = (was && is && known.is_draining, was && is && known.is_released);
        *known = Shard { record, revision, is_draining, is_released };
        was && !is
    }

    fn is_ours(&self, shard: &Shard) -> bool {
        shard.record.node == self.node && shard.record.incarnation == self.incarnation
    }

    /// Whether this node holds a shard now, and may hand out what is in it: its epoch.
    pub(super) fn holds(&self, shard: u32, now: Nanos) -> Option<u64> {
        let known = self.shards.get(shard as usize)?;
        (self.is_ours(known) && !known.is_released && now < self.lease).then_some(known.revision)
    }

    /// Whether this node takes new messages for a shard.
    pub(super) fn takes(&self, shard: u32, now: Nanos) -> bool {
        self.holds(shard, now).is_some() && !self.shards[shard as usize].is_draining
    }

    /// Its name.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Whether it gives shards back.
    pub(super) fn is_draining(&self) -> bool {
        self.shards.iter().any(|shard| shard.is_draining)
    }

    /// Whether this node may hand out anything.
    pub(super) fn has_lease(&self, now: Nanos) -> bool {
        now < self.lease
    }

    /// The node that a shard is on.
    pub(super) fn node_of(&self, shard: u32) -> Option<&str> {
        let known = self.shards.get(shard as usize)?;
        Some(known.record.node.as_str()).filter(|node| !node.is_empty())
    }

    /// The id in the mesh of a node that said something; 0 where there is none.
    pub(super) fn engine_of(&self, node: &str) -> u64 {
        self.members.get(node).map_or(0, |member| member.record.engine)
    }

    /// Whether a node was heard of within its time to live, and no mesh has it for gone.
    fn lives(&self, member: &Member, now: Nanos) -> bool {
        member.seen.saturating_add(self.ttl) > now && !self.gone.contains(&member.record.engine)
    }

    /// Those that are alive, and their weights.
    pub(super) fn alive(&self, now: Nanos) -> Vec<(&str, u32)> {
        let all = self.members.iter().filter(|(_, member)| self.lives(member, now));
        all.filter(|(_, member)| !member.record.is_leaving && member.record.weight > 0)
            .map(|(name, member)| (name.as_str(), member.record.weight))
            .collect()
    }

    /// Whether a node that holds a shard is gone. Where another one of its name began since, the first can have renewed
    /// nothing after that, and is gone as long after it as one that is silent.
    fn is_gone(&self, record: &ShardRecord, now: Nanos) -> bool {
        if record.node == self.node && self.former.contains(&record.incarnation) {
            return true;
        }
        match self.members.get(&record.node) {
            None => true,
            Some(member) => {
                let replaced = member.record.incarnation != record.incarnation;
                !self.lives(member, now) || (replaced && member.since.saturating_add(self.ttl) <= now)
            }
        }
    }

    /// What is to be done now. `is_drained` says whether nothing of a shard is left.
    pub(super) fn plan(&mut self, now: Nanos, is_drained: impl Fn(u32) -> bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let alive: Vec<(String, u32)> = self.alive(now).into_iter().map(|(n, w)| (n.to_owned(), w)).collect();
        let alive: Vec<(&str, u32)> = alive.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        let most = (self.shards.len() / 10).max(1);
        let mut draining = self.shards.iter().filter(|shard| shard.is_draining).count();
        for n in 0..self.shards.len() {
            let (number, known) = (n as u32, &self.shards[n]);
            let belongs = owner_of(number, &alive);
            if self.is_ours(known) {
                if !self.has_lease(now) {
                    continue;
                }
                if known.is_draining {
                    if is_drained(number) {
                        self.shards[n].is_released = true;
                        let known = &self.shards[n];
                        steps.push(Step::Release { shard: number, revision: known.revision });
                    }
                } else if belongs != Some(self.node.as_str()) && (draining < most || self.is_leaving) {
                    draining += 1;
                    self.shards[n].is_draining = true;
                    steps.push(Step::Drain { shard: number });
                }
            } else if belongs == Some(self.node.as_str())
                && self.has_lease(now)
                && self.begins <= now
                && (known.record.node.is_empty() || self.is_gone(&known.record, now))
            {
                steps.push(Step::Claim { shard: number, revision: known.revision });
            }
        }
        steps
    }

    /// All nodes that said something, whether they are alive, their weight, and how many shards they have.
    pub(super) fn nodes(&self, now: Nanos) -> Vec<(String, bool, u32, usize)> {
        let shards = |name: &str| self.shards.iter().filter(|shard| shard.record.node == name).count();
        let one = |(name, member): (&String, &Member)| {
            (name.clone(), self.lives(member, now), member.record.weight, shards(name))
        };
        self.members.iter().map(one).collect()
    }
}
