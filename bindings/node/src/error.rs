//! Errors on their way to JavaScript.
//!
//! A core error travels as the text `kind US expected US actual US message` (US is U+001F, the unit separator): the
//! reason is all that a generated export lets through. `lib/errors.js` takes it apart and throws a `HeadwaterError`.

use headwater::{Error, ErrorKind};
use napi::Status;

/// What every export fails with.
pub(crate) type Result<T> = napi::Result<T>;

const SEPARATOR: char = '\u{1f}';

/// A core error in its travelling form.
pub(crate) fn fault(error: Error) -> napi::Error {
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let reason = format!(
        "{}{SEPARATOR}{}{SEPARATOR}{}{SEPARATOR}{}",
        error.kind().name(),
        number(error.expected()),
        number(error.actual()),
        error.message()
    );
    napi::Error::new(Status::GenericFailure, reason)
}

/// An argument that cannot be.
pub(crate) fn invalid(message: impl Into<String>) -> napi::Error {
    fault(Error::new(ErrorKind::Invalid, message))
}

/// A handle number that stands for nothing.
pub(crate) fn released(what: &str) -> napi::Error {
    fault(Error::new(ErrorKind::Closed, format!("the {what} was released")))
}
