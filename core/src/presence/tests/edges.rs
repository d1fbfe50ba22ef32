//! Deadlines to the millisecond, clocks that jump, and who is there after a crash.

use std::time::Duration;

use super::super::time::GAP_MS_MAX;
use super::super::wheel::TICK_MS;
use super::watching::watch_all;
use super::*;

fn without_grace() -> PresenceConfig {
    PresenceConfig { grace: Duration::ZERO, ..config("n") }
}

#[test]
fn a_lease_ends_at_its_deadline_and_never_before() {
    for (grace, ttl) in [(0, 1_000), (0, 60_000), (15_000, 60_000), (0, 3_600_000)] {
        let mut alone = Alone::new(PresenceConfig { grace: Duration::from_millis(grace), ..config("n") });
        alone.set("ada", "tab", Status::Busy, ttl / 1_000);
        alone.pass(ttl + grace - 1);
        assert_eq!(alone.status("ada"), Status::Busy, "a millisecond before, grace {grace}, ttl {ttl}");
        // A tick is what the wheel may be late by.
        alone.pass(1 + TICK_MS);
        assert_eq!(alone.status("ada"), Status::Offline, "at the deadline, grace {grace}, ttl {ttl}");
    }
}

#[test]
fn a_sign_of_life_moves_the_deadline_and_one_that_is_late_finds_nothing() {
    let mut alone = Alone::new(without_grace());
    alone.set("ada", "tab", Status::Online, 10);
    let records = alone.lines.len();
    for _ in 0..20 {
        alone.pass(9_000);
        let lease = alone.core.heartbeat("s", "ada", "tab", true, alone.now).unwrap();
        assert_eq!(lease.expires_ms, alone.now + 10_000);
        assert_eq!(alone.status("ada"), Status::Online);
    }
    // One that says that it was heard of since, and what the node says of itself.
    let told = alone.lines.lock().all[records..].iter().filter(|(subject, _)| subject.contains(".u.")).count();
    assert_eq!(told, 1, "signs of life are not logged");
    alone.pass(10_000 + TICK_MS);
    let late = alone.core.heartbeat("s", "ada", "tab", true, alone.now).unwrap_err();
    assert_eq!(late.kind(), crate::ErrorKind::NotFound);
    // It was there until its last sign of life.
    assert_eq!(alone.core.view("s", "ada", alone.now).unwrap().last_seen_ms, alone.now - 10_000 - TICK_MS);
    alone.set("ada", "tab", Status::Online, 10);
    assert_eq!(alone.status("ada"), Status::Online, "a session may come again");
}

#[test]
fn nobody_is_offline_because_a_clock_was_set() {
    for jump in [-86_400_000_i64, -1, 86_400_000, 40_000] {
        let mut alone = Alone::new(without_grace());
        alone.set("ada", "tab", Status::Online, 60);
        alone.now = alone.now.checked_add_signed(jump).unwrap();
        alone.core.tick(alone.now);
        assert_eq!(alone.status("ada"), Status::Online, "after a jump of {jump} ms");
        alone.pass(60_000 - GAP_MS_MAX - 1_000);
        assert_eq!(alone.status("ada"), Status::Online, "a while after a jump of {jump} ms");
        alone.pass(GAP_MS_MAX + 2_000);
        assert_eq!(alone.status("ada"), Status::Offline, "a lease after a jump of {jump} ms");
    }
}

#[test]
fn who_sleeps_with_its_machine_has_what_was_left() {
    let mut alone = Alone::new(without_grace());
    alone.set("ada", "tab", Status::Online, 60);
    alone.pass(5_000);
    alone.now += 8 * 3_600_000;
    alone.core.tick(alone.now);
    assert_eq!(alone.status("ada"), Status::Online);
    let lease = alone.core.heartbeat("s", "ada", "tab", true, alone.now).unwrap();
    assert_eq!(lease.expires_ms, alone.now + 60_000);
}

#[test]
fn online_is_away_when_nobody_is_active_and_back_when_somebody_is() {
    let mut alone = Alone::new(without_grace());
    alone.hold("ada", "tab", Status::Online);
    alone.hold("bob", "tab", Status::Busy);
    alone.pass(299_999);
    assert_eq!(alone.status("ada"), Status::Online);
    alone.core.heartbeat("s", "ada", "tab", false, alone.now).unwrap();
    alone.pass(1 + TICK_MS);
    assert_eq!(alone.status("ada"), Status::Away, "a sign of life is no activity");
    assert_eq!(alone.status("bob"), Status::Busy, "busy stays busy");
    alone.core.heartbeat("s", "ada", "tab", true, alone.now).unwrap();
    assert_eq!(alone.status("ada"), Status::Online);
}

