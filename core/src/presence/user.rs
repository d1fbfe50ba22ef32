//! One user as every node's record says: which sessions count, and what follows from them.

use std::sync::Arc;

use super::few::Few;
use super::nodes::{Node, Nodes, OWN, Standing};
use super::row::{Ended, Invisible, Override, Rest, Row};
use super::session::Session;
use super::space::Space;
use super::status::Status;
use super::time::{Moment, Mono, Wall};
use super::view::{SessionView, UserView};

/// A session as a node's record tells it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) session: Arc<Session>,
    /// When a leased one ends.
    pub(crate) due: Mono,
    /// When somebody was active in it.
    pub(crate) active: Mono,
}

/// What one node says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) node: u32,
    pub(crate) sessions: Few<Kept>,
    pub(crate) rest: Rest,
}

/// A user.
pub(crate) struct User {
    pub(crate) space: Arc<Space>,
    pub(crate) view: Arc<UserView>,
    /// What each node says; where this one says something, it is the first.
    pub(crate) parts: Few<Part>,
    /// The tick at which it comes out of the wheel; 0 is none.
    pub(crate) filed: u64,
    /// It waits to be forgotten.
    pub(crate) is_cooling: bool,
    /// How many sessions this node answers for, as was counted last.
    pub(crate) answered: u16,
}

/// What a session counts as, and when that may be another thing.
enum Verdict {
    Live(Option<Mono>),
    Unknown(Mono),
    Gone,
}

/// With what time and patience sessions are judged.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) nodes: &'a Nodes,
    pub(crate) now: Moment,
    /// How long one that ended, or whose node did, may come back before it is over, milliseconds.
    pub(crate) grace: u64,
    /// How much longer than its record says a session may have been heard of, milliseconds.
    pub(crate) beat: u64,
}

impl Bench<'_> {
    /// What a session of a node counts as.
    fn judge(&self, node: &Node, kept: &Kept) -> Verdict {
        let (session, now) = (&kept.session, self.now.mono);
        let until = |end: Mono| if now < end { Verdict::Unknown(end) } else { Verdict::Gone };
        if session.held.is_some() && (session.held != node.epoch || node.standing != Standing::Up) {
            return until(node.since + self.grace);
        }
        let is_own = std::ptr::eq(node, self.nodes.get(OWN));
        if session.held.is_some() || node.standing == Standing::Up && !is_own {
            return Verdict::Live(None);
        }
        let known =
            if session.renewed && !is_own { node.heard + self.beat + u64::from(session.ttl_ms) } else { kept.due };
        let end = known + self.grace;
        match node.standing {
            Standing::Silent => until(end),
            _ if now < end => Verdict::Live(Some(end)),
            _ => Verdict::Gone,
        }
    }
}

/// When a session that is online is away, if nobody is active in it before.
fn idle_at(kept: &Kept) -> Option<Mono> {
    let session = &kept.session;
    let counts = session.idle_ms > 0 && !session.idle && session.status == Status::Online;
    counts.then(|| kept.active.saturating_add(session.idle_ms.into()))
}

impl User {
    pub(crate) fn new(space: Arc<Space>, name: &str) -> User {
        let view = Arc::new(UserView::nobody(Arc::clone(&space.name), name.into()));
        User { space, view, parts: Few::default(), filed: 0, is_cooling: false, answered: 0 }
    }

    /// What this node says.
    pub(crate) fn own(&self) -> Option<&Part> {
        self.parts.first().filter(|part| part.node == OWN)
    }

    /// What this node says, to be changed.
    pub(crate) fn own_mut(&mut self) -> &mut Part {
        if self.own().is_none() {
            self.parts.push_first(Part::default());
        }
        &mut self.parts[0]
    }

    /// Whether no session is told of, by anybody.
    pub(crate) fn is_cold(&self) -> bool {
        self.parts.iter().all(|part| part.sessions.is_empty())
    }

    /// Takes in what a node's record says, in the place of what it said before.
    pub(crate) fn apply(&mut self, node: u32, row: Row, now: Moment) {
        let (sessions, rest) = row.into_parts();
        let sessions = sessions.into_iter().map(|session| Kept::read(session, now)).collect();
        let part = Part { node, sessions, rest };
        match self.parts.iter_mut().find(|part| part.node == node) {
            Some(known) => *known = part,
            None if node == OWN => self.parts.push_first(part),
            None => self.parts.push(part),
        }
    }

