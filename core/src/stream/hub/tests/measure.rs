//! How the hub engine compares with the client used directly, on one server, turn by turn. Ignored: `cargo test
//! --release
//! -p headwater --features hub --lib hub::tests::measure -- --ignored --nocapture`.

use std::time::Duration;

use futures_util::StreamExt;

use super::stream;
use crate::record::Append;
use crate::stream::contract::{EngineOps, StreamOps};
use crate::stream::hub::engine::HubEngine;
use crate::stream::hub::testing::{Server, VERSIONS};
use crate::{HubOptions, Nanos, SubscribeOptions, SystemClock};

const COUNT: usize = 200_000;
const ONE_BY_ONE: usize = 10_000;
const WINDOW: usize = 4000;

fn timed(work: impl FnOnce()) -> Duration {
    let now = || -> Nanos { crate::Clock::now(&SystemClock) };
    let begin = now();
    work();
    Duration::from_nanos(now() - begin)
}

fn windowed(s: &dyn StreamOps) {
    let mut pending = std::collections::VecDeque::new();
    for _ in 0..COUNT {
        if pending.len() == WINDOW {
            let oldest: crate::Pending<_> = pending.pop_front().expect("one");
            oldest.wait().expect("append");
        }
        pending.push_back(s.append(&[Append::new("s.a", b"1234")]));
    }
    for pending in pending {
        pending.wait().expect("append");
    }
}

async fn windowed_directly(client: &async_nats::Client) {
    let mut answers = std::pin::pin!(
        futures_util::stream::iter(0..COUNT).map(|_| client.request("d.a", "1234".into())).buffered(WINDOW)
    );
    while let Some(answer) = answers.next().await {
        answer.expect("answer");
    }
}

#[test]
#[ignore = "it measures"]
fn beside_the_client() {
    let server = Server::start(VERSIONS[3]);
    let engine = server.connect();
    let (s, _d) = (stream(&engine, "s"), stream(&engine, "d"));
    let direct = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    let here = HubOptions { on_this_runtime: true, ..server.options() };
    let here = direct.block_on(async { HubEngine::connect(here).await }).expect("connect");
    let in_task = direct.block_on(async { here.stream("s").await }).expect("stream");
    let options = async_nats::ConnectOptions::new().client_capacity(8192);
    let client = direct.block_on(options.connect(server.url())).expect("connect");
    for round in 0..3 {
        let theirs = timed(|| {
            let client = client.clone();
            direct
                .block_on(async { direct.spawn(async move { windowed_directly(&client).await }).await.expect("task") });
        });
        let ours = timed(|| windowed(&*s));
        println!(
            "{round} window: direct {theirs:?}, ours {ours:?}, ratio {:.2}",
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
        let theirs = timed(|| {
            let client = client.clone();
            let one_by_one = async move {
                for _ in 0..ONE_BY_ONE {
                    client.request("d.a", "1234".into()).await.expect("answer");
                }
            };
            direct.block_on(async { direct.spawn(one_by_one).await.expect("task") });
        });
        let task = timed(|| {
            let s = std::sync::Arc::clone(&in_task);
            let one_by_one = async move {
                for _ in 0..ONE_BY_ONE {
                    s.append(&[Append::new("s.a", b"1234")]).await.expect("append");
                }
            };
            direct.block_on(async { direct.spawn(one_by_one).await.expect("task") });
        });
        let across = timed(|| {
            let s = std::sync::Arc::clone(&s);
            let one_by_one = async move {
                for _ in 0..ONE_BY_ONE {
                    s.append(&[Append::new("s.a", b"1234")]).await.expect("append");
                }
            };
            direct.block_on(async { direct.spawn(one_by_one).await.expect("task") });
        });
        let waiting = timed(|| {
            for _ in 0..ONE_BY_ONE {
                s.append(&[Append::new("s.a", b"1234")]).wait().expect("append");
            }
        });
        println!(
            "{round} one by one: direct {theirs:?}, in a task {task:?} ratio {:.2}, of another runtime {across:?} \
             ratio {:.2}, by wait {waiting:?} ratio {:.2}",
            theirs.as_secs_f64() / task.as_secs_f64(),
            theirs.as_secs_f64() / across.as_secs_f64(),
            theirs.as_secs_f64() / waiting.as_secs_f64()
        );
        let total = s.info().wait().expect("info").records as usize;
        let read = timed(|| {
            let all = s.subscribe(SubscribeOptions::default()).wait().expect("subscribe");
            let mut count = 0;
            while count < total {
                count += all.next(10_000).wait().expect("next").len();
            }
        });
        println!("{round} read: {total} in {read:?}, {:.0} per second", total as f64 / read.as_secs_f64());
    }
}
