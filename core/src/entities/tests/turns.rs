//! Mailboxes, turns and what becomes of them, by hand.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::pending::Pending;

use super::super::*;
use super::{Still, id, still};

fn ask(still: &Still, key: &str, name: &str) -> Pending<Vec<u8>> {
    still.entities.request(id(key), name, b"", RequestOptions::default())
}

fn text(answer: Pending<Vec<u8>>) -> String {
    String::from_utf8(answer.wait().expect("an answer")).expect("text")
}

fn now_or_kind(mut answer: Pending<Vec<u8>>) -> Option<ErrorKind> {
    match answer.wait_timeout(Duration::ZERO) {
        Ok(_) => None,
        Err(error) if !answer.is_taken() => panic!("it still waits: {error}"),
        Err(error) => Some(error.kind()),
    }
}

#[test]
fn messages_of_a_key_come_in_order_and_one_turn_at_a_time() {
    let still = still(EntitiesConfig::default());
    let (first, second) = (ask(&still, "a", "one"), ask(&still, "a", "two"));
    let (turn, told) = still.take();
    assert_eq!((turn.id(), told), (id("a"), vec!["start".to_owned(), "one".into(), "two".into()]));
    let third = ask(&still, "a", "three");
    assert!(still.turn().is_none(), "it has its turn");
    let other = ask(&still, "b", "one");
    let (beside, _) = still.take();
    assert_eq!(beside.id(), id("b"), "another key does not wait");
    still.done(&turn);
    assert_eq!((text(first), text(second)), ("one".to_owned(), "two".to_owned()));
    let (turn, told) = still.take();
    assert_eq!(told, ["three"], "it is there already");
    still.done(&turn);
    still.done(&beside);
    assert_eq!((text(third), text(other)), ("three".to_owned(), "one".to_owned()));
    assert_eq!(still.entities.active(), 2);
}

#[test]
fn a_token_is_good_for_its_turn_alone() {
    let still = still(EntitiesConfig::default());
    let _answer = ask(&still, "a", "one");
    let (turn, _) = still.take();
    still.done(&turn);
    for token in [turn.token, turn.token + 1, u64::MAX, 0] {
        let refused = still.entities.complete(token, [(0, Ok(Vec::new()))]).expect_err("a stranger");
        assert_eq!(refused.kind(), ErrorKind::Misuse, "{refused}");
    }
    let _answer = ask(&still, "a", "two");
    let (turn, _) = still.take();
    assert_eq!(
        still.entities.complete(turn.token, [(7, Ok(Vec::new()))]).expect_err("no item").kind(),
        ErrorKind::Misuse
    );
    still.done(&turn);
}

#[test]
fn a_mailbox_has_a_limit_that_is_said() {
    let still = still(EntitiesConfig { mailbox: 2, ..EntitiesConfig::default() });
    let _waiting = [ask(&still, "a", "one"), ask(&still, "a", "two")];
    let refused = ask(&still, "a", "three").wait().expect_err("it is full");
    assert_eq!(refused.kind(), ErrorKind::Limit);
    assert!(refused.message().contains("2 messages wait for counter 'a'"), "{refused}");
    still.entities.notify(id("b"), "one", b"").wait().expect("another has room");
}

/// A handler that broke answered nothing as if it were an answer.
#[test]
fn failure_18_what_a_handler_breaks_with_is_the_answer() {
    let still = still(EntitiesConfig::default());
    let (first, second) = (ask(&still, "a", "one"), ask(&still, "a", "two"));
    let (turn, _) = still.take();
    still.entities.complete(turn.token, [(0, Ok(Vec::new()))]).expect("started");
    still.entities.crash(turn.token, 1, &Error::new(ErrorKind::Internal, "it broke")).expect("told");
    assert_eq!(first.wait().expect_err("it broke").message(), "it broke");
    assert!(still.turn().is_none(), "it rests");
    still.pass(Duration::from_millis(10));
    let (turn, told) = still.take();
    assert_eq!(told, ["start", "two"], "it is begun anew, and what was behind was not begun");
    assert_eq!(turn.items[1].attempt, 1);
    still.done(&turn);
    assert_eq!(text(second), "two");
    assert!(still.entities.crash(turn.token, 0, &Error::new(ErrorKind::Internal, "late")).is_err());
}

