//! `make test`: every check there is, in order, each part with its heading and its time.
//!
//! What fails first is the cheapest to know: formatting and lints before tests, tests before packages. One build
//! profile and one union of features serve all parts, so that nothing is compiled twice; `cargo xtask packages` tries
//! the packages as they are released.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::compile::{Profile, libraries};
use crate::shell::{Result, cargo, command, copy, quiet, read, root, run as run_command};
use crate::{archive, header, packages, symbols, tidy, tools};

/// A part: its name, what it does, and how.
type Part = (&'static str, &'static str, fn() -> Result);

const PARTS: [Part; 13] = [
    ("tools", "prerequisites, and what the tests need in .tools", prepare),
    ("format", "rustfmt and gofmt have nothing to change", format),
    ("tidy", "headings, lengths, layers, links, tables in step", tidy::run),
    ("lint", "clippy, warnings denied; the bans of clippy.toml in core", lint),
    ("rust", "tests of every crate, vectors and C programs included", rust),
    ("header", "include/headwater.h is what ffi/ generates", header::check),
    ("symbols", "the libraries export what the header declares", symbols::run),
    ("python", "tests, types, stubs and vectors", python),
    ("node", "tests, types and vectors", node),
    ("go", "vet, tests with the race detector, vectors", go),
    ("examples", "the same programs in every language", examples),
    ("doc", "the documentation builds without a warning", doc),
    ("packages", "each package installed as its user would", tried_packages),
];

/// Runs all parts, or those that are named.
pub(crate) fn run(names: &[String]) -> Result {
    if names.iter().any(|n| n == "--list") {
        for (name, what, _) in PARTS {
            println!("{name:10} {what}");
        }
        return Ok(());
    }
    if let Some(name) = names.iter().find(|n| !PARTS.iter().any(|(part, ..)| part == n)) {
        return Err(format!("there is no part '{name}': `cargo xtask test --list` names them"));
    }
    let begun = Instant::now();
    let mut times = Vec::new();
    for (name, what, part) in PARTS.iter().filter(|(part, ..)| names.is_empty() || names.iter().any(|n| n == part)) {
        println!("\n== {name}: {what}");
        let part_begun = Instant::now();
        part().map_err(|e| format!("part '{name}' failed (run it alone with `cargo xtask test {name}`): {e}"))?;
        times.push((name, part_begun.elapsed()));
        println!("-- {name}: {}", seconds(part_begun.elapsed()));
    }
    println!("\nall of it held:");
    for (name, time) in times {
        println!("  {name:10} {:>8}", seconds(time));
    }
    println!("  {:10} {:>8}", "in all", seconds(begun.elapsed()));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn prepare() -> Result {
    tools::check()?;
    tools::fetch()
}

fn format() -> Result {
    run_command(&mut cargo("fmt --all --check"))?;
    let unformatted = crate::shell::output(&mut command("gofmt", ["-l", "bindings/go", "examples/go"]))?;
    if unformatted.is_empty() { Ok(()) } else { Err(format!("gofmt would change:\n{unformatted}")) }
}

/// The bans of clippy.toml are for the engine; doors, chores and tests may look at the clock.
fn lint() -> Result {
    let features = "config,grpc,http,mesh,replica-stores,shredding";
    run_command(&mut cargo(&format!("clippy --quiet --package headwater --features {features} --lib -- -D warnings")))?;
    let free = "-A clippy::disallowed_methods -A clippy::disallowed_types";
    // The smaller build, which nothing else here compiles.
    let small = format!("clippy --quiet --package headwater-ffi --no-default-features --lib -- -D warnings {free}");
    run_command(&mut cargo(&small))?;
    run_command(&mut cargo(&format!("clippy --quiet --workspace --lib --bins --tests -- -D warnings {free}")))
}

fn rust() -> Result {
    // The C tests link the libraries, so those are built first.
    let libraries = libraries(Profile::Dev)?;
    run_command(cargo("test --quiet --workspace --no-fail-fast").env("HEADWATER_LIBRARIES", libraries))
}

fn python() -> Result {
    let native = libraries(Profile::Dev)?.join("lib_native.so");
    copy(native, root().join("bindings/python/python/headwater/_native.abi3.so"))?;
    let venv = |program: &str, words: &str| in_venv(command(tools::venv(program), words.split_whitespace()));
    run_command(venv("pytest", "-q").current_dir(root().join("bindings/python")))?;
    run_command(venv("mypy", "--no-error-summary python").current_dir(root().join("bindings/python")))?;
    run_command(venv("stubtest", "headwater").current_dir(root().join("bindings/python")))
}

/// The command as it would run in the activated virtual environment, with our package where it is written.
fn in_venv(mut command: Command) -> Command {
    command.env("VIRTUAL_ENV", root().join(".tools/venv")).env("PYTHONPATH", root().join("bindings/python/python"));
    command
}

fn node() -> Result {
    let native = libraries(Profile::Dev)?.join("libheadwater_node.so");
    for words in ["install --no-audit --no-fund --ignore-scripts", "run --silent build", "test --silent"] {
        let mut npm = command("npm", words.split_whitespace());
        run_command(npm.env("HEADWATER_LIBRARY", &native).current_dir(root().join("bindings/node")))?;
    }
    Ok(())
}

fn go() -> Result {
    archive::run()?;
    let dir = root().join("bindings/go");
    run_command(command("go", ["vet", "./..."]).current_dir(&dir))?;
    run_command(command("go", ["test", "-race", "./..."]).current_dir(&dir))
}

fn examples() -> Result {
    let library = archive::make(Profile::Dev)?;
    archive::place(&library)?;
    let node = root().join("examples/node");
    let link = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
    run_command(command("npm", link).current_dir(&node))?;
    let programs = libraries(Profile::Dev)?;
    say("rust", "hub-leaf");
    quiet(&mut command(programs.join("headwater-hub-leaf"), [""; 0]))?;
    for name in EXAMPLES {
        say("rust", name);
        quiet(&mut command(programs.join(name), [""; 0]))?;
        say("c", name);
        let program = library.with_file_name(name);
        let mut cc = command("cc", ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Iinclude"]);
        cc.arg(format!("examples/c/{name}.c")).arg("-o").arg(&program).arg(&library);
        quiet(cc.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]))?;
        quiet(&mut command(&program, [""; 0]))?;
        say("python", name);
        quiet(&mut in_venv(command(tools::venv("python"), [format!("examples/python/{name}.py")])))?;
        say("node", name);
        quiet(command("node", [format!("{name}.mjs")]).current_dir(&node))?;
        say("go", name);
        quiet(command("go", ["run", &format!("./{name}")]).current_dir(root().join("examples/go")))?;
    }
    Ok(())
}

