//! One small taxonomy of errors. A kind exists only if the caller would do something else about it; the
//! message carries the rest. `docs/errors.md` maps each kind to every door, and a test holds the two together.

use std::fmt;

/// Every fallible operation of this crate returns this.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// The call itself is wrong: fix the argument that the message names. Nothing was changed.
    Invalid = 1,
    /// The named stream, record, consumer, key or directory is not there.
    NotFound = 2,
    /// A condition did not hold, or a name is taken: reload, decide again, retry. Nothing was changed.
    Conflict = 3,
    /// A configured limit refused it, or the disk is full: make room or raise the limit, then retry.
    Limit = 4,
    /// The deadline passed or the wait was cancelled: the work may still complete; waiting again is safe. Long work
    /// that was told to stop ends with it too, and has stopped.
    Timeout = 5,
    /// The handle, stream or engine is closed, or was carried over a `fork()`: open a new one.
    Closed = 6,
    /// Another process owns the directory: close it there, or open read-only.
    Busy = 7,
    /// The operating system refused: see the message. A stream whose sync failed stays poisoned until it is reopened.
    Io = 8,
    /// Bytes on disk are damaged: the message names file, offset and what is missing. Restore from a backup.
    Corrupt = 9,
    /// This engine, build or format version cannot do it; it never does something weaker instead.
    Unsupported = 10,
    /// A handle for one caller at a time was used by two: give each thread its own.
    Misuse = 11,
    /// A bug in Headwater (a caught panic, a broken invariant): report it, and reopen the engine.
    Internal = 12,
}

impl ErrorKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [ErrorKind; 12] = [
        ErrorKind::Invalid,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Limit,
        ErrorKind::Timeout,
        ErrorKind::Closed,
        ErrorKind::Busy,
        ErrorKind::Io,
        ErrorKind::Corrupt,
        ErrorKind::Unsupported,
        ErrorKind::Misuse,
        ErrorKind::Internal,
    ];

    /// The stable lower-case name, the same in every language.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Invalid => "invalid",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Limit => "limit",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Closed => "closed",
            ErrorKind::Busy => "busy",
            ErrorKind::Io => "io",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Misuse => "misuse",
            ErrorKind::Internal => "internal",
        }
    }

    /// The exit code of the `headwater` command for this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Invalid => 2,
            ErrorKind::NotFound => 3,
            ErrorKind::Conflict => 4,
            ErrorKind::Corrupt => 5,
            _ => 1,
        }
    }
}

/// What went wrong, and what to do about it.
#[derive(Clone)]
pub struct Error(Box<Repr>);

#[derive(Clone)]
struct Repr {
    kind: ErrorKind,
    message: String,
    sequences: Option<(u64, u64)>,
    disk_full: bool,
}

impl Error {
    /// An error of `kind`; `message` is a lower-case sentence that names what was wrong and where.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Repr { kind, message: message.into(), sequences: None, disk_full: false }))
    }

    /// A conflict between the sequence a caller expected and the one that is there.
    pub fn wrong_sequence(what: &str, expected: u64, actual: u64) -> Self {
        Self::apart(format!("{what}: expected last sequence {expected}, actual {actual}"), (expected, actual))
    }

    /// A conflict about the version of an aggregate, with both.
    pub(crate) fn wrong_version(what: &str, expected: u64, actual: u64) -> Self {
        Self::apart(format!("{what}: expected version {expected}, actual {actual}"), (expected, actual))
    }

    fn apart(message: String, numbers: (u64, u64)) -> Self {
        Self::from_parts(ErrorKind::Conflict, message, Some(numbers), false)
    }

    /// An error that another process told: all that it holds.
    pub(crate) fn from_parts(kind: ErrorKind, message: String, sequences: Option<(u64, u64)>, disk_full: bool) -> Self {
        Error(Box::new(Repr { kind, message, sequences, disk_full }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// The end of long work whose caller told it to stop; the message says what it leaves.
    pub(crate) fn stopped(message: &str) -> Self {
        Self::new(ErrorKind::Timeout, message)
    }

    /// An operating-system error, with what was being done to which path.
    pub(crate) fn io(doing: impl fmt::Display, source: &std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Limit,
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        let mut error = Self::new(kind, format!("{doing}: {source}"));
        error.0.disk_full = kind == ErrorKind::Limit;
        error
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence for a person; not part of the API, so do not match on it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// For a conflict over sequences: the one expected.
    pub fn expected(&self) -> Option<u64> {
        self.0.sequences.map(|s| s.0)
    }

    /// For a conflict over sequences: the one that is there.
    pub fn actual(&self) -> Option<u64> {
        self.0.sequences.map(|s| s.1)
    }

    /// Whether it is a [`ErrorKind::Limit`] because the disk is full: until there is room, everything else that writes
    /// is refused as well.
    pub fn is_disk_full(&self) -> bool {
        self.0.disk_full
    }

    /// The same error with where it happened put before the message.
    #[must_use]
    pub fn context(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }
}

/// Kind and message, so that a `main` that returns it ends with a sentence.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.name(), self.0.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