    /// Gives up what another node knows better by now; whether that is to be written.
    pub(crate) fn yield_to_others(&mut self, now: Moment) -> bool {
        let Some((own, others)) = self.parts.split_first_mut().filter(|(own, _)| own.node == OWN) else { return false };
        let newest = |id: &str| {
            let told = others.iter().flat_map(|part| part.told(id));
            told.max()
        };
        let (sessions, ended) = (own.sessions.len(), own.rest.ended().len());
        own.sessions.retain(|kept| newest(&kept.session.id).is_none_or(|stamp| stamp < kept.session.stamp));
        if own.sessions.len() < sessions {
            own.rest.seen = own.rest.seen.max(now.wall);
        }
        // A session is told to be over for as long as somebody tells of it.
        own.rest.retain_ended(|ended| {
            let listed = others.iter().flat_map(|part| &part.sessions);
            listed.into_iter().any(|kept| kept.session.id == ended.id && kept.session.stamp <= ended.stamp)
        });
        own.sessions.len() < sessions || own.rest.ended().len() < ended
    }

    /// Ends those of its own sessions that are over, and takes those in which nobody is active for idle; whether any
    /// was.
    pub(crate) fn expire(&mut self, bench: &Bench<'_>) -> bool {
        let Some(own) = self.parts.first_mut().filter(|part| part.node == OWN) else { return false };
        let node = bench.nodes.get(OWN);
        let (now, seen) = (bench.now, &mut own.rest.seen);
        let count = own.sessions.len();
        own.sessions.retain(|kept| {
            let is_over = matches!(bench.judge(node, kept), Verdict::Gone);
            if is_over {
                let was_there = if kept.session.held.is_some_and(|epoch| Some(epoch) != node.epoch) {
                    node.before_ms.max(kept.session.active_ms)
                } else {
                    kept.heard(now)
                };
                *seen = (*seen).max(was_there);
            }
            !is_over
        });
        let mut is_other = own.sessions.len() < count;
        for kept in &mut own.sessions {
            if idle_at(kept).is_some_and(|at| at <= now.mono) {
                let active_ms = now.wall_at(kept.active);
                kept.session = Arc::new(Session { idle: true, active_ms, ..Session::clone(&kept.session) });
                is_other = true;
            }
        }
        is_other
    }

    /// When the last of its own leased sessions is over, on the wall clock; 0 without any.
    pub(crate) fn ends(&self, bench: &Bench<'_>) -> Wall {
        let own = self.own().map_or(&[][..], |own| &own.sessions);
        let leased = own.iter().filter(|kept| !kept.session.is_held());
        leased.map(|kept| bench.now.wall_at(kept.due + bench.grace)).max().unwrap_or_default()
    }

    /// When it is to be looked at again.
    pub(crate) fn due(&self, bench: &Bench<'_>) -> Option<Mono> {
        let mut due: Option<Mono> = None;
        let mut at_the_latest = |at: Mono| due = Some(due.map_or(at, |due| due.min(at)));
        for part in &self.parts {
            let node = bench.nodes.get(part.node);
            for kept in &part.sessions {
                match bench.judge(node, kept) {
                    Verdict::Live(end) => end.into_iter().for_each(&mut at_the_latest),
                    Verdict::Unknown(end) => at_the_latest(end),
                    Verdict::Gone => {}
                }
                if part.node == OWN {
                    idle_at(kept).into_iter().for_each(&mut at_the_latest);
                }
            }
        }
        let until = self.chosen(bench.now.wall).map_or(0, |over| over.until);
        if until > 0 {
            at_the_latest(bench.now.due(until, super::time::GAP_MS_MAX));
        }
        due
    }

    /// The choice that was made last, if it still counts.
    fn chosen(&self, now: Wall) -> Option<Override> {
        let last = self.parts.iter().filter_map(|part| part.rest.over()).max_by_key(|over| over.stamp)?;
        (last.status.is_some() && (last.until == 0 || now < last.until)).then_some(last)
    }

    /// The user as all parts together say. `position` is what a change has, if it is one.
    pub(crate) fn merge(&self, bench: &Bench<'_>) -> UserView {
        let sessions = self.counting(bench);
        let merged = sessions.iter().map(|s| s.status).max().unwrap_or_default();
        let chosen = self.chosen(bench.now.wall).and_then(|over| over.status);
        // A choice is about one who is there.
        let chosen = chosen.filter(|_| merged > Status::Unknown);
        let hidden = self.parts.iter().filter_map(|part| part.rest.invisible()).max_by_key(|i: &Invisible| i.stamp);
        let status = chosen.unwrap_or(merged);
        UserView {
            space: Arc::clone(&self.view.space),
            user: Arc::clone(&self.view.user),
            status,
            last_seen_ms: self.seen(bench, merged),
            changed_ms: if status == self.view.status { self.changed() } else { bench.now.wall },
            position: self.view.position,
            invisible: hidden.is_some_and(|invisible| invisible.on),
            chosen: chosen.is_some(),
            sessions: sessions.into_boxed_slice(),
        }
    }

