//! A centre and leaves that share a store through a hub, from one seed: cut off, killed, closed and begun again, with
//! sessions that roam. Afterwards all of them say the same, and of those that never roamed what a simple model says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::watch::Following;
use super::super::wheel::TICK_MS;
use super::super::write::SessionSet;
use super::watching::{Folded, watch_all};
use super::*;
use crate::clock::{Clock, ManualClock};

const NODES: usize = 3;

struct Node {
    name: String,
    lines: Lines,
    core: Arc<Core>,
    epoch: u64,
    is_up: bool,
    is_cut: bool,
    pushed: usize,
    pulled: usize,
    watcher: Following,
    folded: Folded,
}

/// What a session that is used at one node only is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Held {
        epoch: u64,
        status: Status,
    },
    /// One whose node was killed may be there until `at_most`, as signs of life are not in the log.
    Leased {
        until: Wall,
        at_most: Wall,
        ttl: u64,
        status: Status,
    },
}

/// How long a session may come back.
const GRACE: u64 = 15_000;
/// How much longer than its node's last word a sign of life may be, of which no record tells.
const BEAT: u64 = 10_000;

impl Model {
    fn leased(now: Wall, ttl: u64, status: Status) -> Model {
        Model::Leased { until: now + ttl, at_most: 0, ttl, status }
    }

    /// A sign of life of it; false is one that came too late.
    fn is_heard(&mut self, now: Wall, is_taken: bool) -> bool {
        let Model::Leased { until, at_most, ttl, status } = *self else { return true };
        let is_sure = now < until + GRACE;
        assert!(is_taken || !is_sure, "a sign of life in time is taken: {self:?} at {now}");
        assert!(!is_taken || now < until.max(at_most) + GRACE + TICK_MS, "one that is late is not: {self:?} at {now}");
        *self = Model::leased(now, ttl, status);
        is_taken
    }

    fn is_sure(&self, now: Wall) -> bool {
        !matches!(self, Model::Leased { until, .. } if *until + GRACE <= now)
    }
}

struct World {
    random: ManualClock,
    now: Wall,
    hub: Vec<Line>,
    nodes: Vec<Node>,
    /// By node, user and session.
    model: BTreeMap<(usize, String, String), Model>,
    trace: Vec<String>,
}

fn begin(name: &str, lines: &Lines, epoch: u64, now: Wall) -> (Arc<Core>, Following) {
    let core = open(&config(name), lines, epoch, now);
    let watcher = Following::new(&core, watch_all());
    (core, watcher)
}

impl World {
    fn new(seed: u64) -> World {
        let nodes = (0..NODES)
            .map(|number| {
                let (name, lines) = (format!("n{number}"), Lines::default());
                let (core, watcher) = begin(&name, &lines, 1, START);
                let folded = Folded::default();
                Node { name, lines, core, epoch: 1, is_up: true, is_cut: false, pushed: 0, pulled: 0, watcher, folded }
            })
            .collect();
        let (hub, model, trace) = (Vec::new(), BTreeMap::new(), Vec::new());
        World { random: ManualClock::new(0, seed), now: START, hub, nodes, model, trace }
    }

    fn pick(&self, of: u64) -> u64 {
        self.random.random() % of
    }

    /// A link's turn: what is this node's goes to the hub, what is others' comes, at most so many records.
    fn link(&mut self, number: usize, most: usize) {
        let node = &mut self.nodes[number];
        if node.is_cut {
            return;
        }
        let mine = format!(".{}", node.name);
        let all = node.lines.lock().all.clone();
        for line in all.iter().skip(node.pushed).take(most) {
            if line.0.ends_with(&mine) {
                self.hub.push(line.clone());
            }
            node.pushed += 1;
        }
        let until = self.hub.len().min(node.pulled + most);
        for (subject, payload) in &self.hub[node.pulled..until] {
            if !subject.ends_with(&mine) {
                node.lines.push(subject, payload);
                if node.is_up {
                    node.core.apply(subject, payload, self.now);
                }
            }
        }
        node.pulled = until;
    }

