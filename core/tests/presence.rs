//! Presence through engines: on files and in memory, through a node, and between nodes that a hub joins.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[allow(dead_code, reason = "each test file takes what it needs")]
mod common {
    pub(crate) mod dirs;
    pub(crate) mod patience;
    pub(crate) mod server;
}

use std::time::Duration;

use common::dirs::Dir;
use common::patience::soon;
use headwater::presence::{ChangeKind, Presence, PresenceConfig, Purge, SessionSet, Status, WatchEvent, WatchOptions};
use headwater::{Engine, ErrorKind, LinkConfig, LocalServer, StreamConfig};

fn quick() -> PresenceConfig {
    PresenceConfig { grace: Duration::from_millis(200), ..PresenceConfig::default() }
}

fn session(id: &str, status: Status, ttl_s: u64) -> SessionSet {
    let ttl = Some(Duration::from_secs(ttl_s));
    SessionSet { session: id.into(), status, ttl, ..SessionSet::default() }
}

fn status(presence: &Presence, user: &str) -> Status {
    presence.get("office", user).wait().unwrap().status
}

/// Opens a directory. A program that another test starts has its lock for a moment, between fork and exec.
fn open(dir: &Dir) -> Engine {
    let mut opened = Engine::open(&dir.0);
    soon("the directory is free", || {
        let is_busy = |opened: &headwater::Result<Engine>| opened.as_ref().is_err_and(|e| e.kind() == ErrorKind::Busy);
        if is_busy(&opened) {
            opened = Engine::open(&dir.0);
        }
        !is_busy(&opened)
    });
    opened.unwrap()
}

#[test]
fn leases_outlive_a_process_and_held_sessions_do_not() {
    let dir = Dir::new();
    let engine = open(&dir);
    let presence = engine.presence(quick()).unwrap();
    presence.set("office", "ada", session("tab", Status::Busy, 60)).wait().unwrap();
    let held = presence.hold("office", "bob", SessionSet::default()).wait().unwrap();
    assert_eq!((status(&presence, "ada"), status(&presence, "bob")), (Status::Busy, Status::Online));
    // As where a process is killed: nobody says goodbye.
    std::mem::forget(held);
    engine.close().unwrap();
    assert_eq!(presence.get("office", "ada").wait().unwrap_err().kind(), ErrorKind::Closed);
    drop((presence, engine));
    let engine = open(&dir);
    let presence = engine.presence(quick()).unwrap();
    assert_eq!(status(&presence, "ada"), Status::Busy);
    assert!(matches!(status(&presence, "bob"), Status::Unknown | Status::Offline));
    soon("bob is offline", || status(&presence, "bob") == Status::Offline);
    assert!(presence.get("office", "bob").wait().unwrap().last_seen_ms > 0);
    assert_eq!(presence.counts("office").wait().unwrap().users, 1);
}

