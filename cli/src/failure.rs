//! How a verb ends when it does not end well: the message on standard error and the exit code.

use std::io;
use std::process::ExitCode;

use headwater::{Error, ErrorKind};
use serde::Serialize;

/// What every verb returns.
pub(crate) type Done<T = ()> = Result<T, Failure>;

/// Why a verb stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine, or an argument, says no.
    Engine(Error),
    /// Whoever reads our output has seen enough: not a failure, and nothing to say.
    OutputClosed,
    /// It was reported on standard error already; only the exit code is left.
    Reported(u8),
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    error: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<u64>,
}

impl Failure {
    /// A failure of `kind`.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Failure::Engine(Error::new(kind, message))
    }

    /// The arguments do not make sense together.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// What was asked for is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The operating system refused `doing`.
    pub(crate) fn io(doing: impl std::fmt::Display, source: &io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{doing}: {source}"))
    }

    /// Says on standard error what is left to say, and returns the exit code.
    pub(crate) fn report(self, json: bool) -> ExitCode {
        match self {
            Failure::Engine(error) => {
                report_error(&error, None, json);
                ExitCode::from(error.kind().exit_code())
            }
            Failure::OutputClosed => ExitCode::SUCCESS,
            Failure::Reported(code) => ExitCode::from(code),
        }
    }
}

/// Prints an error on standard error: a sentence, or one JSON object; `line` is the number of the input line at fault.
pub(crate) fn report_error(error: &Error, line: Option<u64>, json: bool) {
    if json {
        let object = ErrorJson {
            line,
            error: error.kind().name(),
            message: error.message(),
            expected: error.expected(),
            actual: error.actual(),
        };
        eprintln!("{}", serde_json::to_string(&object).unwrap_or_else(|_| error.to_string()));
    } else if let Some(line) = line {
        eprintln!("headwater: line {line}: {}", error.message());
    } else {
        eprintln!("headwater: {}: {}", error.kind().name().replace('_', " "), error.message());
    }
}

/// Prints on standard error what is no failure and yet worth knowing.
pub(crate) fn report_warning(message: &str, json: bool) {
    if json {
        eprintln!("{}", serde_json::json!({ "warning": message }));
    } else {
        eprintln!("headwater: {message}");
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Engine(error)
    }
}

/// Only standard output is written with `?` alone; reading and files say what they were doing with [`Failure::io`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Self::new(ErrorKind::Io, format!("writing the output: {error}")),
        }
    }
}
