//! Operations on consumers.

use headwater::{ConsumerConfig, Result};
use serde_json::{Value, json};

use crate::args::Args;
use crate::engine::World;

impl World {
    pub(crate) fn consumer(&self, op: &str, args: &mut Args) -> Result<Value> {
        let (stream, name) = (args.text("stream"), args.text("consumer"));
        let (seqs, seq) = (args.option::<Vec<u64>>("seqs"), args.option::<u64>("seq"));
        let delay = args.duration("delay").unwrap_or_default();
        let consumer = self.engine.stream(&stream).wait()?.consumer(&name).wait()?;
        match op {
            "ack" => consumer.ack(&seqs.unwrap()).map(|n| json!(n)),
            "nak" => consumer.nak(seq.unwrap(), delay).map(|()| Value::Null),
            "in_progress" => consumer.in_progress(seq.unwrap()).map(|()| Value::Null),
            "term" => consumer.term(seq.unwrap()).map(|()| Value::Null),
            _ => consumer.info().wait().map(|i| {
                json!({"delivered_seq": i.delivered_seq, "ack_floor": i.ack_floor, "num_ack_pending": i.num_ack_pending,
                       "num_redelivered": i.num_redelivered, "num_pending": i.num_pending, "num_dead": i.num_dead})
            }),
        }
    }
}

pub(crate) fn consumer_config(mut args: Args) -> ConsumerConfig {
    let deliver_policy = args.deliver_policy();
    ConsumerConfig { deliver_policy, ..serde_json::from_value(Value::Object(args.0)).unwrap() }
}