#[test]
fn one_that_breaks_again_and_again_rests_longer_and_what_nobody_waits_for_is_given_up() {
    let still = still(EntitiesConfig::default());
    still.entities.notify(id("a"), "bad", b"").wait().expect("told");
    let (mut attempts, mut waited) = (Vec::new(), Duration::ZERO);
    while waited < Duration::from_secs(60) {
        if let Some((turn, _)) = still.turn() {
            attempts.push((turn.items[1].attempt, waited.as_millis()));
            still.entities.complete(turn.token, [(0, Ok(Vec::new()))]).expect("started");
            still.entities.crash(turn.token, 1, &Error::new(ErrorKind::Internal, "it broke")).expect("told");
        }
        waited += Duration::from_millis(10);
        still.pass(Duration::from_millis(10));
    }
    assert_eq!(attempts, [(1, 0), (2, 10), (3, 30)]);
    let logs = still.engine.logs(9);
    assert!(
        logs.iter().any(|line| line.message.contains("'bad' to counter 'a' was given up after 3 tries")),
        "{logs:?}"
    );
}

#[test]
fn a_handler_that_can_not_be_made_is_the_answer_of_who_waits() {
    let still = still(EntitiesConfig::default());
    let asked = ask(&still, "a", "one");
    still.entities.notify(id("a"), "two", b"").wait().expect("told");
    let (turn, _) = still.take();
    let error = Error::new(ErrorKind::Io, "no disk");
    still.entities.complete(turn.token, [(0, Err(error))]).expect("told");
    assert_eq!(asked.wait().expect_err("no handler").message(), "no disk");
    assert_eq!(still.entities.active(), 0);
    still.pass(Duration::from_millis(10));
    let (turn, told) = still.take();
    assert_eq!(told, ["start", "two"]);
    still.done(&turn);
}

/// A handler that never answered blocked its key for ever.
#[test]
fn failure_19_one_that_never_answers_loses_its_turn() {
    let still = still(EntitiesConfig::default());
    let options = RequestOptions { timeout: Duration::from_secs(60), ..RequestOptions::default() };
    let (first, second) =
        (still.entities.request(id("a"), "one", b"", options), still.entities.request(id("a"), "two", b"", options));
    let (turn, _) = still.take();
    still.pass(Duration::from_secs(20));
    still.entities.complete(turn.token, [(0, Ok(Vec::new()))]).expect("a sign of life");
    still.pass(Duration::from_secs(20));
    assert!(still.turn().is_none(), "the lease is longer from then on");
    still.pass(Duration::from_secs(10));
    let error = first.wait().expect_err("it did not answer");
    assert!(error.message().contains("within its lease"), "{error}");
    still.pass(Duration::from_millis(10));
    let (again, told) = still.take();
    assert_eq!(told, ["start", "two"]);
    assert_ne!(again.activation, turn.activation);
    let late = still.entities.complete(turn.token, [(1, Ok(Vec::new()))]).expect_err("it was given up");
    assert_eq!(late.kind(), ErrorKind::Misuse);
    still.done(&again);
    assert_eq!(text(second), "two");
}

#[test]
fn what_is_not_begun_by_its_deadline_is_not_begun() {
    let still = still(EntitiesConfig::default());
    let _first = ask(&still, "a", "slow");
    let (turn, _) = still.take();
    let options = RequestOptions { timeout: Duration::from_millis(200), ..RequestOptions::default() };
    let late = still.entities.request(id("a"), "late", b"", options);
    still.pass(Duration::from_millis(100));
    still.pass(Duration::from_millis(250));
    assert_eq!(now_or_kind(late), Some(ErrorKind::Timeout));
    still.done(&turn);
    assert!(still.turn().is_none());
}

/// Those that were put aside were never stopped. `run.rs` has many who ask meanwhile.
#[test]
fn failure_21_one_that_is_idle_is_told_to_stop() {
    let still = still(EntitiesConfig { idle: Duration::from_secs(10), ..EntitiesConfig::default() });
    for key in ["a", "b"] {
        still.entities.notify(id(key), "one", b"").wait().expect("told");
        still.done(&still.take().0);
    }
    still.pass(Duration::from_secs(9));
    still.entities.notify(id("b"), "two", b"").wait().expect("told");
    still.done(&still.take().0);
    still.pass(Duration::from_secs(1));
    let (turn, told) = still.take();
    assert_eq!((turn.id(), told), (id("a"), vec!["stop".to_owned()]));
    // What comes meanwhile begins it anew, when it has stopped.
    let asked = ask(&still, "a", "again");
    assert!(still.turn().is_none());
    still.done(&turn);
    let (turn, told) = still.take();
    assert_eq!(told, ["start", "again"]);
    still.done(&turn);
    assert_eq!(text(asked), "again");
    assert_eq!(still.entities.active(), 2);
}