    fn changed(&self) -> Wall {
        self.parts.iter().map(|part| part.rest.changed).max().unwrap_or_default().max(self.view.changed_ms)
    }

    fn seen(&self, bench: &Bench<'_>, merged: Status) -> Wall {
        if merged > Status::Unknown {
            return bench.now.wall;
        }
        let told = self.parts.iter().map(|part| {
            let node = bench.nodes.get(part.node);
            let held = part.sessions.iter().map(|kept| {
                let there = if kept.session.held == node.epoch { node.heard_ms } else { node.before_ms };
                if part.node == OWN {
                    kept.heard(bench.now).min(bench.now.wall)
                } else {
                    there.max(kept.session.active_ms)
                }
            });
            held.max().unwrap_or_default().max(part.rest.seen)
        });
        told.max().unwrap_or_default()
    }

    /// The sessions that count, by name: of what nodes say about one, what was said last.
    fn counting(&self, bench: &Bench<'_>) -> Vec<SessionView> {
        let mut counting: Vec<SessionView> = Vec::with_capacity(1);
        for (at, part) in self.parts.iter().enumerate() {
            let node = bench.nodes.get(part.node);
            for kept in &part.sessions {
                let (id, stamp) = (&*kept.session.id, kept.session.stamp);
                let others = self.parts.iter().enumerate().filter(|(other, _)| *other != at);
                let is_outdone = others.into_iter().any(|(_, other)| {
                    let name = &bench.nodes.get(other.node).name;
                    other.told(id).any(|told| (told, name) > (stamp, &node.name))
                });
                let is_over = part.rest.ended().iter().any(|ended| &*ended.id == id && ended.stamp >= stamp);
                if is_outdone || is_over {
                    continue;
                }
                let status = match bench.judge(node, kept) {
                    Verdict::Live(_) => kept.session.effective(),
                    Verdict::Unknown(_) => Status::Unknown,
                    Verdict::Gone => continue,
                };
                counting.push(SessionView { session: Arc::clone(&kept.session), status });
            }
        }
        if counting.len() > 1 {
            counting.sort_by(|a, b| a.session.id.cmp(&b.session.id));
        }
        counting
    }

    /// What this node writes into the log.
    pub(crate) fn row(&self, now: Moment) -> Row {
        let Some(own) = self.own() else { return Row::new(Vec::new(), Rest::default()) };
        let mut rest = own.rest.clone();
        rest.changed = self.view.changed_ms;
        let sessions = own.sessions.iter().map(|kept| kept.write(now)).collect();
        Row::new(sessions, rest)
    }
}

impl Part {
    /// The stamps of what is said of a session: that it is there, or over.
    pub(crate) fn told<'a>(&'a self, id: &'a str) -> impl Iterator<Item = u64> + 'a {
        let there = self.sessions.iter().filter(move |kept| &*kept.session.id == id).map(|kept| kept.session.stamp);
        let over = self.rest.ended().iter().filter(move |ended: &&Ended| &*ended.id == id).map(|ended| ended.stamp);
        there.chain(over)
    }

    /// The session of this name.
    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut Kept> {
        self.sessions.iter_mut().find(|kept| &*kept.session.id == id)
    }
}

impl Kept {
    fn read(session: Arc<Session>, now: Moment) -> Kept {
        let due = now.due(session.until_ms, session.ttl_ms.into());
        let active = now.mono.saturating_sub(now.wall.saturating_sub(session.active_ms));
        Kept { session, due, active }
    }

    /// When there was a sign of life of it last, on the wall clock.
    fn heard(&self, now: Moment) -> Wall {
        if self.session.is_held() { now.wall } else { now.wall_at(self.due).saturating_sub(self.session.ttl_ms.into()) }
    }

    /// As the log is told: with the deadline as it is now.
    fn write(&self, now: Moment) -> Arc<Session> {
        if self.session.is_held() {
            return Arc::clone(&self.session);
        }
        let until_ms = now.wall_at(self.due);
        if self.session.until_ms == until_ms {
            return Arc::clone(&self.session);
        }
        Arc::new(Session { until_ms, ..Session::clone(&self.session) })
    }
}
