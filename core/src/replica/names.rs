//! The names that a table or column had before, by which others may still mean it.
//!
//! Kept as one text with NUL between them, which no name has in it: SQL ends there.

use super::ident::is_same;

/// Names of one thing that are remembered, at most; the oldest go.
pub(super) const NAMES_MAX: usize = 16;

/// Former names, the last one first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// Reads what [`Names::kept`] gave.
    pub(super) fn read(kept: Option<String>) -> Names {
        Names(kept.map_or_else(Vec::new, |kept| kept.split('\0').map(str::to_owned).collect()))
    }

    /// As they are kept; nothing when there are none.
    pub(super) fn kept(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("\0"))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|was| is_same(was, name))
    }

    /// It had this name until now.
    pub(super) fn push(&mut self, name: String) {
        self.0.retain(|was| !is_same(was, &name));
        self.0.insert(0, name);
        self.0.truncate(NAMES_MAX);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_were_kept_and_the_oldest_go() {
        let mut names = Names::read(Some("a, \"b\"".to_owned()));
        assert!(names.has("A, \"B\"") && !names.has("b"));
        names.push("ü".to_owned());
        assert_eq!(Names::read(names.kept()), names);
        for n in 0..NAMES_MAX {
            names.push(format!("n{n}"));
        }
        names.push("N3".to_owned());
        assert_eq!((names.iter().count(), names.iter().next().map(String::as_str)), (NAMES_MAX, Some("N3")));
        assert!(names.has("n0") && !names.has("ü"));
        assert_eq!((Names::default().kept(), Names::read(None)), (None, Names::default()));
    }
}
