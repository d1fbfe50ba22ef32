//! Clients that speak nonsense, or take no answers: they are cut off or waited for, and harm nobody.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use headwater::{Append, Durability, StreamConfig};

use crate::world::{Node, PATIENCE};

/// Bits that depend on the seed alone.
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The first frame of a client.
fn hello() -> Vec<u8> {
    let body = [&b"hw-node\n"[..], &1u32.to_le_bytes(), &0u64.to_le_bytes(), &[4], b"test"].concat();
    frame(0, 0, &body)
}

fn frame(kind: u8, id: u64, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 9).to_le_bytes()[..], &[kind], &id.to_le_bytes(), body].concat()
}

/// Whether the node hangs up, having read or not what was sent.
fn hangs_up(socket: &mut UnixStream) -> bool {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    match socket.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(e) => !matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

#[test]
fn a_client_that_speaks_nonsense_is_cut_off_and_harms_nobody() {
    let node = Node::new("nonsense");
    node.orders(Durability::Os);
    let client = node.client();
    let orders = client.stream("orders").wait().unwrap();
    let open = [&[0][..], &[6], b"orders"].concat();
    for bad in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        frame(0, 0, b"hello"),
        frame(4, 1, &open),
        [hello(), frame(99, 1, &[0])].concat(),
        [hello(), frame(4, 1, &[0, 200])].concat(),
        [hello(), frame(4, 0, &open)].concat(),
        [hello(), frame(4, 1, &open), frame(4, 1, &open)].concat(),
        [hello(), u32::MAX.to_le_bytes().to_vec()].concat(),
        [hello(), 3u32.to_le_bytes().to_vec()].concat(),
    ] {
        let mut socket = UnixStream::connect(node.server.socket()).unwrap();
        socket.write_all(&bad).unwrap();
        assert!(hangs_up(&mut socket), "{bad:?}");
        assert!(orders.append(&Append::new("orders.1", b"x")).wait().is_ok());
    }
    let lines = node.owner.logs(1000);
    assert!(lines.iter().filter(|l| l.message.contains("was cut off")).count() >= 9, "{lines:?}");
    let seed = std::env::var("HEADWATER_SEED").map_or(0x9e37_79b9, |s| s.parse().unwrap());
    let mut bits = Bits(seed);
    println!("HEADWATER_SEED={seed}");
    for round in 0..300 {
        let mut bytes = if round % 2 == 0 { hello() } else { Vec::new() };
        for id in 1..=bits.next() % 20 {
            let body: Vec<u8> =
                (0..bits.next() % 40).map(|_| (bits.next() % 7) as u8 * (bits.next() % 3) as u8).collect();
            bytes.extend(frame((bits.next() % 72) as u8, id, &body));
        }
        let noise = bits.next() % 30;
        bytes.extend((0..noise).map(|_| bits.next() as u8));
        let mut socket = UnixStream::connect(node.server.socket()).unwrap();
        let _ = socket.write_all(&bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        assert!(hangs_up(&mut socket), "round {round}");
    }
    assert!(orders.append(&Append::new("orders.1", b"x")).wait().is_ok());
}

#[test]
fn requests_with_wrong_bytes_in_them_harm_nobody() {
    let node = Node::new("wrong");
    node.orders(Durability::Os);
    let client = node.client();
    let text = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
    let append =
        [&[1, 1][..], &text("orders.1"), &text("payload"), &[1], &text("name"), &text("value"), &[0; 7]].concat();
    let last_many = [&[1, 1][..], &text(">"), &[0, 9]].concat();
    let subscribe = [&[1][..], &text(r#"{"filters":[],"deliver_policy":"all"}"#)].concat();
    let requests = [
        frame(4, 1, &[&[0][..], &text("orders")].concat()),
        frame(17, 2, &append),
        frame(18, 3, &[1, 1]),
        frame(19, 4, &[&[1][..], &text(">")].concat()),
        frame(20, 5, &last_many),
        frame(24, 6, &subscribe),
        frame(48, 7, &[6, 5]),
        frame(49, 8, &[6]),
        frame(1, 6, &[]),
    ]
    .concat();
    // As they are, they are all answered.
    let mut socket = UnixStream::connect(node.server.socket()).unwrap();
    socket.write_all(&[hello(), requests.clone()].concat()).unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(hangs_up(&mut socket));
    assert!(node.owner.logs(1000).iter().all(|l| !l.message.contains("was cut off")), "the requests are good");
    assert_eq!(node.owner.stream("orders").wait().unwrap().last_seq(">").wait().unwrap(), 1);
    let seed = std::env::var("HEADWATER_SEED").map_or(0x51f1_5eed, |s| s.parse().unwrap());
    let mut bits = Bits(seed);
    println!("HEADWATER_SEED={seed}");
    for round in 0..2000 {
        let mut bytes = requests.clone();
        for _ in 0..=bits.next() % 3 {
            let at = (bits.next() % bytes.len() as u64) as usize;
            bytes[at] ^= bits.next() as u8;
        }
        let mut socket = UnixStream::connect(node.server.socket()).unwrap();
        let _ = socket.write_all(&[hello(), bytes].concat());
        let _ = socket.shutdown(std::net::Shutdown::Write);
        assert!(hangs_up(&mut socket), "round {round}");
    }
    // They may have deleted the stream, and that is all.
    client.streams().wait().unwrap();
    let again = client.create_stream(StreamConfig::new("again", ["again"])).wait().unwrap();
    assert_eq!(again.append(&Append::new("again", b"x")).wait().unwrap().seq, 1);
}

#[test]
fn a_client_that_reads_nothing_is_not_buffered_for() {
    let node = Node::new("slow");
    let stream = node.orders(Durability::Os);
    stream.append(&Append::new("orders.1", &vec![1; 1 << 20])).wait().unwrap();
    let mut socket = UnixStream::connect(node.server.socket()).unwrap();
    socket.write_all(&[hello(), frame(4, 1, &[&[0, 6][..], b"orders"].concat())].concat()).unwrap();
    socket.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    // Each asks for a megabyte; none is taken. The node stops to read, so writing comes to an end.
    let ask = |id| frame(18, id, &[1, 1]);
    let began = Instant::now();
    let stopped = (2..3_000_000u64).any(|id| socket.write_all(&ask(id)).is_err());
    assert!(stopped && began.elapsed() < PATIENCE);
    let client = node.client();
    assert!(client.stream("orders").wait().unwrap().last("orders.1").wait().unwrap().is_some());
}