    fn pass(&mut self, ms: u64, most: usize) {
        let end = self.now + ms;
        while self.now < end {
            self.now = end.min(self.now + 1_000);
            for number in 0..NODES {
                self.nodes[number].lines.lock().now = self.now;
                if self.nodes[number].is_up {
                    self.nodes[number].core.connect(!self.nodes[number].is_cut, self.now);
                    self.nodes[number].core.tick(self.now);
                }
                self.link(number, most);
            }
            let now = self.now;
            self.model.retain(|_, model| match *model {
                Model::Held { .. } => true,
                Model::Leased { until, at_most, .. } => now < until.max(at_most) + GRACE,
            });
        }
    }

    fn stop(&mut self, number: usize, clean: bool) {
        let node = &mut self.nodes[number];
        if clean {
            node.folded.fold(&node.watcher);
            node.core.close(self.now);
        }
        node.is_up = false;
        let last_ms = node.lines.lock().written;
        self.model.retain(|(at, ..), model| *at != number || !matches!(model, Model::Held { .. }));
        for (_, model) in self.model.iter_mut().filter(|((at, ..), _)| *at == number && !clean) {
            if let Model::Leased { at_most, ttl, .. } = model {
                *at_most = last_ms + BEAT + *ttl;
            }
        }
    }

    fn start(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        node.epoch += 1;
        (node.core, node.watcher) = begin(&node.name, &node.lines, node.epoch, self.now);
        node.folded = Folded::default();
        node.is_up = true;
    }

    fn act(&mut self) {
        let number = self.pick(NODES as u64) as usize;
        let pinned = self.pick(3) > 0;
        let user = if pinned { format!("p{number}-{}", self.pick(3)) } else { format!("r{}", self.pick(2)) };
        let session = format!("s{}", self.pick(2));
        let key = (number, user.clone(), session.clone());
        let what = self.pick(100);
        self.trace.push(format!("{} n{number} {what} {user} {session}", self.now - START));
        let (now, is_up) = (self.now, self.nodes[number].is_up);
        let core = Arc::clone(&self.nodes[number].core);
        match what {
            0..45 if is_up => {
                let held = self.pick(2) == 0;
                let ttl = [5_000, 30_000, 120_000][self.pick(3) as usize];
                let status = Status::ALL[2 + self.pick(3) as usize];
                let set = SessionSet {
                    session,
                    status,
                    ttl: Some(Duration::from_millis(ttl)),
                    idle: Some(Duration::ZERO),
                    ..SessionSet::default()
                };
                core.set("s", &user, set, held, now).unwrap();
                if pinned {
                    let epoch = self.nodes[number].epoch;
                    let model = if held { Model::Held { epoch, status } } else { Model::leased(now, ttl, status) };
                    self.model.insert(key, model);
                }
            }
            45..55 if is_up => {
                core.leave("s", &user, &session, now).unwrap();
                self.model.remove(&key);
            }
            55..75 if is_up => {
                let lease = core.heartbeat("s", &user, &session, true, now);
                if self.model.get_mut(&key).is_some_and(|model| !model.is_heard(now, lease.is_ok())) {
                    self.model.remove(&key);
                }
            }
            75..80 => self.nodes[number].is_cut ^= true,
            80..84 => {
                if is_up {
                    self.stop(number, self.pick(2) == 0);
                } else {
                    self.start(number);
                }
            }
            84..90 => {
                let (ms, most) = (self.pick(20_000), 1 + self.pick(20) as usize);
                self.pass(ms, most);
            }
            _ => self.link(number, 1 + self.pick(5) as usize),
        }
        for node in self.nodes.iter_mut().filter(|node| node.is_up) {
            node.folded.fold(&node.watcher);
            node.folded.check(&node.core);
        }
    }