#[test]
fn a_held_session_dies_with_its_epoch_and_a_leased_one_lives_to_its_deadline() {
    let mut alone = Alone::new(config("n"));
    alone.hold("ada", "program", Status::Online);
    alone.set("bob", "tab", Status::Online, 60);
    alone.set("eve", "tab", Status::Online, 60);
    for _ in 0..10 {
        alone.pass(20_000);
        alone.core.heartbeat("s", "bob", "tab", true, alone.now).unwrap();
        // The same again is a sign of life too.
        alone.set("eve", "tab", Status::Online, 60);
    }
    alone.set("tim", "tab", Status::Online, 60);
    alone.pass(3_000);
    let died = alone.now;
    alone.crash();
    assert_eq!(alone.status("ada"), Status::Unknown, "until the grace is over");
    for user in ["bob", "eve", "tim"] {
        assert_eq!(alone.status(user), Status::Online, "{user}");
    }
    assert_eq!(
        alone.core.heartbeat("s", "ada", "program", true, alone.now).unwrap_err().kind(),
        crate::ErrorKind::NotFound
    );
    alone.pass(15_000 + TICK_MS);
    assert_eq!(alone.status("ada"), Status::Offline);
    // They may have been promised a minute just before it died.
    assert_eq!((alone.status("bob"), alone.status("eve")), (Status::Online, Status::Online));
    assert!(alone.core.view("s", "ada", alone.now).unwrap().last_seen_ms.abs_diff(died) <= 10_000);
    // 57 s were left of tim's, and no more than 60 s of those that were heard of since.
    alone.pass(57_000 - 15_000 + 15_000 - TICK_MS - 1);
    assert_eq!(alone.status("tim"), Status::Online);
    alone.pass(1 + TICK_MS);
    assert_eq!(alone.status("tim"), Status::Offline);
    alone.pass(13_000);
    assert_eq!((alone.status("bob"), alone.status("eve")), (Status::Offline, Status::Offline));
}

#[test]
fn a_lease_that_was_over_while_its_node_was_away_is_over_at_the_start() {
    const LEASE: u64 = 60_000;
    const GRACE: u64 = 15_000;
    for after in [LEASE - 1, LEASE, LEASE + 1, LEASE + GRACE - 1] {
        let mut alone = Alone::new(config("n"));
        alone.set("ada", "tab", Status::Busy, LEASE / 1_000);
        alone.now += after;
        alone.crash();
        assert_eq!(alone.status("ada"), Status::Busy, "{after} ms after it was set");
        alone.pass(LEASE + GRACE - after - 1);
        assert_eq!(alone.status("ada"), Status::Busy, "it has what was left of its grace, {after} ms");
        alone.pass(1 + TICK_MS);
        assert_eq!(alone.status("ada"), Status::Offline, "and no more, {after} ms");
    }
    for after in [LEASE + GRACE, LEASE + GRACE + 1, 86_400_000] {
        let mut alone = Alone::new(config("n"));
        alone.set("ada", "tab", Status::Busy, LEASE / 1_000);
        alone.now += after;
        alone.crash();
        let view = alone.core.view("s", "ada", alone.now).unwrap();
        assert_eq!(view.status, Status::Offline, "{after} ms after it was set");
        assert_eq!((view.last_seen_ms, view.changed_ms), (START, START + LEASE + GRACE));
        let late = alone.core.heartbeat("s", "ada", "tab", true, alone.now).unwrap_err();
        assert_eq!(late.kind(), crate::ErrorKind::NotFound, "a sign of life brings nobody back");
        alone.set("ada", "tab", Status::Busy, LEASE / 1_000);
        let again = alone.core.view("s", "ada", alone.now).unwrap();
        assert_eq!(again.sessions[0].session.since_ms, alone.now, "it is another one");
    }
}

#[test]
fn times_beyond_all_bounds_are_for_ever() {
    let mut alone = Alone::new(config("n"));
    let set = SessionSet { idle: Some(Duration::MAX), ..SessionSet::default() };
    alone.core.set("s", "ada", set, true, alone.now).unwrap();
    alone.core.choose("s", "ada", Some(Status::Busy), Some(Duration::MAX), alone.now).unwrap();
    alone.pass(400_000);
    assert_eq!(alone.status("ada"), Status::Busy);
    alone.core.choose("s", "ada", None, None, alone.now).unwrap();
    assert_eq!(alone.status("ada"), Status::Online, "nobody was idle for so long");
}

#[test]
fn a_session_that_comes_back_in_time_was_never_gone() {
    let mut alone = Alone::new(config("n"));
    alone.hold("ada", "program", Status::Busy);
    alone.crash();
    let watcher = super::super::watch::Following::new(&alone.core, watch_all());
    watcher.try_next(10).unwrap();
    alone.pass(5_000);
    alone.hold("ada", "program", Status::Busy);
    alone.pass(60_000);
    let events = watcher.try_next(10).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(matches!(&events[0], crate::presence::WatchEvent::Change(change)
        if change.kind == crate::presence::ChangeKind::Updated && change.user.status == Status::Busy));
}

#[test]
fn a_clean_close_writes_deadlines_down() {
    let mut alone = Alone::new(without_grace());
    alone.set("ada", "tab", Status::Online, 60);
    alone.pass(50_000);
    alone.core.heartbeat("s", "ada", "tab", true, alone.now).unwrap();
    alone.pass(50_000);
    alone.core.close(alone.now);
    let closed = alone.core.set("s", "ada", SessionSet::default(), false, alone.now).map(|w| w.view);
    assert_eq!(closed.unwrap_err().kind(), crate::ErrorKind::Closed);
    alone.crash();
    alone.pass(9_999);
    assert_eq!(alone.status("ada"), Status::Online);
    alone.pass(1 + TICK_MS);
    assert_eq!(alone.status("ada"), Status::Offline);
}