#[test]
fn a_lease_ends_by_itself_and_watchers_are_told() {
    let engine = Engine::memory().unwrap();
    let presence = engine.presence(quick()).unwrap();
    let watcher = presence.watch(WatchOptions { space: "office".into(), ..WatchOptions::default() }).unwrap();
    assert!(matches!(watcher.next(10).wait().unwrap()[..], [WatchEvent::Snapshot { .. }]));
    presence.set("office", "ada", session("tab", Status::Online, 1)).wait().unwrap();
    let mut kinds = Vec::new();
    soon("the lease is over", || {
        for event in watcher.try_next(10).unwrap() {
            if let WatchEvent::Change(change) = event {
                kinds.push((change.kind, change.user.status));
            }
        }
        kinds.len() == 2
    });
    assert_eq!(kinds, [(ChangeKind::Joined, Status::Online), (ChangeKind::Left, Status::Offline)]);
    engine.close().unwrap();
    assert_eq!(watcher.next(1).wait().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_store_is_measured_as_long_as_somebody_has_it() {
    let engine = Engine::memory().unwrap();
    let presence = engine.presence(quick()).unwrap();
    let measured = |name: &str, label: &str| {
        let metrics = engine.metrics().unwrap();
        let is_it = |m: &&headwater::Metric| {
            m.name == name && m.labels.iter().all(|(_, v)| [label, "presence"].contains(&v.as_str()))
        };
        metrics.iter().find(is_it).map(|metric| metric.value)
    };
    presence.set("office", "ada", session("tab", Status::Busy, 60)).wait().unwrap();
    presence.set("office", "ada", session("phone", Status::Online, 60)).wait().unwrap();
    presence.set("home", "bob", session("tab", Status::Busy, 60)).wait().unwrap();
    assert_eq!(measured("headwater_presence_users", "busy"), Some(2.0));
    assert_eq!(measured("headwater_presence_users", "online"), Some(0.0));
    assert_eq!(
        (measured("headwater_presence_sessions", ""), measured("headwater_presence_spaces", "")),
        (Some(3.0), Some(2.0))
    );
    assert_eq!(measured("headwater_presence_stale", ""), Some(0.0));
    drop(presence);
    assert_eq!(measured("headwater_presence_spaces", ""), None);
}

#[test]
fn handles_of_a_process_share_a_store_and_another_configuration_is_a_conflict() {
    let engine = Engine::memory().unwrap();
    let (one, two) = (engine.presence(quick()).unwrap(), engine.presence(quick()).unwrap());
    let held = one.hold("office", "ada", SessionSet::default()).wait().unwrap();
    assert_eq!(status(&two, "ada"), Status::Online);
    held.update(|set| set.status = Status::Busy).wait().unwrap();
    assert_eq!(status(&two, "ada"), Status::Busy);
    drop(held);
    assert_eq!(status(&two, "ada"), Status::Offline);
    let other = engine.presence(PresenceConfig::default()).map(drop);
    assert_eq!(other.unwrap_err().kind(), ErrorKind::Conflict);
    drop((one, two));
    engine.presence(PresenceConfig::default()).unwrap();
    assert_eq!(engine.presences().wait().unwrap(), ["presence"]);
}

#[test]
fn a_client_of_a_node_has_the_node_answer_and_its_sessions_end_with_it() {
    let dir = Dir::new();
    let owner = open(&dir);
    let server = LocalServer::start(&owner).unwrap();
    let here = owner.presence(quick()).unwrap();
    let client = Engine::open(&dir.0).unwrap();
    assert!(client.is_through_node());
    let there = client.presence(quick()).unwrap();
    let watcher = there.watch(WatchOptions { space: "office".into(), ..WatchOptions::default() }).unwrap();
    let first = watcher.next(10).wait().unwrap();
    assert!(matches!(&first[..], [WatchEvent::Snapshot { users, .. }] if users.is_empty()), "{first:?}");
    let held = there.hold("office", "ada", SessionSet::default()).wait().unwrap();
    assert_eq!((status(&here, "ada"), status(&there, "ada")), (Status::Online, Status::Online));
    held.update(|set| set.message = Some("in a call".into())).wait().unwrap();
    assert_eq!(here.get("office", "ada").wait().unwrap().message(), Some("in a call"));
    here.set("office", "bob", session("tab", Status::Away, 60)).wait().unwrap();
    assert_eq!(there.heartbeat("office", "bob", "tab", true).wait().unwrap().ttl_ms, 60_000);
    assert_eq!(there.heartbeat("office", "bob", "x", true).wait().unwrap_err().kind(), ErrorKind::NotFound);
    there.choose("office", "bob", Some(Status::Busy), None).wait().unwrap();
    there.hide("office", "ada", true).wait().unwrap();
    let reading = there.list("office").wait().unwrap();
    assert_eq!(reading.users.iter().map(|u| (&*u.user, u.status)).collect::<Vec<_>>(), [("bob", Status::Busy)]);
    assert!(!reading.stale);
    assert_eq!(there.counts("office").wait().unwrap(), here.counts("office").wait().unwrap());
    assert_eq!(there.spaces().wait().unwrap().len(), 1);
    assert_eq!(there.status().wait().unwrap().answered, 2);
    let mut changes = Vec::new();
    while changes.len() < 5 {
        for event in watcher.next(10).wait().unwrap() {
            if let WatchEvent::Change(change) = event {
                changes.push((change.user.user.to_string(), change.kind));
            }
        }
    }
    assert_eq!(changes.last().unwrap(), &("ada".to_owned(), ChangeKind::Left), "{changes:?}");
    held.leave().wait().unwrap();
    assert_eq!(there.purge(Purge::default()).wait().unwrap(), 1);
    assert_eq!(here.counts("office").wait().unwrap().users, 0);
    watcher.close();
    assert_eq!(watcher.next(1).wait().unwrap_err().kind(), ErrorKind::Closed);
    drop((there, client));
    server.stop();
    owner.close().unwrap();
}

/// Joins the store of an engine with those of others, by a stream on a hub.
fn link(engine: &Engine, hub: &Engine, name: &str) {
    let config = LinkConfig::new("presence", "PRESENCE_presence", "PRESENCE_presence");
    engine.add_link(config, hub).wait().unwrap_or_else(|e| panic!("{name}: {e}"));
}

fn hub_stream() -> StreamConfig {
    StreamConfig {
        max_msgs_per_subject: 1,
        ..StreamConfig::new("PRESENCE_presence", ["$PRESENCE.presence.>", "$HW.PRESENCE_presence.>"])
    }
}

#[test]
fn nodes_that_a_hub_joins_tell_the_same_and_go_on_apart() {
    let hub = Engine::memory().unwrap();
    hub.create_stream(hub_stream()).wait().unwrap();
    let engines = [Engine::memory().unwrap(), Engine::memory().unwrap(), Engine::memory().unwrap()];
    let presences: Vec<_> = engines.iter().map(|engine| engine.presence(quick()).unwrap()).collect();
    for (number, engine) in engines.iter().enumerate() {
        link(engine, &hub, &format!("node {number}"));
    }
    let held = presences[0].hold("office", "ada", SessionSet::default()).wait().unwrap();
    presences[1].set("office", "ada", session("phone", Status::Busy, 60)).wait().unwrap();
    for presence in &presences {
        soon("ada is busy everywhere", || status(presence, "ada") == Status::Busy);
    }
    // Another node ends what the second one answers for.
    presences[2].leave("office", "ada", "phone").wait().unwrap();
    for presence in &presences {
        soon("the phone is gone everywhere", || status(presence, "ada") == Status::Online);
    }
    engines[2].remove_link("presence").unwrap();
    drop(held);
    soon("ada left", || status(&presences[1], "ada") == Status::Offline);
    assert_eq!(status(&presences[2], "ada"), Status::Online, "nobody is offline because a link is down");
    presences[2].set("office", "eve", session("tab", Status::Away, 60)).wait().unwrap();
    link(&engines[2], &hub, "again");
    soon("both are heard", || {
        status(&presences[2], "ada") == Status::Offline && status(&presences[0], "eve") == Status::Away
    });
    let status = presences[0].status().wait().unwrap();
    assert_eq!((status.nodes.len(), status.refused, status.last_error.as_str()), (3, 0, ""));
}

#[cfg(feature = "hub")]
#[test]
fn a_store_on_a_hub_is_one_with_that_of_a_leaf() {
    let server = common::server::Server::start("2.15.1");
    let hub = Engine::connect(headwater::HubOptions::new(server.url())).wait().unwrap();
    let unnamed = hub.presence(quick()).map(drop).unwrap_err();
    assert_eq!(unnamed.kind(), ErrorKind::Invalid);
    hub.create_stream(hub_stream()).wait().unwrap();
    let named = || PresenceConfig { node: "centre".into(), ..quick() };
    let centre = hub.presence(named()).unwrap();
    // All handles of an engine share one, also of one that is to a hub.
    let again = hub.presence(named()).unwrap();
    again.set("office", "eve", session("tab", Status::Away, 60)).wait().unwrap();
    assert_eq!(status(&centre, "eve"), Status::Away);
    let other = hub.presence(PresenceConfig { node: "another".into(), ..quick() }).map(drop).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Conflict);
    drop(again);
    let leaf_engine = Engine::memory().unwrap();
    let leaf = leaf_engine.presence(quick()).unwrap();
    link(&leaf_engine, &hub, "leaf");
    leaf.set("office", "ada", session("tab", Status::Busy, 60)).wait().unwrap();
    let held = centre.hold("office", "bob", SessionSet::default()).wait().unwrap();
    soon("each hears of the other", || {
        status(&centre, "ada") == Status::Busy && status(&leaf, "bob") == Status::Online
    });
    held.leave().wait().unwrap();
    soon("bob left", || status(&leaf, "bob") == Status::Offline);
    centre.close();
}

#[test]
fn whoever_opens_a_store_at_the_same_moment_has_the_same() {
    for _ in 0..10 {
        let engine = Engine::memory().unwrap();
        let starting = std::sync::Barrier::new(8);
        let held: Vec<_> = std::thread::scope(|scope| {
            let (engine, starting) = (&engine, &starting);
            let open = move |number: usize| {
                starting.wait();
                let presence = engine.presence(PresenceConfig::default()).unwrap();
                let held = presence.hold("office", &format!("u{number}"), SessionSet::default()).wait().unwrap();
                (presence, held)
            };
            let opening: Vec<_> = (0..8).map(|number| scope.spawn(move || open(number))).collect();
            opening.into_iter().map(|opening| opening.join().unwrap()).collect()
        });
        for (presence, _) in &held {
            assert_eq!(presence.counts("office").wait().unwrap().users, 8);
        }
    }
}

#[test]
fn a_session_that_was_left_takes_no_other_of_its_name_along() {
    let engine = Engine::memory().unwrap();
    let presence = engine.presence(quick()).unwrap();
    let first = presence.hold("office", "ada", SessionSet::default()).wait().unwrap();
    first.leave().wait().unwrap();
    first.leave().wait().unwrap();
    assert_eq!(first.update(|set| set.status = Status::Busy).wait().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(first.active().wait().unwrap_err().kind(), ErrorKind::NotFound);
    let second = presence.hold("office", "ada", SessionSet::default()).wait().unwrap();
    drop(first);
    assert_eq!(status(&presence, "ada"), Status::Online);
    // What is refused ends nothing that was there.
    let message = Some("x".repeat(1_025));
    let refused = presence.hold("office", "ada", SessionSet { message, ..SessionSet::default() }).wait();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(status(&presence, "ada"), Status::Online);
    drop(second);
    assert_eq!(status(&presence, "ada"), Status::Offline);
}
