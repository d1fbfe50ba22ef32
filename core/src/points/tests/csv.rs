//! The CSV reader: RFC 4180's cases, and what is not one of them.

use crate::points::csv::{CsvReader, push_field};
use crate::points::lines::{LINE_BYTES_MAX, Lines};

use super::{ROUNDS, Random};

type Outcome = (u64, u64, Result<Vec<String>, String>);

fn read(mut text: &[u8]) -> Vec<Outcome> {
    let mut reader = CsvReader::new(Lines::new(&mut text));
    let mut records = Vec::new();
    while let Some(record) = reader.next().expect("no error of the file") {
        records.push((record.line, record.lines, record.fields));
    }
    records
}

fn fields(text: &str) -> Vec<Vec<String>> {
    read(text.as_bytes()).into_iter().map(|r| r.2.expect("a record")).collect()
}

#[test]
fn records_of_every_form() {
    for (text, expected) in [
        ("a,b\nc,d\n", vec![vec!["a", "b"], vec!["c", "d"]]),
        ("a,b\r\nc,d", vec![vec!["a", "b"], vec!["c", "d"]]),
        ("\u{feff}a,b", vec![vec!["a", "b"]]),
        ("\u{feff}\"a\",b", vec![vec!["a", "b"]]),
        ("\n\r\na\n\n\nb\n", vec![vec!["a"], vec!["b"]]),
        (",\n,,", vec![vec!["", ""], vec!["", "", ""]]),
        ("\"\"", vec![vec![""]]),
        ("\"a,b\",\"c\"\"d\"\n", vec![vec!["a,b", "c\"d"]]),
        ("\"a\nb\",c\r\n\"d\r\ne\"", vec![vec!["a\nb", "c"], vec!["d\r\ne"]]),
        ("a\rb,c", vec![vec!["a\rb", "c"]]),
        (" a , b ", vec![vec![" a ", " b "]]),
        ("", vec![]),
    ] {
        assert_eq!(fields(text), expected, "{text:?}");
    }
}

#[test]
fn a_fault_costs_its_first_line_only() {
    let records = read(b"h\na\"b\n\"c\nd\"e\nf\n\"g\nh\n\xff\ni");
    let numbers: Vec<(u64, bool)> = records.iter().map(|r| (r.0, r.2.is_ok())).collect();
    assert_eq!(
        numbers,
        [(1, true), (2, false), (3, false), (4, false), (5, true), (6, false), (7, true), (8, false), (9, true)]
    );
    let reasons: Vec<&str> = records.iter().filter_map(|r| r.2.as_ref().err().map(String::as_str)).collect();
    assert_eq!(
        reasons,
        [
            "a quote stands inside an unquoted field",
            "text follows a closing quote",
            "a quote stands inside an unquoted field",
            "a quoted field is never closed",
            "it is not UTF-8",
        ]
    );
}

#[test]
fn line_numbers_count_lines_inside_of_quotes() {
    let records = read(b"\"a\nb\nc\"\nd");
    assert_eq!((records[0].0, records[0].1, records[1].0), (1, 3, 4));
}

#[test]
fn an_endless_line_or_field_is_bounded() {
    let mut text = vec![b'x'; LINE_BYTES_MAX + 1];
    text.extend_from_slice(b"\nok\n\"");
    text.extend_from_slice(&b"line\n".repeat(LINE_BYTES_MAX / 5 + 1));
    let records = read(&text);
    assert!(records[0].2.as_ref().is_err_and(|e| e.contains("longer")));
    assert_eq!(records[1].2.as_deref(), Ok(&["ok".to_owned()][..]));
    assert!(records[2].2.as_ref().is_err_and(|e| e.contains("does not end")));
    assert_eq!(records.len(), 2 + LINE_BYTES_MAX / 5 + 1);
}

#[test]
fn what_is_written_is_read_back() {
    for seed in 0..ROUNDS * 5 {
        let mut random = Random(seed);
        let mut text = String::new();
        let mut rows = Vec::new();
        for _ in 0..=random.below(5) {
            let mut row = vec!["x".to_owned()];
            for _ in 0..random.below(4) {
                row.push((0..random.below(4)).map(|_| random.pick(&["\"", ",", "\n", "\r\n", "a", "é"])).collect());
            }
            for field in &row {
                push_field(&mut text, field);
            }
            text.push('\n');
            rows.push(row);
        }
        assert_eq!(fields(&text), rows, "seed {seed}: {text:?}");
    }
}

#[test]
fn no_bytes_make_it_panic_and_every_line_is_accounted_for() {
    for seed in 0..ROUNDS * 20 {
        let mut random = Random(seed);
        let text: String = (0..random.below(30)).map(|_| random.pick(&["\"", "\"", ",", "\n", "\r", "a"])).collect();
        let lines: u64 = read(text.as_bytes()).iter().map(|r| r.1).sum();
        // Blank lines between records are the only ones that are passed over.
        let blank = text.split('\n').filter(|l| l.trim_end_matches('\r').is_empty()).count() as u64;
        let all = text.split('\n').count() as u64;
        assert!(lines <= all && lines + blank >= all, "seed {seed}: {text:?} has {lines} of {all}, {blank} blank");
    }
}
