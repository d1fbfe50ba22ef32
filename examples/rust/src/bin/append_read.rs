//! Appends orders to a stream in a directory, closes it, opens it again and reads them back.

use std::path::Path;

use headwater::{Append, Engine, Error, ErrorKind, ReadOptions, Result, StreamConfig};

fn main() -> Result<()> {
    let dir = std::env::temp_dir().join(format!("headwater-example-{}", std::process::id()));
    let outcome = write(&dir).and_then(|()| read_back(&dir));
    // The directory is ours alone, and goes with us.
    let _ = std::fs::remove_dir_all(&dir);
    outcome
}

fn write(dir: &Path) -> Result<()> {
    let engine = Engine::open(dir)?;
    let orders = engine.create_stream(StreamConfig::new("orders", ["orders.>"])).wait()?;
    for subject in ["orders.eu.1", "orders.us.2", "orders.eu.1"] {
        let ack = orders.append(&Append::new(subject, br#"{"total":12}"#)).wait()?;
        println!("appended {subject} as {} ({})", ack.seq, ack.durability.name());
    }

    // A condition: nobody else wrote to this order since we read sequence 1. Somebody did.
    let late = Append::new("orders.eu.1", b"late").expect_subject_last_seq(1);
    match orders.append(&late).wait() {
        Err(e) if e.kind() == ErrorKind::Conflict => {
            println!("refused: expected sequence {:?}, actual {:?}", e.expected(), e.actual());
        }
        other => return Err(unexpected(format!("a conflict was expected, not {other:?}"))),
    }
    engine.close()
}

fn read_back(dir: &Path) -> Result<()> {
    let engine = Engine::open(dir)?;
    let orders = engine.stream("orders").wait()?;
    let batch = orders.read(&ReadOptions::default().filter("orders.eu.*")).wait()?;
    for record in batch.iter() {
        println!("read {} {} {}", record.seq, record.subject, String::from_utf8_lossy(record.payload));
    }
    if let Some(last) = orders.last("orders.us.2").wait()? {
        println!("last of {} is {}", last.subject, last.seq);
    }
    engine.close()?;
    if batch.len() == 2 { Ok(()) } else { Err(unexpected(format!("2 records were expected, {} came", batch.len()))) }
}

fn unexpected(message: String) -> Error {
    Error::new(ErrorKind::Internal, message)
}
