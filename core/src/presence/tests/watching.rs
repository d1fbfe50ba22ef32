//! A snapshot and the changes after it are who is there.

use std::collections::BTreeMap;

use super::super::change::ChangeKind;
use super::super::view::UserView;
use super::super::watch::{Following, WATCH_QUEUE_MAX, WatchEvent, WatchOptions};
use super::*;

pub(super) fn watch_all() -> WatchOptions {
    WatchOptions { space: "s".into(), ..WatchOptions::default() }
}

/// Who is there, as a watcher makes it out.
#[derive(Default, Debug)]
pub(super) struct Folded {
    pub(super) users: BTreeMap<String, Arc<UserView>>,
    pub(super) position: u64,
    pub(super) snapshots: usize,
    /// How often each session came, and went.
    pub(super) came: BTreeMap<(String, String), u32>,
    pub(super) went: BTreeMap<(String, String), u32>,
}

impl Folded {
    pub(super) fn fold(&mut self, watcher: &Following) {
        loop {
            let events = watcher.try_next(7).unwrap();
            if events.is_empty() {
                return;
            }
            for event in events {
                match event {
                    WatchEvent::Snapshot { position, users } => {
                        self.users = users.into_iter().map(|view| (view.user.to_string(), view)).collect();
                        self.position = position;
                        self.snapshots += 1;
                    }
                    WatchEvent::Change(change) => {
                        assert!(change.position > self.position, "{change:?} after {}", self.position);
                        self.position = change.position;
                        let session = (change.user.user.to_string(), change.session.to_string());
                        match change.kind {
                            ChangeKind::Joined => *self.came.entry(session).or_default() += 1,
                            ChangeKind::Left => *self.went.entry(session).or_default() += 1,
                            ChangeKind::Updated => {}
                        }
                        if change.user.status == Status::Offline {
                            self.users.remove(&*change.user.user);
                        } else {
                            self.users.insert(change.user.user.to_string(), Arc::clone(&change.user));
                        }
                    }
                    WatchEvent::Counts(_) | WatchEvent::View { .. } => {}
                }
            }
        }
    }

    /// Whether it is what a list says.
    pub(super) fn check(&self, core: &Core) {
        let list = core.snapshot(&core.spaces.of("s"), &[], false).unwrap().users;
        let list: BTreeMap<_, _> = list.into_iter().map(|view| (view.user.to_string(), view)).collect();
        let brief = |users: &BTreeMap<String, Arc<UserView>>| -> Vec<(String, Status, usize)> {
            users.iter().map(|(user, view)| (user.clone(), view.status, view.sessions.len())).collect()
        };
        assert_eq!(brief(&self.users), brief(&list));
    }
}

#[test]
fn a_watcher_that_comes_back_goes_on_where_it_was() {
    let mut alone = Alone::new(PresenceConfig { history: 100, ..config("n") });
    alone.set("ada", "tab", Status::Online, 60);
    let watcher = Following::new(&alone.core, watch_all());
    let mut folded = Folded::default();
    folded.fold(&watcher);
    drop(watcher);
    alone.set("bob", "tab", Status::Online, 60);
    alone.core.leave("s", "ada", "tab", alone.now).unwrap();
    let again = Following::new(&alone.core, WatchOptions { after: Some(folded.position), ..watch_all() });
    folded.fold(&again);
    folded.check(&alone.core);
    assert_eq!(folded.snapshots, 1, "what was missed is kept");
    drop(again);
    for number in 0..101 {
        alone.set(&format!("u{number}"), "tab", Status::Online, 60);
    }
    let late = Following::new(&alone.core, WatchOptions { after: Some(folded.position), ..watch_all() });
    folded.fold(&late);
    folded.check(&alone.core);
    assert_eq!(folded.snapshots, 2, "what was missed is no more");
    alone.crash();
    let other = Following::new(&alone.core, WatchOptions { after: Some(folded.position), ..watch_all() });
    let first = other.try_next(1).unwrap();
    assert!(matches!(first[..], [WatchEvent::Snapshot { .. }]), "positions are of one opening: {first:?}");
}

#[test]
fn a_watcher_that_reads_late_is_told_everything_anew() {
    let alone = Alone::new(config("n"));
    let watcher = Following::new(&alone.core, watch_all());
    let quick = Following::new(&alone.core, watch_all());
    let (mut slow, mut other) = (Folded::default(), Folded::default());
    slow.fold(&watcher);
    for number in 0..3 * WATCH_QUEUE_MAX {
        alone.set(&format!("u{}", number % 500), "tab", Status::ALL[2 + number % 3], 60);
        other.fold(&quick);
    }
    slow.fold(&watcher);
    assert_eq!((slow.snapshots, other.snapshots), (2, 1));
    slow.check(&alone.core);
    other.check(&alone.core);
}

