//! Rules about Rust files: the heading, the lengths of files and functions, and which layer may know which.

use super::File;

/// The most lines of a file, its tests not counted.
const FILE_LINES_MAX: usize = 600;
/// The most lines of the facade.
const FACADE_LINES_MAX: usize = 180;
/// The most lines of a function.
const FUNCTION_LINES_MAX: usize = 70;

/// Functions that may be longer, each with why. An entry that is no longer needed is a fault.
const LONG_FUNCTIONS: [(&str, &str, &str); 0] = [];

/// The layers: what lies under the first path must not name the second.
const WALLS: [(&str, &str); 29] = [
    ("core/src/journal/", "crate::stream"),
    ("core/src/journal/", "crate::points"),
    ("core/src/journal/", "crate::engine"),
    ("core/src/stream/", "crate::points"),
    ("core/src/stream/bucket.rs", "local::"),
    ("core/src/stream/object/", "local::"),
    ("core/src/points/", "stream::local"),
    ("core/src/crdt/", "crate::stream"),
    ("core/src/crdt/", "crate::engine"),
    ("core/src/crdt/", "crate::journal"),
    ("core/src/crdt/", "crate::points"),
    ("core/src/crdt/store/", "stream::local"),
    ("core/src/crdt/store/", "crate::journal"),
    ("core/src/crdt/store/", "crate::points"),
    ("core/src/replica/", "crate::stream"),
    ("core/src/replica/", "crate::engine"),
    ("core/src/replica/", "crate::crdt"),
    ("core/src/replica/", "crate::points"),
    ("core/src/presence/", "crate::stream"),
    ("core/src/presence/", "crate::engine"),
    ("core/src/presence/", "crate::crdt"),
    ("core/src/presence/", "crate::points"),
    ("core/src/presence/store/", "stream::local"),
    ("core/src/replica/node/", "stream::local"),
    ("core/src/subject.rs", "crate::stream"),
    ("core/src/subject.rs", "crate::journal"),
    ("core/src/record.rs", "crate::stream"),
    ("core/src/record.rs", "crate::journal"),
    ("core/src/error.rs", "crate::stream"),
];

/// What lies under the first path is outside of the walls of the second: a pillar's store stands over its pure part.
const OUTSIDE: [(&str, &str); 3] = [
    ("core/src/crdt/store/", "core/src/crdt/"),
    ("core/src/replica/node/", "core/src/replica/"),
    ("core/src/presence/store/", "core/src/presence/"),
];

pub(super) fn check(file: &File, faults: &mut Vec<String>) {
    if !file.text.starts_with("//! ") {
        faults.push(format!("{}:1: the file does not begin with a `//!` sentence that says what it owns", file.path));
    }
    let code = without_tests(&file.text);
    let lines = code.lines().count();
    let lines_max = if file.path == "core/src/lib.rs" { FACADE_LINES_MAX } else { FILE_LINES_MAX };
    if lines > lines_max && !file.is_test() {
        faults.push(format!("{}: {lines} lines without tests, the most is {lines_max}", file.path));
    }
    if !file.is_test() {
        for (name, line, length) in long_functions(code) {
            if !is_excepted(&file.path, name) {
                let path = &file.path;
                faults.push(format!("{path}:{line}: {name} has {length} lines, the most is {FUNCTION_LINES_MAX}"));
            }
        }
    }
    for (layer, above) in WALLS {
        let is_outside = OUTSIDE.iter().any(|(outside, wall)| layer == *wall && file.path.starts_with(outside));
        if !file.path.starts_with(layer) || is_outside || file.is_test() {
            continue;
        }
        for (index, line) in code.lines().enumerate().filter(|(_, l)| l.contains(above) && !l.trim().starts_with("//"))
        {
            let line = line.trim();
            faults.push(format!("{}:{}: {layer} does not know {above}: {line}", file.path, index + 1));
        }
    }
}

/// Entries of the list of exceptions that nothing needs any more.
pub(super) fn check_exceptions(files: &[File], faults: &mut Vec<String>) {
    for (path, name, _) in LONG_FUNCTIONS {
        let file = files.iter().find(|f| f.path == path);
        if !file.is_some_and(|f| long_functions(without_tests(&f.text)).iter().any(|(n, ..)| *n == name)) {
            faults.push(format!("{path}: {name} is no longer long, so it is no exception"));
        }
    }
}

fn is_excepted(path: &str, name: &str) -> bool {
    LONG_FUNCTIONS.iter().any(|(p, n, _)| *p == path && *n == name)
}

/// The text up to the module of tests.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests {").map_or(text, |end| &text[..end])
}

/// Name, first line and length of each function that is too long, by the indentation that rustfmt gives.
fn long_functions(code: &str) -> Vec<(&str, usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let is_end = |l: &&str| l.strip_prefix(indent) == Some("}");
        let is_short = line.ends_with('}') || line.ends_with(';');
        let Some(length) = lines[start..].iter().position(is_end).filter(|_| !is_short) else { continue };
        if length + 1 > FUNCTION_LINES_MAX {
            long.push((name, start + 1, length + 1));
        }
    }
    long
}

/// The name of the function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub ", "pub(crate) ", "pub(super) ", "const ", "async ", "unsafe ", "extern \"C\" "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|n| !n.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_found_and_a_short_one_is_not() {
        let body = "        let x = 1;\n".repeat(FUNCTION_LINES_MAX - 1);
        let long = format!("impl A {{\n    pub(crate) fn long() {{\n{body}    }}\n    fn short() {{}}\n}}\n");
        assert_eq!(long_functions(&long), [("long", 2, FUNCTION_LINES_MAX + 1)]);
        assert!(long_functions(&long.replacen("        let x = 1;\n", "", 1)).is_empty());
    }

    #[test]
    fn a_layer_that_looks_up_is_found() {
        let text = "//! A file.\nuse crate::stream::Stream;\n";
        for (path, found) in
            [("core/src/journal/segment.rs", 1), ("core/src/crdt/map.rs", 1), ("core/src/crdt/store/log.rs", 0)]
        {
            let mut faults = Vec::new();
            check(&File { path: path.into(), text: text.to_owned() }, &mut faults);
            assert_eq!(faults.len(), found, "{path}: {faults:?}");
        }
    }
}