#[test]
fn beyond_the_limit_the_one_that_was_asked_longest_ago_stops() {
    let still = still(EntitiesConfig { active: 2, ..EntitiesConfig::default() });
    for key in ["a", "b", "a", "c"] {
        still.entities.notify(id(key), "one", b"").wait().expect("told");
        still.done(&still.take().0);
        still.pass(Duration::from_millis(1));
    }
    let (turn, told) = still.take();
    assert_eq!((turn.id(), told), (id("b"), vec!["stop".to_owned()]));
    still.done(&turn);
    assert!(still.turn().is_none());
    assert_eq!(still.entities.list_here().iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn beyond_the_memory_idle_ones_stop_until_the_rest_fits() {
    let still = still(EntitiesConfig { memory: 100, ..EntitiesConfig::default() });
    let hold = |key: &str, bytes: u64| {
        still.entities.notify(id(key), "one", b"").wait().expect("told");
        let turn = still.take().0;
        still.entities.holds(turn.token, bytes).expect("its turn");
        still.done(&turn);
        still.pass(Duration::from_millis(1));
        turn.token
    };
    let stops = || {
        let (turn, told) = still.take();
        assert_eq!(told, ["stop"]);
        turn
    };
    hold("a", 40);
    hold("b", 60);
    assert!(still.turn().is_none(), "that is what there may be");
    // What it says counts in place of what it said.
    hold("a", 30);
    let over = hold("c", 11);
    let turn = stops();
    assert_eq!(turn.id(), id("b"), "it was asked longest ago, and without it the rest fits");
    still.done(&turn);
    assert!(still.turn().is_none());
    assert_eq!(still.entities.holds(over, 1).expect_err("over").kind(), ErrorKind::Misuse);
    // One that alone is too much stops when it is idle, after the others.
    hold("d", u64::MAX);
    for key in ["a", "c", "d"] {
        let turn = stops();
        assert_eq!(turn.id(), id(key));
        still.done(&turn);
    }
    // A new life holds nothing until it says so.
    hold("e", 99);
    still.entities.notify(id("d"), "one", b"").wait().expect("told");
    still.done(&still.take().0);
    assert!(still.turn().is_none());
}

/// One that is told to stop and asked before it does stays, and what it holds counts again.
#[test]
fn one_that_stays_after_all_holds_what_it_held() {
    let still = still(EntitiesConfig { memory: 100, ..EntitiesConfig::default() });
    for (key, bytes) in [("a", 80), ("b", 80)] {
        still.entities.notify(id(key), "one", b"").wait().expect("told");
        let turn = still.take().0;
        still.entities.holds(turn.token, bytes).expect("its turn");
        still.done(&turn);
    }
    // a is to stop, and is asked before anybody takes that.
    still.entities.notify(id("a"), "two", b"").wait().expect("told");
    for (key, what) in [("a", "two"), ("b", "stop")] {
        let (turn, told) = still.take();
        assert_eq!((turn.id(), told), (id(key), vec![what.to_owned()]), "now b is too much");
        still.done(&turn);
    }
    assert!(still.turn().is_none());
}

#[test]
fn timers_come_through_the_mailbox_and_end_with_the_handler() {
    let still = still(EntitiesConfig { idle: Duration::from_secs(3_600), ..EntitiesConfig::default() });
    still.entities.notify(id("a"), "one", b"").wait().expect("told");
    let (turn, _) = still.take();
    let second = Duration::from_secs(1);
    still.entities.set_timer(turn.token, "once", second, Duration::ZERO).expect("set");
    still.entities.set_timer(turn.token, "every", 2 * second, 2 * second).expect("set");
    still.entities.set_timer(turn.token, "never", second, second).expect("set");
    assert!(still.entities.cancel_timer(turn.token, "never").expect("taken back"));
    assert!(!still.entities.cancel_timer(turn.token, "never").expect("there is none"));
    still.done(&turn);
    let mut rung = Vec::new();
    for _ in 0..5 {
        still.pass(second);
        while let Some((turn, told)) = still.turn() {
            rung.extend(told);
            still.done(&turn);
        }
    }
    assert_eq!(rung, ["timer once", "timer every", "timer every"]);
    still.entities.notify(id("a"), "bad", b"").wait().expect("told");
    let (turn, _) = still.take();
    still.entities.crash(turn.token, 0, &Error::new(ErrorKind::Internal, "it broke")).expect("told");
    assert!(still.entities.set_timer(turn.token, "late", second, second).is_err());
    still.pass(second);
    let (turn, told) = still.take();
    assert_eq!(told, ["start", "bad"]);
    still.done(&turn);
    still.pass(10 * second);
    assert!(still.turn().is_none(), "the timers of a handler that broke are void");
}

/// What asked its own entity, or came back to it, waited for itself.
#[test]
fn failure_20_a_request_that_would_wait_for_itself_is_refused_with_the_cycle() {
    let still = still(EntitiesConfig::default());
    let _asked = ask(&still, "a", "one");
    let (a, _) = still.take();
    let within = |token| RequestOptions { within: Some((token, 1)), ..RequestOptions::default() };
    let refused = still.entities.request(id("a"), "self", b"", within(a.token)).wait().expect_err("it is itself");
    assert!(refused.message().ends_with("counter 'a' -> counter 'a'"), "{refused}");
    let _asked = still.entities.request(id("b"), "two", b"", within(a.token));
    let (b, _) = still.take();
    let refused = still.entities.request(id("a"), "back", b"", within(b.token)).wait().expect_err("a cycle");
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.message().ends_with("counter 'a' -> counter 'b' -> counter 'a'"), "{refused}");
    let _asked = still.entities.request(id("c"), "on", b"", within(b.token));
    assert_eq!(still.take().0.id(), id("c"), "a way that does not come back goes on");
    still.entities.notify(id("a"), "told", b"").wait().expect("whoever does not wait may tell itself something");
}

#[test]
fn one_that_is_paused_goes_on_step_by_step() {
    let still = still(EntitiesConfig::default());
    still.entities.pause(id("a")).expect("paused");
    for name in ["one", "two", "three"] {
        still.entities.notify(id("a"), name, b"").wait().expect("told");
    }
    assert!(still.turn().is_none());
    still.entities.step(id("a")).expect("a step");
    let (turn, told) = still.take();
    assert_eq!(told, ["start", "one"]);
    still.done(&turn);
    assert!(still.turn().is_none());
    assert_eq!(still.entities.list_here()[0].state, EntityState::Paused);
    still.entities.resume(id("a")).expect("resumed");
    assert_eq!(still.take().1, ["two", "three"]);
}

#[test]
fn who_waits_when_it_is_closed_is_told_and_calls_are_refused() {
    let still = still(EntitiesConfig::default());
    let (asked, waiting) = (ask(&still, "a", "one"), ask(&still, "b", "one"));
    let (turn, _) = still.take();
    still.entities.close();
    for answer in [asked, waiting, ask(&still, "a", "two")] {
        assert_eq!(answer.wait().expect_err("closed").kind(), ErrorKind::Closed);
    }
    assert_eq!(
        still.entities.complete(turn.token, [(0, Ok(Vec::new()))]).expect_err("closed").kind(),
        ErrorKind::Closed
    );
    assert_eq!(still.entities.next().wait().map(|_| ()).expect_err("closed").kind(), ErrorKind::Closed);
}

#[test]
fn names_that_can_not_be_are_refused() {
    let still = still(EntitiesConfig::default());
    for (kind, key) in [("", "a"), ("a", ""), ("a", "k".repeat(129).as_str())] {
        let refused = still.entities.notify(EntityId::new(kind, key), "x", b"").wait().expect_err("no name");
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    assert!(still.engine.entities(EntitiesConfig { mailbox: 0, ..EntitiesConfig::default() }).wait().is_err());
    for key in [".*>", "\u{0}", "ü 'x'\n"] {
        still.entities.notify(id(key), "x", b"").wait().expect("any text is a key");
    }
}

#[test]
fn shards_are_spread_and_weights_count() {
    let mut counts = [0u32; 256];
    (0..25_600).for_each(|n| counts[shard_of("counter", &n.to_string(), 256) as usize] += 1);
    assert!(counts.iter().all(|count| (50..170).contains(count)), "{counts:?}");
    let nodes = [("a", 1), ("b", 2), ("c", 1)];
    let of = |node| (0..4_000).filter(|&shard| owner_of(shard, &nodes) == Some(node)).count();
    assert!((900..1_100).contains(&of("a")) && (1_850..2_150).contains(&of("b")), "{} {}", of("a"), of("b"));
    // A node that goes takes nothing from the others but what it had.
    let moved =
        (0..4_000).filter(|&s| owner_of(s, &nodes) != owner_of(s, &nodes[..2]) && owner_of(s, &nodes) != Some("c"));
    assert_eq!(moved.count(), 0);
    assert_eq!(owner_of(0, &[]), None);
}

/// The end of a lease that nobody needed any more counted as a message.
#[test]
fn one_that_was_asked_once_stops_when_its_time_is_over_and_no_later() {
    let config = || EntitiesConfig { idle: Duration::from_secs(120), ..EntitiesConfig::default() };
    let by_steps = still(config());
    by_steps.entities.notify(id("a"), "one", b"").wait().expect("sent");
    by_steps.done(&by_steps.take().0);
    for _ in 0..11 {
        by_steps.pass(Duration::from_secs(10));
        assert!(by_steps.turn().is_none());
    }
    by_steps.pass(Duration::from_secs(11));
    assert_eq!(by_steps.take().1, ["stop"]);
    let at_once = still(config());
    at_once.entities.notify(id("a"), "one", b"").wait().expect("sent");
    at_once.done(&at_once.take().0);
    at_once.pass(Duration::from_secs(200));
    assert_eq!(at_once.take().1, ["stop"]);
}

#[test]
fn an_item_that_was_told_does_not_break_its_handler() {
    let still = still(EntitiesConfig::default());
    still.entities.notify(id("a"), "one", b"").wait().expect("sent");
    let (turn, _) = still.take();
    still.entities.complete(turn.token, [(0, Ok(Vec::new()))]).expect("told");
    for item in [0, 7] {
        let error = Error::new(ErrorKind::Internal, "broken");
        let refused = still.entities.crash(turn.token, item, &error).expect_err("it is not open");
        assert_eq!(refused.kind(), ErrorKind::Misuse);
    }
    still.entities.complete(turn.token, [(1, Ok(Vec::new()))]).expect("the turn goes on");
}

#[test]
fn a_turn_that_is_given_back_waits_as_if_it_had_not_been_handed_out() {
    let still = still(EntitiesConfig::default());
    let asked = still.entities.request(id("a"), "one", b"", RequestOptions::default());
    still.entities.notify(id("a"), "two", b"").wait().expect("sent");
    let (turn, told) = still.take();
    assert_eq!(told, ["start", "one", "two"]);
    still.entities.complete(turn.token, [(0, Ok(Vec::new())), (1, Ok(b"1".to_vec()))]).expect("told");
    assert!(still.entities.is_out(turn.token));
    still.entities.give_back(turn.token).expect("given back");
    assert!(!still.entities.is_out(turn.token));
    assert_eq!(still.entities.give_back(turn.token).expect_err("it is over").kind(), ErrorKind::Misuse);
    let (again, told) = still.take();
    assert_eq!((told.as_slice(), again.items[1].attempt), (["start", "two"].map(str::to_owned).as_slice(), 1));
    assert_ne!(again.activation, turn.activation);
    assert_eq!(asked.wait().expect("it was told"), b"1");
}

/// Whoever told an entity something waited until it was handled, and what it was told never came to a handler.
#[test]
fn failure_23_whoever_tells_an_entity_something_waits_for_nothing() {
    let still = still(EntitiesConfig::default());
    still.entities.notify(id("a"), "one", b"x").wait().expect("it is in the mailbox, and nobody handles it yet");
    let (turn, told) = still.take();
    assert_eq!(told, ["start", "one"]);
    assert!(matches!(&turn.items[1].what, What::Message { wants_reply: false, payload, .. } if **payload == *b"x"));
}

/// What a message said was in the log of whoever ran the node.
#[test]
fn failure_24_what_a_message_says_is_not_logged() {
    let still = still(EntitiesConfig::default());
    let asked = still.entities.request(id("a"), "ask", b"a secret", RequestOptions::default());
    still.entities.notify(id("a"), "tell", b"a secret").wait().expect("sent");
    for _ in 0..4 {
        let Some((turn, told)) = still.turn() else { break };
        let error = Error::new(ErrorKind::Internal, "it breaks");
        still.entities.crash(turn.token, told.len().min(2) as u32 - 1, &error).expect("told");
        still.pass(Duration::from_secs(1));
    }
    asked.wait().expect_err("it breaks");
    let logs = still.engine.logs(100);
    assert!(logs.iter().any(|line| line.message.contains("'tell' to counter 'a' was given up")), "{logs:?}");
    assert!(logs.iter().all(|line| !line.message.contains("secret")), "{logs:?}");
}
