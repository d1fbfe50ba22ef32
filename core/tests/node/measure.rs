//! How fast a node is: run with `--ignored --nocapture`.

use std::time::Instant;

use headwater::{Append, Durability, Stream};

use crate::world::Node;

#[test]
#[ignore = "a measurement"]
fn measure() {
    for (durability, threads, each) in [
        (Durability::Os, 1, 20_000u64),
        (Durability::Os, 64, 2_000),
        (Durability::Fsync, 1, 5_000),
        (Durability::Fsync, 64, 1_000),
    ] {
        let node = Node::new("measure");
        node.orders(durability);
        let client = node.client();
        let timed = |work: &(dyn Fn(&Stream, &str) + Sync)| {
            let began = Instant::now();
            std::thread::scope(|scope| {
                for thread in 0..threads {
                    let orders = client.stream("orders").wait().unwrap();
                    let subject = format!("orders.{thread}");
                    scope.spawn(move || (0..each).for_each(|_| work(&orders, &subject)));
                }
            });
            (threads * each) as f64 / began.elapsed().as_secs_f64()
        };
        let appends = timed(&|orders, subject| {
            orders.append(&Append::new(subject, &[1; 100])).wait().unwrap();
        });
        let lasts = timed(&|orders, subject| drop(orders.last(subject).wait().unwrap()));
        println!("{durability:?} {threads} threads: {appends:.0} appends/s, {lasts:.0} last/s");
    }
}
