//! `include/headwater.h` is what cbindgen makes of this crate: committed, and checked here for drift.
//!
//! `HEADWATER_BLESS=1 cargo test -p headwater-ffi --test header` writes it anew.

use std::path::{Path, PathBuf};

use cbindgen::{
    Builder, Config, DocumentationStyle, EnumConfig, ExportConfig, FunctionConfig, Language, RenameRule, Style,
};

/// What stands before the first declaration.
const PREAMBLE: &str = r"/*
 * Headwater: durable, subject-addressed streams in your own process.
 *
 * This file is the text of the C ABI; docs/abi.md is its contract. In short:
 *
 * - What can fail returns an hw_status, and takes an `hw_error **` as its last parameter. That may be NULL; if it is
 *   not, it gets an error on failure, which is yours to free with hw_error_free.
 * - Parameters come in the order self, inputs, outputs, error. Outputs are written only on success.
 * - Text and bytes are a pointer and a length, borrowed for the call; text must be UTF-8, and is checked. HW_LIT
 *   passes a string literal as both.
 * - Structs that begin with `struct_size` can grow: set it to sizeof the struct and zero the rest, as HW_INIT does, and
 *   every field that you do not set has its default.
 * - Handles are opaque. `const` handles may be used by many threads at once; others by one at a time, else
 *   HW_STATUS_MISUSE. Children keep their parents alive, so free in any order, each once; freeing NULL is nothing.
 * - After hw_engine_close, and in the child of a fork(), calls return HW_STATUS_CLOSED.
 * - Waits take `timeout_ms`: 0 does not wait, -1 waits for ever. Or arm a token with an hw_waker and wait for its
 *   file descriptor: any number of waits then costs no thread.
 * - Times are nanoseconds since the Unix epoch, UTC; names of durations end in their unit.
 *
 * This file is generated from ffi/src. Do not edit it.
 */";

/// What stands after the includes.
const MACROS: &str = r"
/* A string literal as the two parameters, or the two fields of an hw_str, that it stands for. */
#define HW_LIT(literal) (literal), (sizeof(literal) - 1)

/* Points an hw_str at a string literal. */
#define HW_SET(text, literal) ((text).data = (literal), (text).len = sizeof(literal) - 1)

/* Zeroes a struct that begins with `struct_size`, and sets that: every option at its default. */
#define HW_INIT(pointer) (memset((pointer), 0, sizeof *(pointer)), (pointer)->struct_size = sizeof *(pointer))

/* Define HW_API before including this file to give every declaration an attribute. */
#ifndef HW_API
#define HW_API
#endif
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn generated() -> String {
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        style: Style::Both,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h", "string.h"].map(String::from).to_vec(),
        documentation_style: DocumentationStyle::Doxy,
        include_guard: Some("HEADWATER_H".to_owned()),
        header: Some(PREAMBLE.to_owned()),
        after_includes: Some(MACROS.to_owned()),
        line_length: 120,
        tab_width: 4,
        function: FunctionConfig { prefix: Some("HW_API".to_owned()), ..FunctionConfig::default() },
        enumeration: EnumConfig {
            prefix_with_name: true,
            rename_variants: RenameRule::ScreamingSnakeCase,
            ..EnumConfig::default()
        },
        export: ExportConfig {
            include: [
                "hw_node_use",
                "hw_durability",
                "hw_discard",
                "hw_compression",
                "hw_rollup",
                "hw_deliver_policy",
                "hw_ack_policy",
                "hw_operation",
                "hw_value_type",
                "hw_format",
                "hw_hub_phase",
                "hw_link_direction",
                "hw_link_catch_up",
                "hw_link_on_reset",
                "hw_link_state",
                "hw_mesh_preset",
                "hw_crdt_kind",
                "hw_crdt_op",
                "hw_crdt_value_type",
                "hw_expected",
                "hw_as_of",
                "hw_sql_type",
                "hw_turn_what",
            ]
            .map(String::from)
            .to_vec(),
            ..ExportConfig::default()
        },
        ..Config::default()
    };
    let bindings = Builder::new()
        .with_crate(env!("CARGO_MANIFEST_DIR"))
        .with_config(config)
        .generate()
        .expect("cbindgen reads the crate");
    let mut text = Vec::new();
    bindings.write(&mut text);
    tidy(&String::from_utf8(text).expect("a header is UTF-8"))
}

/// What cbindgen cannot be told: comments of one line on one line, and a heading where the functions of a file begin.
fn tidy(text: &str) -> String {
    let headings = headings();
    let lines: Vec<&str> = text.lines().collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let comment =
            (line.trim() == "/**").then(|| lines[at..].iter().position(|l| l.trim() == "*/").map_or(at, |n| at + n));
        if line.is_empty() && out.last().is_some_and(String::is_empty) {
            at += 1;
            continue;
        }
        let Some(end) = comment else {
            out.push(line.to_owned());
            at += 1;
            continue;
        };
        if let Some((_, noun)) =
            headings.iter().find(|(first, _)| lines[end + 1..end + 3].iter().any(|l| calls(l, first)))
        {
            out.push(format!("/* ---- {noun} {} */", "-".repeat(HEADING_COLUMNS - noun.len())));
            out.push(String::new());
        }
        if end == at + 2 {
            let indent = &line[..line.len() - line.trim_start().len()];
            out.push(format!("{indent}/** {} */", lines[at + 1].trim().trim_start_matches("* ")));
        } else {
            out.extend(lines[at..=end].iter().map(|l| (*l).to_owned()));
        }
        at = end + 1;
    }
    out.join("\n") + "\n"
}

/// The columns that a noun and the dashes after it share, so that headings end at 120.
const HEADING_COLUMNS: usize = 108;

/// Whether a line of the header declares `function`.
fn calls(line: &str, function: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == function) && line.contains('(')
}

/// The first function of each source file, in header order, with the noun that the file is named after.
fn headings() -> Vec<(String, String)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(sources.join("lib.rs")).expect("src/lib.rs");
    let nouns = lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'));
    nouns
        .filter_map(|noun| {
            let source = std::fs::read_to_string(sources.join(format!("{noun}.rs"))).expect("a file for each mod");
            let (_, after) = source.split_once("pub extern \"C\" fn ")?;
            Some((after.split_once('(')?.0.to_owned(), noun.replace('_', " ")))
        })
        .collect()
}

#[test]
fn no_line_of_the_header_is_longer_than_120_columns() {
    let generated = generated();
    let long: Vec<&str> = generated.lines().filter(|l| l.chars().count() > 120).collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let path = root().join("include/headwater.h");
    let generated = generated();
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        std::fs::write(&path, &generated).expect("include/ is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/headwater.h is not what ffi/src says: run HEADWATER_BLESS=1 cargo test -p headwater-ffi --test header"
    );
}
