//! Background tasks, timers that ring too fast, and dead letters.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::stream::options::ReadOptions;

use super::super::*;
use super::{id, still};

#[test]
fn a_task_comes_to_its_handler_as_a_message_beyond_the_limit_of_the_mailbox() {
    let still = still(EntitiesConfig { mailbox: 1, tasks: 1, ..EntitiesConfig::default() });
    still.entities.notify(id("a"), "one", b"").wait().expect("sent");
    let (turn, _) = still.take();
    let task = still.entities.begin_task(turn.token).expect("begun");
    let refused = still.entities.begin_task(turn.token).expect_err("the limit is one");
    assert_eq!(refused.kind(), ErrorKind::Limit, "{refused}");
    still.done(&turn);
    assert_eq!(still.entities.begin_task(turn.token).expect_err("the turn is over").kind(), ErrorKind::Misuse);
    still.entities.notify(id("a"), "two", b"").wait().expect("sent");
    still.entities.end_task(task, Some(("done", b"x"))).expect("ended");
    assert_eq!(still.entities.end_task(task, None).expect_err("twice").kind(), ErrorKind::Misuse);
    let (turn, told) = still.take();
    assert_eq!(told, ["two", "done"]);
    still.entities.begin_task(turn.token).expect("the first one is over");
}

#[test]
fn a_task_keeps_its_handler_and_ends_with_it() {
    let still = still(EntitiesConfig { idle: Duration::from_secs(1), ..EntitiesConfig::default() });
    still.entities.notify(id("a"), "one", b"").wait().expect("sent");
    let (turn, _) = still.take();
    let task = still.entities.begin_task(turn.token).expect("begun");
    still.done(&turn);
    still.pass(Duration::from_secs(5));
    assert!(still.turn().is_none(), "it is not idle while its task is under way");
    still.entities.end_task(task, None).expect("ended");
    still.pass(Duration::from_secs(5));
    let (turn, told) = still.take();
    assert_eq!(told, ["stop"]);
    still.done(&turn);

    still.entities.notify(id("a"), "two", b"").wait().expect("sent");
    let (turn, _) = still.take();
    let task = still.entities.begin_task(turn.token).expect("begun");
    still.entities.crash(turn.token, 1, &Error::new(ErrorKind::Internal, "broken")).expect("told");
    let over = still.entities.end_task(task, Some(("done", b""))).expect_err("its handler is another one");
    assert_eq!(over.kind(), ErrorKind::Misuse);
}

#[test]
fn a_timer_that_rings_faster_than_it_is_handled_waits_once() {
    let still = still(EntitiesConfig::default());
    still.entities.notify(id("a"), "one", b"").wait().expect("sent");
    let (turn, _) = still.take();
    let every = Duration::from_millis(1);
    still.entities.set_timer(turn.token, "tick", every, every).expect("set");
    for _ in 0..100 {
        still.pass(Duration::from_millis(3));
    }
    still.done(&turn);
    assert_eq!(still.take().1, ["timer tick"]);
}

#[test]
fn what_breaks_its_handler_each_time_is_kept_as_a_dead_letter() {
    let still = still(EntitiesConfig::default());
    still.entities.notify(id("a\n1"), "poison", &[0, 255]).wait().expect("sent");
    for n in 0..3 {
        let (turn, told) = still.take();
        assert_eq!(
            (told.as_slice(), turn.items[1].attempt),
            (["start", "poison"].map(str::to_owned).as_slice(), n + 1)
        );
        let error = Error::new(ErrorKind::Internal, "it breaks");
        still.entities.crash(turn.token, 1, &error).expect("told");
        still.pass(Duration::from_secs(1));
    }
    assert!(still.turn().is_none(), "it is given up");
    let stream = still.engine.stream("ENTITIESDEAD").wait().expect("a stream");
    let letters = stream.read(&ReadOptions::default()).wait().expect("read");
    let letter: serde_json::Value = serde_json::from_slice(letters.iter().next().expect("one").payload).expect("json");
    let expected = serde_json::json!({
        "kind": "counter", "key": "a\n1", "name": "poison", "tries": 3, "error": "it breaks", "payload": "AP8=",
    });
    assert_eq!((letters.len(), letter), (1, expected));
}
