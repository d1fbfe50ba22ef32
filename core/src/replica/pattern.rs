//! Patterns of columns: `table.column`, without regard to the case of ASCII, in which `*` stands for any characters, or
//! none.

use crate::error::{Error, Result};

/// Refuses what can mean no column.
pub(super) fn check(pattern: &str) -> Result<()> {
    match pattern.split_once('.') {
        Some((table, column)) if !table.is_empty() && !column.is_empty() => Ok(()),
        _ => {
            let message = format!("exclude_columns: '{}' is not table.column, with * for any", pattern.escape_debug());
            Err(Error::invalid(message))
        }
    }
}

/// Whether a pattern means a column.
pub(super) fn is_match(pattern: &str, table: &str, column: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), format!("{table}.{column}"));
    let name = name.as_bytes();
    let (mut p, mut n) = (0, 0);
    // Behind the last star, and the first byte that it does not stand for.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                star = Some((p, n));
            }
            Some(byte) if byte.eq_ignore_ascii_case(&name[n]) => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((behind, from)) = star else { return false };
                (p, n) = (behind, from + 1);
                star = Some((behind, n));
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for pattern in ["Users.Password", "users.*", "*.password", "u*s.p*d*", "*.*", "us*ers.password*"] {
            assert!(is_match(pattern, "users", "password"), "{pattern}");
        }
        for pattern in ["users.passwor", "users.password_", "user.password", "users.*x", "*.pass", "users.p*s"] {
            assert!(!is_match(pattern, "users", "password"), "{pattern}");
        }
        assert!(is_match("a.b.c", "a.b", "c"));
    }

    #[test]
    fn what_names_no_column_is_refused() {
        assert!(check("*.secret").is_ok());
        for pattern in ["", "secret", ".secret", "users."] {
            assert!(check(pattern).is_err(), "{pattern}");
        }
    }
}
