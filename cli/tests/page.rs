//! The page of a node in a real browser, which `cargo xtask tools` fetches: a Chromium that needs nothing of the
//! system.

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_shows_who_is_here_in_a_real_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let chromium = root.join(".tools/chromium/153.0.0/chromium");
    assert!(chromium.exists(), "{} is not there: run `cargo xtask tools`", chromium.display());
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1"]).arg(root.join("cli/tests/page/page.test.mjs"));
    node.env("HEADWATER", env!("CARGO_BIN_EXE_headwater")).env("CHROMIUM", chromium);
    let output = node.output().expect("node is there");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("pass 6"), "all of it ran: {said}");
}
