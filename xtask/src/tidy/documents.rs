//! Rules about what is written for people: links lead somewhere, versions agree, and the table of errors is the code's.

use std::path::Path;

use super::File;
use crate::shell::{Result, VERSION, read, root};

/// The most lines of ARCHITECTURE.md.
const ARCHITECTURE_LINES_MAX: usize = 250;

/// Files that have to be there.
const WANTED: [&str; 9] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "docs/abi.md",
    "docs/errors.md",
    "docs/format.md",
    "include/headwater.h",
];

/// Copies of the licence, which go into packages.
const LICENSES: [&str; 2] = ["bindings/node/LICENSE", "bindings/python/LICENSE"];

/// Where the names of a column of the table in docs/errors.md must occur; Node makes its codes from the kinds.
const ERROR_NAMES: [(usize, &str); 4] =
    [(2, "include/"), (3, "bindings/python/"), (0, "bindings/node/"), (5, "bindings/go/")];

pub(super) fn check(files: &[File], faults: &mut Vec<String>) -> Result {
    for path in WANTED.iter().filter(|p| !root().join(p).exists()) {
        faults.push(format!("{path} is not there"));
    }
    let license = read(root().join("LICENSE"))?;
    for path in LICENSES {
        if read(root().join(path)).ok().as_ref() != Some(&license) {
            faults.push(format!("{path} is not the text of LICENSE"));
        }
    }
    for file in files.iter().filter(|f| f.has_extension(&["md"])) {
        check_links(file, faults);
    }
    if let Some(file) = files.iter().find(|f| f.path == "ARCHITECTURE.md") {
        let lines = file.text.lines().count();
        if lines > ARCHITECTURE_LINES_MAX {
            faults.push(format!("ARCHITECTURE.md: {lines} lines, the most is {ARCHITECTURE_LINES_MAX}"));
        }
    }
    check_versions(files, faults);
    check_vectors(files, faults);
    check_error_table(files, faults)
}

/// Each relative link leads to a file.
fn check_links(file: &File, faults: &mut Vec<String>) {
    let dir = root().join(&file.path).parent().map(Path::to_owned).unwrap_or_default();
    for (index, line) in file.text.lines().enumerate() {
        for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !link.contains("://") && !dir.join(path).exists() {
                faults.push(format!("{}:{}: the link {link} leads nowhere", file.path, index + 1));
            }
        }
    }
}

/// The packages carry the version of the workspace, and the changelog has a heading for it.
fn check_versions(files: &[File], faults: &mut Vec<String>) {
    let package = format!("\"version\": \"{VERSION}\"");
    for (path, wanted) in [("bindings/node/package.json", package), ("CHANGELOG.md", format!("## {VERSION}"))] {
        if !files.iter().any(|f| f.path == path && f.text.contains(&wanted)) {
            faults.push(format!("{path}: it does not say '{wanted}', as the workspace's version asks"));
        }
    }
}

/// Each operation that the README of the vectors names is in a vector, and no other.
fn check_vectors(files: &[File], faults: &mut Vec<String>) {
    let place = "tests/conformance/";
    let vectors = || files.iter().filter(|f| f.path.starts_with(place) && f.has_extension(&["json"]));
    let used = |operation: &str| vectors().any(|f| f.text.contains(&format!("{{\"op\": \"{operation}\"")));
    let Some(readme) = files.iter().find(|f| f.path == format!("{place}README.md")) else {
        faults.push(format!("{place}README.md is not there"));
        return;
    };
    let rows = readme.text.lines().skip_while(|l| *l != "## Operations").filter(|l| l.starts_with("| `"));
    let cells = rows.filter_map(|l| l.split('|').nth(1));
    let named: Vec<&str> = cells.flat_map(|c| c.split(',').map(|o| o.trim().trim_matches('`'))).collect();
    for operation in named.iter().filter(|o| !used(o)) {
        faults.push(format!("{}: no vector has the operation {operation}", readme.path));
    }
    for file in vectors() {
        for operation in file.text.split("{\"op\": \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !named.contains(&operation) {
                faults.push(format!("{}: the README does not name the operation {operation}", file.path));
            }
        }
    }
}

/// Each name in the table of docs/errors.md occurs in the binding that it speaks of.
fn check_error_table(files: &[File], faults: &mut Vec<String>) -> Result {
    let table = read(root().join("docs/errors.md"))?;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|l| l.starts_with("| `"))
        .map(|l| l.split('|').map(|c| c.trim().trim_matches('`')).collect())
        .collect();
    if rows.is_empty() {
        faults.push("docs/errors.md: there is no table of kinds".into());
    }
    for row in rows {
        for (column, place) in ERROR_NAMES {
            let Some(name) = row.get(column + 1) else {
                faults.push(format!("docs/errors.md: the row of {} is short", row[1]));
                continue;
            };
            if !files.iter().any(|f| f.path.starts_with(place) && has_word(&f.text, name)) {
                faults.push(format!("docs/errors.md: {name} is in no file under {place}"));
            }
        }
    }
    Ok(())
}

/// Whether the text holds this name, not as a part of a longer one.
fn has_word(text: &str, name: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_name) && !text[at + name.len()..].starts_with(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whole_only() {
        assert!(has_word("throw ERR_A;", "ERR_A"));
        assert!(!has_word("throw ERR_AB;", "ERR_A"));
        assert!(!has_word("throw XERR_A;", "ERR_A"));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let mut faults = Vec::new();
        let text = "[a](Cargo.toml) [b](missing.md#x) [c](https://example.org/x)\n".to_owned();
        check_links(&File { path: "README.md".into(), text }, &mut faults);
        assert_eq!(faults, ["README.md:1: the link missing.md#x leads nowhere"]);
    }
}
