//! Crowds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use super::super::watch::{Following, WatchEvent, WatchOptions};
use super::super::wheel::{TICK_MS, Wheel};
use super::*;

/// How often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_wheel_gives_back_what_it_was_given_and_never_before_it_is_due() {
    let mut wheel = Wheel::new(0);
    let dues: Vec<u64> = (0..10_000).map(|n| n * 7_919 % 150_000).collect();
    for (item, due) in dues.iter().enumerate() {
        wheel.file(item as u32, wheel.tick_of(*due));
    }
    let (mut out, mut late) = (Vec::new(), vec![u64::MAX; dues.len()]);
    for now in (0..160_000).step_by(50) {
        out.clear();
        while wheel.take_due(now, 100, &mut out) {
            // The rest of the crowd.
            file_again(&mut wheel, &mut out, &dues, &mut late, now);
        }
        file_again(&mut wheel, &mut out, &dues, &mut late, now);
    }
    assert_eq!(wheel.len(), 0);
    assert!(late.iter().all(|late| *late <= TICK_MS), "{:?}", late.iter().max());
}

/// What was beyond a turn of the wheel goes in again.
fn file_again(wheel: &mut Wheel, out: &mut Vec<(u32, u64)>, dues: &[u64], late: &mut [u64], now: u64) {
    for (item, _) in out.drain(..) {
        let due = dues[item as usize];
        if due > now {
            wheel.file(item, wheel.tick_of(due));
        } else {
            late[item as usize] = now - due;
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test of time that passes")]
fn a_million_deadlines_in_one_tick_are_met_and_nobody_waits_for_all_of_them() {
    let alone = Alone::new(PresenceConfig { grace: Duration::ZERO, history: 10, cold_users: 1_000, ..config("n") });
    let count = 1_000_000;
    for number in 0..count {
        alone.set(&format!("u{number}"), "tab", Status::Online, 60);
    }
    assert_eq!(alone.core.spaces.of("s").counts().sessions, count);
    let core = Arc::clone(&alone.core);
    let end = alone.now + 60_000;
    for second in 1..60 {
        core.tick(alone.now + second * 1_000);
    }
    assert_eq!(core.spaces.of("s").counts().sessions, count);
    let reader = {
        let core = Arc::clone(&core);
        std::thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while core.spaces.of("s").users() > 0 {
                let began = Instant::now();
                let _ = core.view("s", "u17", end);
                worst = worst.max(began.elapsed());
            }
            worst
        })
    };
    core.tick(end);
    let worst = reader.join().unwrap();
    assert_eq!(core.spaces.of("s").counts(), crate::presence::Counts::default());
    // Generous: a thousand users are looked at under one lock, on a machine that does other things too.
    assert!(worst < Duration::from_secs(2), "a reader waited {worst:?}");
}

#[test]
fn a_crowd_that_comes_back_makes_as_many_changes_as_it_has_sessions() {
    let mut alone = Alone::new(PresenceConfig { history: 100_000, ..config("n") });
    let count = 20_000;
    for number in 0..count {
        alone.hold(&format!("u{number}"), "tab", Status::Online);
    }
    assert_eq!(alone.core.history.position(), count);
    alone.crash();
    for number in 0..count {
        alone.hold(&format!("u{number}"), "tab", Status::Online);
    }
    alone.pass(60_000);
    assert_eq!(alone.core.history.position(), count, "one update each, and nobody left");
}

#[test]
fn ten_thousand_who_follow_others_are_not_woken() {
    let alone = Alone::new(config("n"));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let follow = |number: usize| {
        let users = vec![format!("u{number}")];
        Following::new(&alone.core, WatchOptions { space: "s".into(), users, ..WatchOptions::default() })
    };
    let watchers: Vec<Following> = (0..10_000).map(follow).collect();
    for watcher in &watchers {
        assert!(matches!(&watcher.try_next(1).unwrap()[..], [WatchEvent::Snapshot { .. }]));
        assert!(watcher.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    }
    for number in 0..1_000 {
        alone.set("ada", "tab", if number % 2 == 0 { Status::Online } else { Status::Busy }, 60);
    }
    assert_eq!(woken.0.load(Ordering::Relaxed), 0);
    alone.set("u7", "tab", Status::Online, 60);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(
        matches!(&watchers[7].try_next(9).unwrap()[..], [WatchEvent::Change(change)] if &*change.user.user == "u7")
    );
}