/// The programs that every language has.
pub(crate) const EXAMPLES: [&str; 6] = ["append_read", "subscribe", "points", "crdt", "replica", "entities"];

fn say(language: &str, name: &str) {
    println!("examples/{language}: {name}");
}

fn tried_packages() -> Result {
    packages::run(Profile::Dev)
}

fn doc() -> Result {
    let mut doc = cargo("doc --quiet --no-deps --package headwater");
    run_command(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// An input that takes so long is a hang.
const FUZZ_HANG_SECONDS: u32 = 20;

/// Runs each fuzzer for so many seconds. They are a workspace of their own, which wants a nightly compiler.
pub(crate) fn fuzz(args: &[String]) -> Result {
    let seconds = args.first().map_or("60", String::as_str);
    let cargo_fuzz = tools::cargo_fuzz()?;
    let targets = read(root().join("fuzz/Cargo.toml"))?;
    for name in targets.split("[[bin]]\nname = \"").skip(1).filter_map(|rest| rest.split('"').next()) {
        println!("\n== {name}: {seconds} s");
        let mut fuzz = command("rustup", ["run", "nightly"]);
        // Only the C ABI has unsafe code to watch; without a sanitizer the others run several times as often.
        let sanitizer = if name == "c_abi" { "address" } else { "none" };
        fuzz.arg(&cargo_fuzz).args(["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", sanitizer, name, "--"]);
        run_command(fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={FUZZ_HANG_SECONDS}")))?;
    }
    Ok(())
}

/// Runs the simulation over so many seeds.
pub(crate) fn sim(args: &[String]) -> Result {
    let seeds = args.first().map_or("2000", String::as_str);
    run_command(cargo("test --package headwater-sim -- --nocapture").env("SEEDS", seeds))?;
    let mut entities = cargo("test --package headwater --lib entities::tests::world:: -- --nocapture");
    run_command(entities.env("ENTITIES_SEED", "1").env("ENTITIES_SEEDS", seeds))
}

/// Runs every test whose name begins with `soak_`.
pub(crate) fn soak() -> Result {
    tools::fetch()?;
    run_command(&mut cargo("test --workspace -- --ignored --nocapture soak_"))
}

/// Runs the benchmarks, which are a workspace of their own; the row `calls` needs the other doors built.
pub(crate) fn bench(args: &[String]) -> Result {
    if args.is_empty() || args.iter().any(|a| a.contains("calls")) {
        run_command(&mut command("bench/doors.sh", [""; 0]))?;
    }
    tools::fetch()?;
    run_command(cargo("run --release --").args(args).current_dir(root().join("bench")))
}
