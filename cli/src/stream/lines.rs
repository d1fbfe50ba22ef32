//! `headwater stream append --lines`: a pipe into a stream. A feeding thread reads and appends; the main thread waits
//! for the acknowledgements in the same order and prints them. What lies between is bounded, in number and in bytes.

use std::io::{BufRead, Read};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use headwater::{Ack, Append, Error, ErrorKind, PAYLOAD_BYTES_MAX, Pending, Stream};

use crate::failure::{Done, Failure, report_error};
use crate::output::AckLine;
use crate::place::Place;

/// The most appends that may wait for their acknowledgement.
const IN_FLIGHT_MAX: usize = 1024;
/// How many bytes one place in flight stands for: a longer line takes more, so that 64 MiB are in flight at most.
const PLACE_BYTES: usize = 64 << 10;
/// The longest line: the longest subject, a tab, and a payload one byte over the bound, which the engine then refuses
/// in its own words.
const LINE_BYTES_MAX: usize = headwater::subject::SUBJECT_BYTES_MAX + 1 + PAYLOAD_BYTES_MAX + 1;
/// The exit code where some lines were refused.
const EXIT_SOME_REFUSED: u8 = 1;

/// What every appended line gets besides its subject and payload.
pub(crate) struct Extras {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) ttl: Option<Duration>,
}

/// A line's number and what becomes of it; or nothing, to fill a place.
type Answer = Option<(u64, Pending<Ack>)>;

/// Appends every line of standard input to the stream.
pub(crate) fn run(place: &Place, name: &str, extras: Extras) -> Done {
    let refused = place.change(|engine| {
        let stream = engine.stream(name).wait()?;
        let (sender, answers) = sync_channel(IN_FLIGHT_MAX);
        // Nobody joins this thread: when printing fails it may wait for input that never comes, and ends with us.
        std::thread::spawn(move || feed(&stream, &extras, &sender));
        let mut out = place.output();
        let mut refused = 0u64;
        for (line, pending) in answers.iter().flatten() {
            match pending.wait() {
                Ok(ack) => {
                    out.either(&AckLine::of(&ack, name, Some(line)), || ack.seq.to_string())?;
                    out.flush()?;
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Limit) && !error.is_disk_full() =>
                {
                    refused += 1;
                    report_error(&error, Some(line), place.json);
                }
                Err(error) => return Err(error.context(format!("line {line}")).into()),
            }
        }
        Ok(refused)
    })?;
    if refused > 0 { Err(Failure::Reported(EXIT_SOME_REFUSED)) } else { Ok(()) }
}

/// Reads to the end of standard input, or until nobody takes answers any more.
fn feed(stream: &Stream, extras: &Extras, answers: &SyncSender<Answer>) {
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    for line in 1.. {
        let pending = match read_line(&mut input, &mut bytes) {
            Ok(false) => return,
            Ok(true) => append(stream, extras, &bytes),
            Err(error) => Pending::ready(Err(Error::new(ErrorKind::Io, format!("reading standard input: {error}")))),
        };
        let places = std::iter::repeat_with(|| None).take(bytes.len() / PLACE_BYTES);
        for answer in places.chain([Some((line, pending))]) {
            if answers.send(answer).is_err() {
                return;
            }
        }
    }
}

/// Reads one line without its end into `bytes`, and of a longer one a byte over the bound; false when all is read.
fn read_line(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
    bytes.clear();
    if input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', bytes)? == 0 {
        return Ok(false);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if bytes.len() > LINE_BYTES_MAX {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

fn append(stream: &Stream, extras: &Extras, line: &[u8]) -> Pending<Ack> {
    let refuse = |why: String| Pending::ready(Err(Error::new(ErrorKind::Invalid, why)));
    if line.len() > LINE_BYTES_MAX {
        return refuse(format!("it is longer than {LINE_BYTES_MAX} bytes"));
    }
    let Some(tab) = line.iter().position(|b| *b == b'\t') else {
        return refuse("no tab between a subject and a payload".to_owned());
    };
    let Ok(subject) = std::str::from_utf8(&line[..tab]) else {
        return refuse("the subject is not UTF-8".to_owned());
    };
    let headers = extras.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    stream.append(&Append { subject, payload: &line[tab + 1..], headers, ttl: extras.ttl, ..Append::default() })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn lines_end_where_they_end() {
        let mut input = Cursor::new(b"a\n\nb\r\nlast".to_vec());
        let mut bytes = Vec::new();
        let mut lines = Vec::new();
        while read_line(&mut input, &mut bytes).expect("a cursor reads") {
            lines.push(bytes.clone());
        }
        assert_eq!(lines, [&b"a"[..], b"", b"b\r", b"last"]);
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let long = vec![b'x'; LINE_BYTES_MAX * 2];
        let mut input = Cursor::new([&long[..], b"\nnext\n"].concat());
        let mut bytes = Vec::new();
        assert!(read_line(&mut input, &mut bytes).expect("a cursor reads"));
        assert_eq!(bytes.len(), LINE_BYTES_MAX + 1);
        assert!(read_line(&mut input, &mut bytes).expect("a cursor reads"));
        assert_eq!(bytes, b"next");
    }
}
