//! Holds the table in `docs/errors.md` together with [`ErrorKind`]: same kinds, numbers, names and exit codes.

#![allow(clippy::unwrap_used, missing_docs)]

use headwater::ErrorKind;

#[test]
fn an_error_that_main_returns_reads_as_a_sentence() {
    let error = headwater::Error::new(ErrorKind::NotFound, "there is no stream 'a'");
    assert_eq!(format!("{error:?}"), "not_found: there is no stream 'a'");
}

#[test]
fn the_table_is_the_code() {
    let text = include_str!("../../docs/errors.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    assert_eq!(rows.len(), ErrorKind::ALL.len());
    for (row, kind) in rows.iter().zip(ErrorKind::ALL) {
        let upper = kind.name().to_uppercase();
        let camel: String = kind.name().split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        // Go writes initials in capitals.
        let go = if kind == ErrorKind::Io { "ErrIO".to_owned() } else { format!("Err{camel}") };
        let wanted = [
            kind.name().to_owned(),
            (kind as i32).to_string(),
            format!("HW_STATUS_{upper}"),
            format!("{camel}Error"),
            format!("ERR_HEADWATER_{upper}"),
            go,
        ];
        assert_eq!(row[..6], wanted, "the row of {}", kind.name());
        assert!(
            (400..600).contains(&row[6].parse::<u16>().expect("the table is well formed")),
            "{} has the HTTP status {}",
            kind.name(),
            row[6]
        );
        assert_eq!(row[8], kind.exit_code().to_string(), "the exit code of {}", kind.name());
    }
}

#[test]
fn every_kind_says_what_to_do() {
    let text = include_str!("../../docs/errors.md");
    let advice = text.split("## What the caller should do").nth(1).expect("the table is well formed");
    for kind in ErrorKind::ALL {
        assert!(advice.contains(&format!("* **{}** - ", kind.name())), "nothing is said about {}", kind.name());
    }
}
