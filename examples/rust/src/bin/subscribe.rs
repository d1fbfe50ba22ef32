//! One thread appends while another follows the stream: history first, then live, with no gap at the seam.

use std::time::Duration;

use headwater::{Append, Durability, Engine, Error, ErrorKind, Result, Stream, StreamConfig, SubscribeOptions};

const HISTORY_RECORDS: u64 = 100;
const LIVE_RECORDS: u64 = 900;
const TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let engine = Engine::temporary()?;
    let ticks = engine
        .create_stream(StreamConfig { durability: Durability::Os, ..StreamConfig::new("ticks", ["ticks.>"]) })
        .wait()?;
    append_ticks(&ticks, HISTORY_RECORDS)?;

    let live = ticks.subscribe(SubscribeOptions::default().filter("ticks.*")).wait()?;
    let writer = std::thread::spawn(move || append_ticks(&ticks, LIVE_RECORDS));

    let mut next = 1;
    while next <= HISTORY_RECORDS + LIVE_RECORDS {
        for record in live.next(100).wait_timeout(TIMEOUT)?.iter() {
            if record.seq != next {
                let message = format!("sequence {} came where {next} was expected", record.seq);
                return Err(Error::new(ErrorKind::Internal, message));
            }
            next += 1;
        }
    }
    writer.join().map_err(|_| Error::new(ErrorKind::Internal, "the writer panicked"))??;
    println!("followed {} records, {LIVE_RECORDS} of them live, in order and without a gap", next - 1);
    engine.close()
}

fn append_ticks(ticks: &Stream, count: u64) -> Result<()> {
    for i in 0..count {
        ticks.append(&Append::new("ticks.a", i.to_string().as_bytes())).wait()?;
    }
    Ok(())
}
