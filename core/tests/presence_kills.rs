//! A process that keeps presence is killed at each write of its log. Whoever opens the directory then sees what was
//! acknowledged: no held session is online, and every leased one is until its deadline.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[allow(dead_code, reason = "each test file takes what it needs")]
mod common {
    pub(crate) mod dirs;
}

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::dirs::Dir;
use headwater::presence::{HeldSession, Presence, PresenceConfig, SessionSet, Status, UserView};
use headwater::{Durability, Engine, ErrorKind};

const DIR: &str = "HEADWATER_KILLED_DIR";
const SPACE: &str = "office";
/// A lease that ends while it is looked.
const SHORT: Duration = Duration::from_secs(2);
/// The lease of all others.
const LONG: Duration = Duration::from_secs(3_600);
/// How late an end may be seen on a busy machine.
const LATE: Duration = Duration::from_secs(20);

/// What is done, one write after the other.
#[derive(Debug, Clone, Copy)]
enum Step {
    Lease(&'static str, &'static str, Status, Duration),
    Hold(&'static str, &'static str, Status),
    Leave(&'static str, &'static str),
    Choose(&'static str, Option<Status>),
    Hide(&'static str, bool),
}
use Step::{Choose, Hide, Hold, Lease, Leave};

const STEPS: [Step; 18] = [
    Lease("ada", "tab", Status::Online, LONG),
    Hold("bob", "program", Status::Busy),
    Lease("eve", "tab", Status::Away, SHORT),
    Hold("ada", "program", Status::Busy),
    Lease("bob", "phone", Status::Away, LONG),
    Lease("ada", "tab", Status::Away, LONG),
    Hold("kim", "program", Status::Online),
    Choose("ada", Some(Status::Busy)),
    Leave("kim", "program"),
    Hide("bob", true),
    Lease("tim", "tab", Status::Busy, LONG),
    Leave("tim", "tab"),
    Choose("ada", None),
    Hide("bob", false),
    Lease("tim", "tab", Status::Online, LONG),
    Leave("bob", "phone"),
    Hold("tim", "program", Status::Busy),
    Lease("kim", "tab", Status::Online, LONG),
];

fn config() -> PresenceConfig {
    // What a process that is killed may not lose.
    let durability = Durability::Os;
    PresenceConfig { grace: Duration::from_millis(100), durability, ..PresenceConfig::default() }
}

fn set(session: &str, status: Status, ttl: Option<Duration>) -> SessionSet {
    SessionSet { session: session.to_owned(), status, ttl, ..SessionSet::default() }
}

/// Does a step; what is held stays so.
fn take(presence: &Presence, step: Step, held: &mut Vec<HeldSession>) {
    match step {
        Lease(user, session, status, ttl) => {
            drop(presence.set(SPACE, user, set(session, status, Some(ttl))).wait().unwrap());
        }
        Hold(user, session, status) => {
            held.push(presence.hold(SPACE, user, set(session, status, None)).wait().unwrap());
        }
        Leave(user, session) => drop(presence.leave(SPACE, user, session).wait().unwrap()),
        Choose(user, status) => drop(presence.choose(SPACE, user, status, None).wait().unwrap()),
        Hide(user, on) => drop(presence.hide(SPACE, user, on).wait().unwrap()),
    }
}

/// The process that is killed: it says which step it begins and which it has done, and waits for its end.
#[test]
#[ignore = "it is started by the test below"]
fn the_process_that_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let engine = Engine::open(dir).unwrap();
    let presence = engine.presence(config()).unwrap();
    let mut held = Vec::new();
    for (number, step) in STEPS.into_iter().enumerate() {
        println!("step {number}");
        take(&presence, step, &mut held);
        println!("done {number}");
    }
    println!("all");
    std::thread::sleep(LONG);
}

fn start(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_process_that_is_killed", "--ignored", "--nocapture"]);
    command.env(DIR, dir).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Lets it go on until it says a line, and kills it. How many steps it said that it had done.
fn kill_at(child: &mut Child, line: &str) -> usize {
    let mut done = 0;
    for said in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
        done += usize::from(said.starts_with("done "));
        if said == line {
            let _ = child.kill();
        }
    }
    child.wait().unwrap();
    done
}

/// Of each user the leased sessions that there are after some steps, whether something is held, what was chosen, and
/// whether it hides.
#[derive(Debug, Clone, Default, PartialEq)]
struct User {
    leased: BTreeMap<&'static str, (Status, Duration)>,
    held: Vec<&'static str>,
    chosen: Option<Status>,
    hides: bool,
}

fn after(steps: &[Step]) -> BTreeMap<&'static str, User> {
    let mut users: BTreeMap<&str, User> = BTreeMap::new();
    for step in steps {
        match *step {
            Lease(user, session, status, ttl) => {
                users.entry(user).or_default().leased.insert(session, (status, ttl));
            }
            Hold(user, session, _) => users.entry(user).or_default().held.push(session),
            Leave(user, session) => {
                let user = users.entry(user).or_default();
                user.leased.remove(session);
                user.held.retain(|held| *held != session);
            }
            Choose(user, status) => users.entry(user).or_default().chosen = status,
            Hide(user, on) => users.entry(user).or_default().hides = on,
        }
    }
    users
}

