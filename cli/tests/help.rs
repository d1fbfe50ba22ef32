//! Every verb explains itself, with an example.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use common::{finish, headwater, start};

/// The names under "Commands:" in a help text.
fn commands(help: &str) -> Vec<String> {
    let from = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    from.take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next().filter(|_| !line.starts_with("    ")))
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn help(path: &[&str]) -> String {
    let ran = finish(start(&mut headwater(&[path, &["--help"]].concat())), b"");
    assert_eq!(ran.code, 0, "{path:?}");
    ran.stdout
}

#[test]
fn every_verb_shows_an_example_that_names_it() {
    let mut verbs = 0;
    let top = help(&[]);
    assert!(top.contains("Exit codes:") && top.contains("4 conflict"));
    for noun in commands(&top) {
        let text = help(&[&noun]);
        let below = commands(&text);
        if below.is_empty() {
            assert!(text.contains(&format!("\n  headwater {noun}")), "{noun}: {text}");
            verbs += 1;
        }
        for verb in below {
            let text = help(&[&noun, &verb]);
            assert!(text.contains("Example"), "{noun} {verb}");
            assert!(text.contains(&format!("headwater {noun} {verb}")), "{noun} {verb}: {text}");
            assert!(text.contains("--dir <DIR>") && text.contains("--json"), "{noun} {verb}");
            verbs += 1;
        }
    }
    assert!(verbs >= 45, "{verbs} verbs were found");
}

/// Lines below "Example" that are neither a new command nor said by a backslash to go on.
fn broken_examples(help: &str) -> Vec<String> {
    let from = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
    let mut goes_on = false;
    let mut broken = Vec::new();
    for line in from.take_while(|line| !line.is_empty()) {
        if !goes_on && !line.starts_with("  headwater ") && !line.starts_with("  printf ") {
            broken.push(line.to_owned());
        }
        goes_on = line.ends_with(" \\");
    }
    broken
}

#[test]
fn an_example_is_one_command_that_can_be_pasted() {
    for noun in commands(&help(&[])) {
        let text = help(&[&noun]);
        assert_eq!(broken_examples(&text), Vec::<String>::new(), "{noun}");
        for verb in commands(&text) {
            assert_eq!(broken_examples(&help(&[&noun, &verb])), Vec::<String>::new(), "{noun} {verb}");
        }
    }
}

#[test]
fn the_verbs_that_were_promised_are_there() {
    let promised = [
        ("stream", "add edit ls info append last read tail purge rm"),
        ("consumer", "add next ack nak info ls rm"),
        ("kv", "add ls put get create update del purge history watch keys rm"),
        ("object", "add ls info put get mv link rm"),
        ("points", "add import export latest query ls"),
    ];
    for (noun, verbs) in promised {
        let there = commands(&help(&[noun]));
        for verb in verbs.split(' ') {
            assert!(there.iter().any(|v| v == verb), "{noun} {verb}");
        }
    }
    let nouns = commands(&help(&[]));
    for noun in ["serve", "verify", "backup", "restore", "demo"] {
        assert!(nouns.iter().any(|n| n == noun), "{noun}");
    }
}