    /// All are up and hear each other, for long enough.
    fn settle(&mut self) {
        for number in 0..NODES {
            self.nodes[number].is_cut = false;
            if !self.nodes[number].is_up {
                self.start(number);
            }
        }
        for _ in 0..70 {
            self.pass(1_000, 10_000);
            for ((number, user, session), model) in &mut self.model {
                if model.is_sure(self.now) {
                    let lease = self.nodes[*number].core.heartbeat("s", user, session, true, self.now);
                    model.is_heard(self.now, lease.is_ok());
                }
            }
        }
        self.pass(2_000, 10_000);
        // What ended in this moment is heard of before anybody is asked.
        for number in (0..NODES).chain(0..NODES) {
            self.link(number, 10_000);
        }
    }

    fn check(&mut self) {
        let told = |node: &Node| -> Vec<Told> {
            let users = node.core.snapshot(&node.core.spaces.of("s"), &[], true).unwrap().users;
            let sessions =
                |view: &UserView| view.sessions.iter().map(|s| (s.session.id.to_string(), s.status)).collect();
            users.iter().map(|view| (view.user.to_string(), view.status, sessions(view))).collect()
        };
        let first = told(&self.nodes[0]);
        for node in &self.nodes[1..] {
            assert_eq!(told(node), first, "{} and {}", node.name, self.nodes[0].name);
        }
        let mut expected: BTreeMap<String, Vec<(String, Status)>> = BTreeMap::new();
        let pinned: BTreeMap<_, Vec<_>> =
            first.into_iter().filter(|(user, ..)| user.starts_with('p')).map(|(user, _, s)| (user, s)).collect();
        for ((_, user, session), model) in &self.model {
            let (Model::Held { status, .. } | Model::Leased { status, .. }) = model;
            let is_there = pinned.get(user).is_some_and(|sessions| sessions.iter().any(|(id, _)| id == session));
            if is_there || model.is_sure(self.now) {
                expected.entry(user.clone()).or_default().push((session.clone(), *status));
            }
        }
        assert_eq!(pinned, expected);
        for node in &self.nodes {
            assert!(node.core.failed().is_none(), "{:?}", node.core.failed());
            assert_eq!(node.core.refused().0, 0);
            for (session, went) in &node.folded.went {
                let came = node.folded.came.get(session).copied().unwrap_or_default();
                assert!(*went <= came + 1 && came <= *went + 1, "{session:?} came {came} times and went {went}");
            }
        }
    }
}

use super::super::view::UserView;

/// A user, its status, and its sessions with theirs.
type Told = (String, Status, Vec<(String, Status)>);

/// One history.
fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..60 + world.pick(200) {
        world.act();
    }
    world.settle();
    world.check();
}

/// A lease was over while its node was away, and the node told it online for another grace.
#[test]
fn a_node_that_was_away_for_longer_than_a_lease_brings_nobody_back() {
    run(1_240);
}

/// A node was killed a while after a sign of life, of which no record tells.
#[test]
fn a_killed_node_keeps_its_promise_and_none_that_it_did_not_make() {
    run(2_077);
    run(4_417);
}

/// What ended in the last moment was on its way to the others.
#[test]
fn what_just_ended_is_heard_of_by_all() {
    run(2_145);
    run(4_974);
}

#[test]
#[allow(clippy::disallowed_methods, clippy::print_stderr, reason = "whoever hunts says how far, and is told the seed")]
fn all_nodes_say_the_same_in_the_end() {
    let from: u64 = std::env::var("HEADWATER_PRESENCE_FROM").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let seeds: u64 = std::env::var("HEADWATER_PRESENCE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
    for seed in from..from + seeds {
        let is_well = std::panic::catch_unwind(|| run(seed)).is_ok();
        assert!(is_well, "seed {seed}: HEADWATER_PRESENCE_FROM={seed} HEADWATER_PRESENCE_SEEDS=1");
    }
}