#[test]
fn one_who_follows_users_hears_of_nobody_else_and_of_who_is_not_there() {
    let alone = Alone::new(config("n"));
    let users = vec!["ada".to_owned(), "bob".to_owned()];
    let watcher = Following::new(&alone.core, WatchOptions { users, ..watch_all() });
    let first = watcher.try_next(1).unwrap();
    let WatchEvent::Snapshot { users, .. } = &first[0] else { panic!("{first:?}") };
    assert_eq!(
        users.iter().map(|view| (&*view.user, view.status)).collect::<Vec<_>>(),
        [("ada", Status::Offline), ("bob", Status::Offline)]
    );
    for user in ["eve", "bob", "tim"] {
        alone.set(user, "tab", Status::Online, 60);
    }
    let events = watcher.try_next(10).unwrap();
    assert!(matches!(&events[..], [WatchEvent::Change(change)] if &*change.user.user == "bob"), "{events:?}");
}

#[test]
fn who_hides_leaves_and_who_shows_joins_for_others() {
    let alone = Alone::new(config("n"));
    alone.set("ada", "tab", Status::Online, 60);
    let watcher = Following::new(&alone.core, watch_all());
    let knows = Following::new(&alone.core, WatchOptions { reveal: true, ..watch_all() });
    watcher.try_next(1).unwrap();
    knows.try_next(1).unwrap();
    alone.core.hide("s", "ada", true, alone.now).unwrap();
    alone.set("ada", "tab", Status::Busy, 60);
    alone.core.hide("s", "ada", false, alone.now).unwrap();
    let kinds = |watcher: &Following| -> Vec<_> {
        let events = watcher.try_next(10).unwrap();
        events
            .iter()
            .map(|event| match event {
                WatchEvent::Change(change) => (change.kind, change.was, change.user.status),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(
        kinds(&watcher),
        [(ChangeKind::Left, Status::Online, Status::Offline), (ChangeKind::Joined, Status::Offline, Status::Busy)]
    );
    assert_eq!(
        kinds(&knows),
        [
            (ChangeKind::Updated, Status::Online, Status::Online),
            (ChangeKind::Updated, Status::Online, Status::Busy),
            (ChangeKind::Updated, Status::Busy, Status::Busy)
        ]
    );
}

#[test]
fn a_large_space_tells_counts_and_changes_again_when_it_is_small() {
    let mut alone = Alone::new(PresenceConfig { announce_max: 10, ..config("n") });
    let watcher = Following::new(&alone.core, watch_all());
    watcher.try_next(1).unwrap();
    for number in 0..50 {
        alone.set(&format!("u{number}"), "tab", Status::Online, 600);
    }
    alone.pass(11_000);
    let events = watcher.try_next(100).unwrap();
    let changes = events.iter().filter(|event| matches!(event, WatchEvent::Change(_))).count();
    assert_eq!(changes, 10, "{events:?}");
    assert!(matches!(events.last(), Some(WatchEvent::Counts(counts)) if counts.users == 50), "{events:?}");
    for number in 0..45 {
        alone.core.leave("s", &format!("u{number}"), "tab", alone.now).unwrap();
    }
    alone.pass(1_000);
    let mut folded = Folded::default();
    folded.fold(&watcher);
    folded.check(&alone.core);
    assert_eq!(folded.snapshots, 1);
}

#[test]
fn a_snapshot_of_named_users_knows_who_was_forgotten() {
    // So few are kept that one who is looked up has another one forgotten.
    let mut alone = Alone::new(PresenceConfig { cold_users: 1, ..config("n") });
    let names: Vec<String> = (0..500).map(|number| format!("u{number}")).collect();
    for name in &names {
        alone.set(name, "tab", Status::Online, 60);
        alone.core.leave("s", name, "tab", alone.now).unwrap();
    }
    let seen = alone.now;
    alone.pass(100_000);
    let here: usize = alone.core.shards.iter().map(|shard| shard.read().unwrap().users().count()).sum();
    assert!(here <= 128, "{here} are in memory");
    let watcher = Following::new(&alone.core, WatchOptions { users: names.clone(), ..watch_all() });
    let told = watcher.try_next(10).unwrap();
    let [WatchEvent::Snapshot { users, .. }] = &told[..] else { panic!("no snapshot: {told:?}") };
    assert_eq!(users.len(), names.len());
    assert!(users.iter().all(|user| user.last_seen_ms == seen), "{:?}", users.iter().find(|u| u.last_seen_ms != seen));
    alone.set("u7", "tab", Status::Online, 60);
    let told = watcher.try_next(10).unwrap();
    let [WatchEvent::Change(change)] = &told[..] else { panic!("one change: {told:?}") };
    assert_eq!((&*change.user.user, change.kind), ("u7", ChangeKind::Joined));
    assert_eq!(alone.core.view("s", "u8", alone.now).unwrap().last_seen_ms, seen);
}
