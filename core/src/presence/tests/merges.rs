//! What sessions come to together, and what a user chooses.

use std::time::Duration;

use super::super::write::Purge;
use super::*;

#[test]
fn the_highest_of_the_live_sessions_counts() {
    let alone = Alone::new(config("n"));
    for (session, status, merged) in [
        ("a", Status::Away, Status::Away),
        ("b", Status::Online, Status::Online),
        ("c", Status::Busy, Status::Busy),
        ("c", Status::Away, Status::Online),
        ("b", Status::Offline, Status::Away),
    ] {
        alone.set("ada", session, status, 60);
        assert_eq!(alone.status("ada"), merged, "{session} {status}");
    }
    let view = alone.core.view("s", "ada", alone.now).unwrap();
    assert_eq!(view.sessions.iter().map(|s| &*s.session.id).collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn a_choice_counts_while_somebody_is_there_and_until_it_ends() {
    let mut alone = Alone::new(config("n"));
    let chosen = alone.core.choose("s", "ada", Some(Status::Busy), Some(Duration::from_secs(30)), alone.now).unwrap();
    assert_eq!(chosen.view.status, Status::Offline, "nobody is there");
    alone.set("ada", "tab", Status::Online, 600);
    assert_eq!(alone.status("ada"), Status::Busy);
    alone.pass(31_000);
    assert_eq!(alone.status("ada"), Status::Online);
    alone.core.choose("s", "ada", Some(Status::Away), None, alone.now).unwrap();
    alone.crash();
    assert_eq!(alone.status("ada"), Status::Away);
    alone.core.choose("s", "ada", None, None, alone.now).unwrap();
    assert_eq!(alone.status("ada"), Status::Online);
    for status in [Status::Offline, Status::Unknown] {
        assert!(alone.core.choose("s", "ada", Some(status), None, alone.now).is_err());
    }
}

#[test]
fn who_is_invisible_is_offline_to_others_and_counted_by_nobody() {
    let alone = Alone::new(config("n"));
    alone.set("ada", "tab", Status::Online, 600);
    alone.set("bob", "tab", Status::Online, 600);
    alone.core.hide("s", "ada", true, alone.now).unwrap();
    let view = alone.core.view("s", "ada", alone.now).unwrap();
    assert_eq!((view.status, view.public_status()), (Status::Online, Status::Offline));
    assert!(view.public().sessions.is_empty());
    let counts = alone.core.spaces.of("s").counts();
    assert_eq!((counts.users, counts.sessions, counts.online), (1, 1, 1));
    alone.core.hide("s", "ada", false, alone.now).unwrap();
    let counts = alone.core.spaces.of("s").counts();
    assert_eq!((counts.users, counts.sessions, counts.online), (2, 2, 2));
}

#[test]
fn what_is_beyond_its_bounds_is_refused_by_name_and_changes_nothing() {
    let alone = Alone::new(config("n"));
    let set = SessionSet::default;
    let long = |n: usize| Some("x".repeat(n));
    for (user, set, said) in [
        ("", set(), "a user has a name"),
        ("a\nb", set(), "the control character \\u{a}"),
        (&"u".repeat(129), set(), "128 bytes at the most, and this one has 129"),
        ("ada", SessionSet { session: String::new(), ..set() }, "a session has a name"),
        ("ada", SessionSet { message: long(1025), ..set() }, "a message has 1024 bytes at the most"),
        ("ada", SessionSet { device: long(65), ..set() }, "a name of a device has 64 bytes at the most"),
        ("ada", SessionSet { meta: long(4097), ..set() }, "4096 bytes at the most"),
        ("ada", SessionSet { meta: Some("{".into()), ..set() }, "a session's metadata is JSON"),
        ("ada", SessionSet { status: Status::Unknown, ..set() }, "can't be set"),
        ("ada", SessionSet { ttl: Some(Duration::from_millis(999)), ..set() }, "1 s to 86400 s"),
        ("ada", SessionSet { ttl: Some(Duration::from_secs(86_401)), ..set() }, "1 s to 86400 s"),
    ] {
        let error = alone.core.set("s", user, set, false, alone.now).map(|w| w.view).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Invalid);
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(alone.lines.len(), 0);
    for number in 0..64 {
        alone.set("ada", &format!("s{number}"), Status::Away, 60);
    }
    let more = SessionSet { session: "one".into(), ..set() };
    let error = alone.core.set("s", "ada", more, false, alone.now).map(|w| w.view).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Limit);
}

#[test]
fn names_come_back_as_they_went_in() {
    let mut alone = Alone::new(config("n"));
    let names = ["*", ">", ".", "a b", "..", "$JS.API", "日本", "😀", "=", "a/b", "%2e", "null"];
    for name in names {
        let set = SessionSet { session: name.into(), message: Some(name.into()), ..SessionSet::default() };
        alone.core.set(name, name, set, false, alone.now).unwrap();
    }
    alone.crash();
    for name in names {
        let view = alone.core.view(name, name, alone.now).unwrap();
        assert_eq!((&*view.space, &*view.user, view.message()), (name, name, Some(name)));
        assert_eq!(&*view.sessions[0].session.id, name);
    }
}

#[test]
fn who_is_forgotten_is_known_from_the_log() {
    let mut alone = Alone::new(PresenceConfig { cold_users: 64, ..config("n") });
    for number in 0..2_000 {
        alone.set(&format!("u{number}"), "tab", Status::Online, 60);
    }
    let seen = alone.now;
    for number in 0..2_000 {
        alone.core.leave("s", &format!("u{number}"), "tab", alone.now).unwrap();
    }
    alone.pass(100_000);
    for number in 0..2_000 {
        let view = alone.core.view("s", &format!("u{number}"), alone.now).unwrap();
        assert_eq!((view.status, view.last_seen_ms), (Status::Offline, seen), "u{number}");
    }
    let here: usize = alone.core.shards.iter().map(|shard| shard.read().unwrap().users().count()).sum();
    assert!(here <= 128, "{here} are in memory");
    assert_eq!(alone.core.spaces.of("s").counts(), crate::presence::Counts::default());
    // A choice is kept over being forgotten.
    alone.core.choose("s", "u7", Some(Status::Busy), None, alone.now).unwrap();
    for number in 0..2_000 {
        alone.core.view("s", &format!("u{number}"), alone.now).unwrap();
    }
    alone.set("u7", "tab", Status::Away, 60);
    assert_eq!(alone.status("u7"), Status::Busy);
}

#[test]
fn a_purge_ends_what_it_names_and_nothing_else() {
    let alone = Alone::new(config("n"));
    for user in ["ada", "bob", "eve"] {
        alone.set(user, "tab", Status::Online, 60);
        alone.set(user, "phone", Status::Online, 60);
    }
    let of_bob = Purge { user: Some("bob".into()), ..Purge::default() };
    assert_eq!(alone.core.purge(&of_bob, alone.now).unwrap(), 2);
    assert_eq!(alone.status("bob"), Status::Offline);
    assert_eq!(alone.status("ada"), Status::Online);
    let of_other = Purge { node: Some("x".into()), ..Purge::default() };
    assert_eq!(alone.core.purge(&of_other, alone.now).unwrap_err().kind(), crate::ErrorKind::NotFound);
    let of_nobody = Purge { user: Some("o\u{f}".into()), ..Purge::default() };
    assert_eq!(alone.core.purge(&of_nobody, alone.now).unwrap_err().kind(), crate::ErrorKind::Invalid);
    let of_node = Purge { node: Some("n".into()), ..Purge::default() };
    assert_eq!(alone.core.purge(&of_node, alone.now).unwrap(), 4);
    assert_eq!(alone.core.spaces.of("s").counts().sessions, 0);
}
