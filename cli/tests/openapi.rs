//! The HTTP door against its own OpenAPI document: schemathesis makes requests that the document allows and such that
//! it does not, and looks whether the answers are those that it tells of.

mod common;

use std::path::Path;
use std::process::Command;

use common::node::Node;
use common::{Dir, finish, headwater, start};

const SECRET: &str = "a secret of thirty-two bytes, or more";
/// Of each operation.
const REQUESTS: &str = "30";
/// What it looks for and is not so here. Names are bounded in bytes, and the document can only count characters. The
/// user 'batch' has the path of an operation, with the methods of a user. And who asks for a user that is not there is
/// told that it is offline.
const NOT_HERE: &str = "positive_data_acceptance,allow_header_conformance,ensure_resource_availability,use_after_free";

fn config(reads: &str) -> String {
    format!(
        "dir = \"data\"\n[presence]\n[http]\nbind = \"127.0.0.1:0\"\n\
         [auth]\njwt_secret = \"{SECRET}\"\nreads = \"{reads}\"\n"
    )
}

fn tried(node: &Node, token: Option<&str>, not_here: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut run = Command::new(root.join(".tools/venv/bin/schemathesis"));
    // Somebody who follows is answered as long as the node is there.
    run.args(["run", "--exclude-path-regex", "/watch$", "--exclude-checks", not_here, "--generation-deterministic"]);
    run.args(["--max-examples", REQUESTS, "--request-timeout", "10"]).current_dir(std::env::temp_dir());
    if let Some(token) = token {
        run.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let ran = finish(start(run.arg(format!("http://{}/api/openapi.json", node.http))), b"");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("Tested: 16"), "{}", ran.stdout);
}

#[test]
fn answers_are_those_that_the_document_tells_of() {
    let token = ["token", "--secret-env", "JWT_SECRET", "--subject", "ops", "--scope", "presence:admin"];
    let token = finish(start(headwater(&token).env("JWT_SECRET", SECRET)), b"").stdout;
    for reads in ["public", "token"] {
        let dir = Dir::new(&format!("openapi-{reads}"));
        std::fs::write(dir.file("p.toml"), config(reads)).expect("a file");
        let node = Node::start(&dir, &["--config", "p.toml"]);
        tried(&node, Some(token.trim()), NOT_HERE);
        // Where reads need a token, who has none is not told which methods there are.
        let unknown = if reads == "token" { ",unsupported_method" } else { "" };
        tried(&node, None, &format!("{NOT_HERE}{unknown}"));
    }
}
