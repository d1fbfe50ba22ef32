//! Rules about single lines, the same in every language: length, white space, leftovers, characters that mislead.

use super::File;

/// The most columns of a line of code.
const CODE_COLUMNS_MAX: usize = 120;
/// The most columns of a line of prose; the rows of tables are free.
const PROSE_COLUMNS_MAX: usize = 160;

/// Words that say that something was left for later. Joined here, so that this file does not find itself.
const LEFTOVERS: [&str; 5] =
    [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X:"), concat!("dbg", "!("), concat!("to", "do!(")];

/// Paths that exist on one machine only.
const MACHINE_PATHS: [&str; 3] = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")];

pub(super) fn check(file: &File, faults: &mut Vec<String>) {
    let prose = file.has_extension(&["md"]);
    let data = file.has_extension(&["json", "toml"]);
    // Go indents with tabs, in the examples of a document too.
    let tabs = file.has_extension(&["go", "mod", "md"]) || file.path.ends_with("Makefile");
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        faults.push(format!("{}: the last line has no end", file.path));
    }
    for (index, line) in file.text.lines().enumerate() {
        let mut fault = |what: &str| faults.push(format!("{}:{}: {what}", file.path, index + 1));
        let columns = line.chars().count();
        let columns_max = if prose { PROSE_COLUMNS_MAX } else { CODE_COLUMNS_MAX };
        let free = data || prose && (line.trim_start().starts_with('|') || line.contains("](http"));
        if columns > columns_max && !free {
            fault(&format!("{columns} columns, the most is {columns_max}"));
        }
        if line.ends_with([' ', '\t', '\r']) {
            fault("white space at the end");
        }
        if !tabs && line.contains('\t') {
            fault("a tab");
        }
        for leftover in LEFTOVERS.iter().filter(|l| line.contains(**l)) {
            fault(&format!("a leftover '{leftover}'"));
        }
        for path in MACHINE_PATHS.iter().filter(|p| line.contains(**p)) {
            fault(&format!("a path of one machine: '{path}'"));
        }
        if let Some(c) = line.chars().find(|c| misleads(*c)) {
            fault(&format!("the character U+{:04X}, which looks like another or like nothing", u32::from(c)));
        }
    }
}

/// Characters that a reader takes for something else: invisible ones, direction marks, typographic quotes and spaces.
fn misleads(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}' | '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}'
        | '\u{2018}'..='\u{201f}' | '\u{202a}'..='\u{202f}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        check(&File { path: path.into(), text: text.into() }, &mut faults);
        faults
    }

    #[test]
    fn each_rule_bites() {
        assert!(faults("a.rs", "fine\n").is_empty());
        assert_eq!(faults("a.rs", "no end"), ["a.rs: the last line has no end"]);
        assert_eq!(faults("a.rs", "end \n"), ["a.rs:1: white space at the end"]);
        assert_eq!(faults("a.rs", "a\tb\n"), ["a.rs:1: a tab"]);
        assert!(faults("a.go", "\tb\n").is_empty());
        assert_eq!(faults("a.rs", &format!("{}\n", "x".repeat(121))), ["a.rs:1: 121 columns, the most is 120"]);
        assert!(faults("a.md", &format!("| {} |\n", "x".repeat(200))).is_empty());
        assert_eq!(faults("a.rs", &format!("// {}\n", LEFTOVERS[0])).len(), 1);
        assert_eq!(faults("a.rs", &format!("\"{}x\"\n", MACHINE_PATHS[0])).len(), 1);
        assert_eq!(faults("a.rs", "\u{200b}\n").len(), 1);
    }
}
