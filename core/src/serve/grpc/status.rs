//! Errors as gRPC has them: a status by the table of `docs/errors.md`, with the name of the kind beside it, so that a
//! client gets the kind itself back.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::error::{Error, ErrorKind};
use crate::tls::reason;

/// The trailer with the name of the kind.
const KIND: &str = "headwater-kind";

/// The status of a kind.
fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::Aborted,
        ErrorKind::Limit => Code::ResourceExhausted,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Closed => Code::Cancelled,
        ErrorKind::Busy => Code::Unavailable,
        ErrorKind::Io => Code::Unknown,
        ErrorKind::Corrupt => Code::DataLoss,
        ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::Misuse => Code::FailedPrecondition,
        ErrorKind::Internal => Code::Internal,
    }
}

/// An error on its way to a client.
pub(super) fn status(error: &Error) -> Status {
    let mut status = Status::new(code(error.kind()), error.message());
    status.metadata_mut().insert(KIND, MetadataValue::from_static(error.kind().name()));
    status
}

/// An error that a node answered, or what became of the way there.
pub(super) fn error(status: &Status, place: &str) -> Error {
    let name = status.metadata().get(KIND).and_then(|kind| kind.to_str().ok());
    if let Some(kind) = ErrorKind::ALL.into_iter().find(|kind| Some(kind.name()) == name) {
        return Error::new(kind, status.message());
    }
    let kind = match status.code() {
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::OutOfRange | Code::ResourceExhausted => ErrorKind::Limit,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::InvalidArgument => ErrorKind::Invalid,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{place}: {}", reason(status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_code_and_a_kind_comes_back() {
        let text = include_str!("../../../../docs/errors.md");
        let rows: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
            .collect();
        assert_eq!(rows.len(), ErrorKind::ALL.len());
        for (row, kind) in rows.iter().zip(ErrorKind::ALL) {
            let camel = format!("{:?}", code(kind));
            let upper: String = camel.chars().fold(String::new(), |name, letter| match letter {
                'A'..='Z' if !name.is_empty() => name + "_" + &letter.to_string(),
                _ => name + &letter.to_ascii_uppercase().to_string(),
            });
            assert_eq!((row[0], row[7]), (kind.name(), upper.as_str()));
            let back = error(&status(&Error::new(kind, "it is so")), "elsewhere");
            assert_eq!((back.kind(), back.message()), (kind, "it is so"));
        }
    }

    #[test]
    fn what_no_node_said_names_the_place() {
        let lost = error(&Status::unavailable("gone"), "n:1");
        assert_eq!((lost.kind(), lost.message()), (ErrorKind::Io, "n:1: gone"));
        assert_eq!(error(&Status::out_of_range("long"), "n:1").kind(), ErrorKind::Limit);
    }
}
