//! The connection: what it says of itself, how it comes back, what it refuses.

use std::time::Duration;

use super::{fill, refused, stream};
use crate::HubOptions;
use crate::error::ErrorKind;
use crate::pending::park;
use crate::record::Append;
use crate::stream::contract::EngineOps;
use crate::stream::hub::engine::HubEngine;
use crate::stream::hub::state::HubPhase;
use crate::stream::hub::testing::{Server, VERSIONS, each_version, since};

#[test]
fn it_says_where_it_is() {
    each_version(|version, _, engine| {
        let state = engine.state_cell().get();
        assert_eq!((state.phase, state.server_version.as_str()), (HubPhase::Connected, version));
        assert_eq!(state.api_level >= 1, since(version, 11));
        assert_eq!(state.api_level >= 2, since(version, 12));
        engine.close().expect("close");
        assert_eq!(engine.state_cell().get().phase, HubPhase::Closed);
        refused(engine.streams().wait(), ErrorKind::Closed);
    });
}

#[test]
fn it_comes_back_after_a_restart() {
    let mut server = Server::start(VERSIONS[3]);
    let engine = server.connect();
    let s = stream(&engine, "s");
    fill(&*s, &["s.a"]);
    let (seen, _) = park(None, |cx| engine.state_cell().poll_change(cx, 0)).expect("a state");
    server.stop();
    let wait = Some(Duration::from_secs(20));
    let (seen, state) = park(wait, |cx| engine.state_cell().poll_change(cx, seen)).expect("a change");
    assert_eq!((state.phase, state.last_error.is_empty()), (HubPhase::Reconnecting, false));
    server.restart();
    let mut seen = seen;
    loop {
        let (version, state) = park(wait, |cx| engine.state_cell().poll_change(cx, seen)).expect("a change");
        if state.phase == HubPhase::Connected {
            assert_eq!((state.reconnects, state.last_error.as_str()), (1, ""), "what was wrong before is over");
            break;
        }
        seen = version;
    }
    assert_eq!(s.append(&[Append::new("s.a", b"")]).wait().expect("append").seq, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_hangs_up_does_not_end_the_process() {
    let server = Server::start(VERSIONS[3]);
    let _engine = server.connect();
    let named = |task: &std::path::Path| std::fs::read_to_string(task.join("comm")).unwrap_or_default();
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads").map(|t| t.expect("a thread").path());
    let threads: Vec<_> = tasks.filter(|t| named(t).trim() == "headwater-hub").collect();
    assert!(!threads.is_empty(), "a thread serves the hub");
    for status in threads.iter().filter_map(|t| std::fs::read_to_string(t.join("status")).ok()) {
        let blocked = status.lines().find_map(|l| l.strip_prefix("SigBlk:")).expect("a mask").trim();
        let blocked = u64::from_str_radix(blocked, 16).expect("a mask");
        assert_ne!(blocked & 1 << (13 - 1), 0, "SIGPIPE is not blocked: {status}");
    }
}

#[test]
fn a_server_without_jetstream_is_refused() {
    let server = Server::start_with(VERSIONS[3], &["--auth", "secret"]);
    let options = HubOptions { request_timeout: Duration::from_secs(1), ..server.options() };
    let options = HubOptions { token: Some("secret".into()), ..options };
    refused(HubEngine::connect(options).wait(), ErrorKind::Unsupported);
    let wrong = HubOptions { token: Some("wrong".into()), ..server.options() };
    refused(HubEngine::connect(wrong).wait(), ErrorKind::Io);
    let nobody = HubOptions::new("nats://127.0.0.1:1");
    refused(HubEngine::connect(nobody).wait(), ErrorKind::Io);
}

#[test]
fn options_that_cannot_be_are_refused() {
    let bad = |change: fn(&mut HubOptions)| {
        let mut options = HubOptions::new("nats://127.0.0.1:4222");
        change(&mut options);
        refused(options.checked(), ErrorKind::Invalid)
    };
    bad(|o| o.urls.clear());
    bad(|o| o.urls = vec!["http://x".into()]);
    bad(|o| o.user = Some("u".into()));
    bad(|o| o.window = 0);
    bad(|o| (o.domain, o.api_prefix) = (Some("d".into()), Some("p".into())));
    bad(|o| (o.token, o.nkey_seed) = (Some("t".into()), Some("s".into())));
    bad(|o| o.request_timeout = Duration::ZERO);
    let secret = HubOptions { password: Some("hidden".into()), ..HubOptions::new("nats://u:hidden@h:1") };
    assert!(!format!("{secret:?}").contains("hidden"));
}

#[test]
fn everything_that_waits_ends_with_the_close() {
    let server = Server::start(VERSIONS[3]);
    let engine = server.connect();
    let s = stream(&engine, "s");
    let subscription = s.subscribe(crate::SubscribeOptions::default()).wait().expect("subscribe");
    let consumer = s.create_consumer(crate::ConsumerConfig::new("c")).wait().expect("consumer");
    let waiting = (subscription.next(1), consumer.next(1));
    std::thread::scope(|scope| {
        #[allow(clippy::disallowed_methods, reason = "somebody has to wait while another closes")]
        let waiter = scope.spawn(|| (waiting.0.wait(), waiting.1.wait()));
        crate::stream::hub::testing::pause(100);
        engine.close().expect("close");
        let (one, other) = waiter.join().expect("waiter");
        refused(one, ErrorKind::Closed);
        refused(other, ErrorKind::Closed);
    });
    refused(s.append(&[Append::new("s.a", b"")]).wait(), ErrorKind::Closed);
}

#[test]
fn an_answer_is_bounded_in_time() {
    let mut server = Server::start(VERSIONS[3]);
    let options = HubOptions { request_timeout: Duration::from_millis(300), ..server.options() };
    let engine = HubEngine::connect(options).wait().expect("connect");
    let s = stream(&engine, "s");
    server.stop();
    let pending: Vec<_> = (0..10).map(|_| s.append(&[Append::new("s.a", b"")])).collect();
    for pending in pending {
        refused(pending.wait(), ErrorKind::Timeout);
    }
    refused(s.info().wait(), ErrorKind::Timeout);
}

#[test]
fn it_can_live_on_the_runtime_of_its_user() {
    refused(
        HubEngine::connect(HubOptions { on_this_runtime: true, ..HubOptions::new("nats://h:1") }).wait(),
        ErrorKind::Invalid,
    );
    let server = Server::start(VERSIONS[3]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let options = HubOptions { on_this_runtime: true, ..server.options() };
        let engine = HubEngine::connect(options).await.expect("connect");
        let s = engine.create_stream(crate::StreamConfig::new("s", ["s.>"])).await.expect("create");
        assert_eq!(s.append(&[Append::new("s.a", b"")]).await.expect("append").seq, 1);
        let subscription = s.subscribe(crate::SubscribeOptions::default()).await.expect("subscribe");
        let consumer = s.create_consumer(crate::ConsumerConfig::new("c")).await.expect("consumer");
        assert_eq!(
            (subscription.next(1).await.expect("next").len(), consumer.next(1).await.expect("next").len()),
            (1, 1)
        );
        let (one, other) = (subscription.next(1), consumer.next(1));
        let waiting = tokio::spawn(async move { (one.await, other.await) });
        tokio::time::sleep(Duration::from_millis(100)).await;
        engine.close().expect("close");
        let (one, other) = waiting.await.expect("waiter");
        refused(one, ErrorKind::Closed);
        refused(other, ErrorKind::Closed);
        refused(s.append(&[Append::new("s.a", b"")]).await, ErrorKind::Closed);
    });
}
