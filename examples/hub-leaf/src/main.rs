//! A hub and two edges: one is cut off, both work on, and when it is back every record is everywhere once.
//!
//! The hub is a `nats-server`, each edge a `headwater serve` with `edge.toml`. This program is a third process beside
//! them: it opens the edges' directories, and so works through their nodes. Between one edge and the hub is a proxy,
//! which plays the network.

#![allow(clippy::disallowed_methods, reason = "an example may start processes and look at the clock")]

mod processes;
mod proxy;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use headwater::{Append, Engine, HubOptions, ReadOptions, Stream};
use processes::{Process, Scratch};
use proxy::Proxy;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Outcome {
    let scratch = Scratch::new()?;
    let (_hub, port) = Process::hub(scratch.path())?;
    println!("a hub: nats-server at 127.0.0.1:{port}");
    let proxy = Proxy::to(port)?;
    let (near, far) = (scratch.path().join("near"), scratch.path().join("far"));
    let hub_url = format!("nats://127.0.0.1:{port}");
    let _near = Process::edge(&near, &hub_url)?;
    let _far = Process::edge(&far, &format!("nats://127.0.0.1:{}", proxy.port()))?;
    println!("two edges: headwater serve in 'near' and in 'far', each with a stream linked to ORDERS");
    let (near, far) = (Edge::open("near", &near)?, Edge::open("far", &far)?);
    near.sell(100)?;
    far.sell(100)?;
    let hub = Engine::connect(HubOptions::new(hub_url)).wait()?;
    let orders = until("the hub's stream is made", || Ok(hub.stream("ORDERS").wait().ok()))?;
    let everywhere = [&near.orders, &far.orders, &orders];
    let took = in_step(&everywhere, 200)?;
    println!("100 orders at each: all 200 are on both edges and the hub after {took:.1?}");

    proxy.cut();
    println!("\n'far' is cut off");
    near.sell(50)?;
    far.sell(70)?;
    in_step(&[&near.orders, &orders], 250)?;
    println!("both work on: near has {} orders, the hub {}", count(&near.orders)?, count(&orders)?);
    println!("far has {}, of which 70 wait to go out; its link says: {}", count(&far.orders)?, far.says()?);

    proxy.heal();
    let took = in_step(&everywhere, 320)?;
    println!("\nthe network is back: in step again after {took:.1?}");
    for (name, stream) in ["near", "far", "the hub"].into_iter().zip(everywhere) {
        let times = payloads(stream)?;
        if times.len() != 320 || times.values().any(|n| *n != 1) {
            return Err(format!("{name} does not hold each of 320 orders once").into());
        }
    }
    println!("near, far and the hub hold each of 320 orders exactly once");
    Ok(())
}

/// An edge as another process sees it: through its node.
struct Edge {
    name: &'static str,
    engine: Engine,
    orders: Stream,
}

impl Edge {
    fn open(name: &'static str, dir: &Path) -> Outcome<Self> {
        let engine = Engine::open(dir)?;
        let orders = engine.stream("orders").wait()?;
        Ok(Edge { name, engine, orders })
    }

    /// Takes so many orders. Each is on this edge's disk when it is acknowledged, whatever the network does.
    fn sell(&self, count: u32) -> Outcome {
        let before = self.orders.info().wait()?.last_seq;
        for n in 0..count {
            let order = format!("{} {before}+{n}", self.name);
            self.orders.append(&Append::new(&format!("orders.{}", self.name), order.as_bytes())).wait()?;
        }
        Ok(())
    }

    fn says(&self) -> Outcome<String> {
        until("the link notices", || {
            let link = self.engine.links()?.remove(0);
            Ok((link.lag_push > 0).then(|| format!("{}, {} records behind", link.state.name(), link.lag_push)))
        })
    }
}

/// Waits until there is something.
fn until<T>(what: &str, mut look: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = look()? {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(format!("waited in vain until {what}").into())
}

/// Waits until all of them hold so many orders, and says how long it took.
fn in_step(streams: &[&Stream], orders: usize) -> Outcome<Duration> {
    let begun = Instant::now();
    for stream in streams {
        until("all hold as many orders", || Ok((count(stream)? >= orders).then_some(())))?;
    }
    Ok(begun.elapsed())
}

fn count(stream: &Stream) -> Outcome<usize> {
    Ok(payloads(stream)?.values().sum())
}

/// How often each order is there. What links keep on the hub begins with `$HW`.
fn payloads(stream: &Stream) -> Outcome<BTreeMap<Vec<u8>, usize>> {
    let mut times = BTreeMap::new();
    let batch = stream.read(&ReadOptions::default().filter("orders.>").max_records(10_000)).wait()?;
    for record in batch.iter() {
        *times.entry(record.payload.to_vec()).or_default() += 1;
    }
    Ok(times)
}
