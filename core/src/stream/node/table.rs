//! What a node can be asked, in one table: a number, a question and an answer for each operation.
//!
//! One more operation is a line here, a call in `engine.rs`, `stream.rs` or `queue.rs`, and a line in the door's
//! `serve/local/answer.rs`. Numbers are never given out twice.

use std::time::Duration;

use super::wire::{Bytes, Wire};
use crate::member::MeshStatus;
use crate::metric::Metric;
use crate::record::{Ack, Batch, Record};
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::info::StreamInfo;
use crate::stream::link::{LinkConfig, LinkStatus};
use crate::stream::options::{PurgeOptions, ReadOptions};
use crate::stream::subscription::SubscribeOptions;

/// An operation of a node. A request says what it is about (an engine, or what an earlier request made) and asks.
pub(crate) trait Operation {
    /// The kind of its frame, 2 to 127.
    const KIND: u8;
    type Question: Wire;
    type Answer: Wire + Send + 'static;
}

macro_rules! operations {
    ($($kind:literal $name:ident($question:ty) -> $answer:ty;)+) => {
        $(
            pub(crate) struct $name;
            impl Operation for $name {
                const KIND: u8 = $kind;
                type Question = $question;
                type Answer = $answer;
            }
        )+

        /// The numbers and the names of all.
        #[cfg(test)]
        pub(crate) const ALL: &[(u8, &str)] = &[$(($kind, stringify!($name))),+];
    };
}

operations! {
    // Of the engine. The first three make a stream, which is known by the number of the request from then on.
    2 CreateStream(StreamConfig) -> StreamConfig;
    3 UpdateStream(StreamConfig) -> StreamConfig;
    4 OpenStream(String) -> StreamConfig;
    5 DeleteStream(String) -> ();
    6 Streams(()) -> Vec<StreamInfo>;
    7 StreamNames(()) -> Vec<String>;
    8 Links(()) -> Vec<LinkStatus>;
    // A link, and the address of its hub.
    9 AddLink((LinkConfig, String)) -> ();
    10 RemoveLink(String) -> ();
    11 Metrics(()) -> Vec<Metric>;
    // Of a CRDT store's stream: an actor to go on as, as its two numbers and its next sequence; one that is free.
    12 TakeActor(String) -> Option<(u64, u64, u64)>;
    13 FreeActor((String, (u64, u64, u64))) -> ();
    14 Mesh(()) -> Option<MeshStatus>;
    // Of its replicated SQLite files, in JSON.
    15 AskDatabase(String) -> String;
    // Of a stream.
    16 Info(()) -> StreamInfo;
    // The question is read by `take_appends`, which copies nothing.
    17 AppendRecords(()) -> Ack;
    18 Get(u64) -> Option<Record>;
    19 Last(String) -> Option<Record>;
    20 LastMany((Vec<String>, u64, u64)) -> Batch;
    21 LastSeq(String) -> u64;
    22 Subjects((String, String, u64)) -> Vec<(String, u64)>;
    23 Read(ReadOptions) -> Batch;
    24 Subscribe(SubscribeOptions) -> ();
    25 CreateConsumer(ConsumerConfig) -> ();
    26 OpenConsumer(String) -> ();
    27 DeleteConsumer(String) -> ();
    28 Consumers(()) -> Vec<ConsumerInfo>;
    29 Delete(u64) -> bool;
    30 Purge(PurgeOptions) -> u64;
    31 Sync(()) -> ();
    // Of the engine's replicated SQLite files again: an answer once something was joined.
    32 WatchDatabase(String) -> String;
    // Of its presence stores, in JSON.
    33 AskPresence(String) -> String;
    // The same, for what waits until something happens.
    34 WatchPresence(String) -> String;
    // Requests from one program to another: a subject, what is sent, and how long the answer is waited for. And the
    // other end, which listens on a subject.
    35 RequestCall((String, Bytes, Duration)) -> Bytes;
    36 Listen(String) -> ();
    // Of a stream again: as 29, with the bytes.
    37 Erase(u64) -> bool;
    // Of a subscription or a consumer: at most so many records that are there; and an answer once one is.
    48 Take(u64) -> Batch;
    49 Ready(()) -> ();
    // Of a subscription: its position, how far it is behind, and what it missed.
    50 Standing(()) -> (u64, u64, u64);
    51 IsPast(u64) -> bool;
    // Of a subject that is listened on: the next call, as its number and what was sent; and the answer to one.
    56 NextCall(()) -> (u64, Bytes);
    57 AnswerCall((u64, Bytes)) -> ();
    // Of a consumer.
    64 Progress(()) -> ConsumerInfo;
    65 AckRecords(Vec<u64>) -> u64;
    66 AckSync(Vec<u64>) -> u64;
    67 Nak((u64, Duration)) -> ();
    68 InProgress(u64) -> ();
    69 Term(u64) -> ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_a_number_of_its_own_that_is_no_answer() {
        let mut kinds: Vec<u8> = ALL.iter().map(|(kind, _)| *kind).collect();
        assert!(kinds.iter().all(|kind| (2..128).contains(kind)));
        kinds.dedup();
        assert_eq!((kinds.len(), kinds.is_sorted()), (ALL.len(), true));
    }
}
