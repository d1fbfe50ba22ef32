//! Names in SQL: every name of an application's is quoted, whatever is in it.

/// What the names of everything of ours in an application's file start with.
pub(super) const OURS: &str = "_headwater_";

/// An identifier for SQL.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Identifiers for SQL with commas between, each behind `before`.
pub(super) fn quote_all<'a>(before: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("{before}{}", quote(name))).collect::<Vec<_>>().join(", ")
}

/// Whether two names are one to SQLite, which folds the case of ASCII and of nothing else.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
