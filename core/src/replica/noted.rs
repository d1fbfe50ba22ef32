//! What joins did to the rows of the application's tables, for those who watch: noted as it is done, and taken once the
//! transaction is there.

use std::cell::{Cell, RefCell};

use super::clocks::Stamp;
use super::value::Value;

/// What was done to a row that the application sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is there now.
    Insert,
    /// It has other values.
    Update,
    /// It is no longer there.
    Delete,
}

impl ChangeKind {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Insert => "insert",
            ChangeKind::Update => "update",
            ChangeKind::Delete => "delete",
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) table: String,
    pub(crate) key: Vec<Value>,
    pub(crate) kind: ChangeKind,
    /// Of the write that did it.
    pub(crate) stamp: Stamp,
}

/// What was noted, and by whose write it is.
#[derive(Debug, Default)]
pub(super) struct Notes {
    is_on: bool,
    all: RefCell<Vec<Noted>>,
    stamp: Cell<Stamp>,
}

impl Notes {
    /// Notes from now on.
    pub(super) fn begin(&mut self) {
        self.is_on = true;
    }

    /// Says whose write what follows is.
    pub(super) fn sign(&self, stamp: Stamp) {
        self.stamp.set(stamp);
    }

    pub(super) fn note(&self, table: &str, key: &[Value], kind: ChangeKind) {
        if self.is_on {
            let (table, key, stamp) = (table.to_owned(), key.to_vec(), self.stamp.get());
            self.all.borrow_mut().push(Noted { table, key, kind, stamp });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.borrow().len()
    }

    /// Forgets what was noted since there were so many.
    pub(super) fn truncate(&self, len: usize) {
        self.all.borrow_mut().truncate(len);
    }

    pub(super) fn take(&self) -> Vec<Noted> {
        self.all.take()
    }
}