/// Whether a user is as it should be once nothing held is waited for any more.
fn is_as(view: &UserView, user: &User, is_short_over: bool) -> bool {
    let leased = user.leased.iter().filter(|(_, (_, ttl))| !is_short_over || *ttl != SHORT);
    let leased: Vec<(&str, Status)> = leased.map(|(session, (status, _))| (*session, *status)).collect();
    let best = leased.iter().map(|(_, status)| *status).max().unwrap_or(Status::Offline);
    let wanted = if leased.is_empty() { Status::Offline } else { user.chosen.unwrap_or(best) };
    let mut there: Vec<(&str, Status)> = view.sessions.iter().map(|s| (&*s.session.id, s.status)).collect();
    there.sort_unstable();
    let mut leased = leased;
    leased.sort_unstable();
    there == leased && view.status == wanted && view.invisible == user.hides
}

fn open(dir: &Path) -> Engine {
    let end = Instant::now() + LATE;
    loop {
        match Engine::open(dir) {
            Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(2));
            }
            opened => return opened.unwrap(),
        }
    }
}

/// Kills it at a line, and looks. Whether the step that it was at was there afterwards.
fn kill_and_look(line: &str) {
    let dir = Dir::new();
    let mut child = start(&dir.0);
    let done = kill_at(&mut child, line);
    let died = Instant::now();
    let engine = open(&dir.0);
    let presence = engine.presence(config()).unwrap();
    // The step that was begun may be done and not said.
    let may_be = [after(&STEPS[..done]), after(&STEPS[..(done + 1).min(STEPS.len())])];
    let view = |user: &str| presence.get(SPACE, user).wait().unwrap();
    for name in ["ada", "bob", "eve", "kim", "tim"] {
        let users: Vec<User> = may_be.iter().map(|all| all.get(name).cloned().unwrap_or_default()).collect();
        let first = view(name);
        for session in &first.sessions {
            let is_held = users.iter().any(|user| user.held.contains(&&*session.session.id));
            assert!(!is_held || session.status == Status::Unknown, "{line}, {name}: {session:?}");
        }
        // A lease that is not over is there at once.
        let has_lease = users.iter().all(|user| user.leased.values().any(|(_, ttl)| *ttl == LONG));
        assert!(!has_lease || !matches!(first.status, Status::Offline | Status::Unknown), "{line}, {name}: {first:?}");
        let is_short_over = || died.elapsed() > SHORT;
        while !users.iter().any(|user| is_as(&view(name), user, is_short_over())) {
            assert!(died.elapsed() < LATE, "{line}, {name}: {:?} is none of {users:?}", view(name));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn no_held_session_outlives_a_process_that_is_killed_at_any_write_and_every_lease_does() {
    for number in 0..STEPS.len() {
        kill_and_look(&format!("step {number}"));
        kill_and_look(&format!("done {number}"));
    }
}

#[test]
fn a_lease_of_a_killed_process_ends_at_its_deadline_and_not_before() {
    let dir = Dir::new();
    let begun = Instant::now();
    let mut child = start(&dir.0);
    let done = kill_at(&mut child, "all");
    let set_at = Instant::now();
    assert_eq!(done, STEPS.len());
    let engine = open(&dir.0);
    let presence = engine.presence(config()).unwrap();
    let status = || presence.get(SPACE, "eve").wait().unwrap().status;
    while status() == Status::Away {
        assert!(begun.elapsed() < SHORT + LATE, "it never ends");
        std::thread::sleep(Duration::from_millis(5));
    }
    // It began after the process did, and before that was killed.
    assert!(begun.elapsed() >= SHORT, "it ended {:?} after the process began", begun.elapsed());
    assert!(set_at.elapsed() < SHORT + LATE);
}
