//! The C tests and examples, compiled as C99 and C++17 with every warning an error, linked with the libraries as a user
//! links them, and run; under valgrind too, where it is installed.

#![allow(clippy::disallowed_methods, reason = "a test driver watches real processes in real time")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// How strict the compilers are.
const STRICT: [&str; 6] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-D_POSIX_C_SOURCE=200809L"];

/// What the static library needs besides itself.
const STATIC_LIBS: [&str; 7] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];

#[derive(Clone, Copy, Debug)]
enum Language {
    C99,
    Cpp17,
}

#[derive(Clone, Copy, Debug)]
enum Linked {
    Shared,
    Static,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the libraries are. They are built here, once, unless HEADWATER_LIBRARIES says where that was done: a test
/// target alone does not make cargo do it.
fn libraries() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(built) = std::env::var_os("HEADWATER_LIBRARIES") {
            return built.into();
        }
        let test = std::env::current_exe().expect("a test has a path");
        let profile_dir = test.ancestors().nth(2).expect("target/<profile>/deps/<test>").to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "headwater-ffi", "--target-dir"]);
        build.arg(profile_dir.parent().expect("target/<profile>"));
        if profile_dir.ends_with("release") {
            build.arg("--release");
        }
        // With what cargo tells of this test's package, build scripts that look at it would run again.
        for (name, _) in std::env::vars_os() {
            if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|it| name.to_string_lossy().starts_with(it)) {
                build.env_remove(name);
            }
        }
        run(build.current_dir(root()));
        profile_dir
    })
}

/// How long a compiler or a program may take: far more than it does, so that a hang is a failure with a name.
const RUN_SECONDS_MAX: u64 = 300;

/// Runs a command to its end, which must be a success, and returns what it printed.
fn run(command: &mut Command) -> String {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(RUN_SECONDS_MAX) {
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
            panic!("{command:?} did not end within {RUN_SECONDS_MAX} seconds");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let (out, err) = (out.join().expect("a reader"), err.join().expect("a reader"));
    assert!(status.success(), "{command:?}: {status}\n{out}{err}");
    out
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe stops no one.
fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    let mut pipe = pipe.expect("the pipe that was asked for");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A directory of this test's own, empty.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).expect("an old scratch directory goes");
    }
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

fn compile(sources: &[&str], language: Language, linked: Linked, dir: &Path) -> PathBuf {
    let program = dir.join("program");
    let (compiler, flags) = match language {
        Language::C99 => ("cc", ["-x", "c", "-std=c99"]),
        Language::Cpp17 => ("c++", ["-x", "c++", "-std=c++17"]),
    };
    let mut command = Command::new(compiler);
    command.args(STRICT).args(flags).arg("-I").arg(root().join("include"));
    command.args(sources.iter().map(|s| root().join(s))).args(["-x", "none", "-o"]).arg(&program);
    match linked {
        Linked::Shared => {
            command.arg("-L").arg(libraries()).args(["-lheadwater", "-lpthread", "-lm"]);
            // As an rpath, so that neither the environment nor valgrind matters.
            command.arg(format!("-Wl,-rpath,{}", shared_library_dir().display()));
        }
        Linked::Static => {
            command.arg(libraries().join("libheadwater.a")).args(STATIC_LIBS);
        }
    }
    run(&mut command);
    program
}

/// A directory where the shared library lies under its soname, as an installation has it.
fn shared_library_dir() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = scratch("lib");
        std::fs::copy(libraries().join("libheadwater.so"), dir.join("libheadwater.so.1")).expect("the shared library");
        dir
    })
}

/// The server that programs start which need a hub.
fn nats_server() -> PathBuf {
    let program = root().join(".tools/nats/2.15.1/nats-server");
    assert!(program.exists(), "{} is missing: run `cargo xtask tools`", program.display());
    program
}

/// Certificates of two nodes `a` and `b`, and of the CA that signed them, for programs that join a mesh.
fn certificates() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = scratch("certs");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
        let write = |name: &str, pem: String| std::fs::write(dir.join(name), pem).expect("a file");
        write("ca.pem", ca.pem());
        for name in ["a", "b"] {
            let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
            params.extended_key_usages =
                [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth].into();
            let key = KeyPair::generate().expect("a key");
            write(&format!("{name}.pem"), params.signed_by(&key, &ca).expect("it is signed").pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        dir
    })
}

/// A program with what it finds in its environment.
fn with_surroundings(command: &mut Command) -> &mut Command {
    command.env("HEADWATER_NATS_SERVER", nats_server()).env("HEADWATER_CERTS", certificates())
}

/// Compiles and runs one program in each way.
fn every_way(source: &str) {
    let name = Path::new(source).file_stem().expect("a source has a name").to_string_lossy();
    let ways = [(Language::C99, Linked::Shared), (Language::Cpp17, Linked::Shared), (Language::C99, Linked::Static)];
    for (language, linked) in ways {
        let dir = scratch(&format!("{name}-{language:?}-{linked:?}"));
        let program = compile(&[source], language, linked, &dir);
        run(with_surroundings(Command::new(&program).arg(&dir).current_dir(&dir)));
    }
}

/// Runs one program under valgrind: no invalid access, no leak.
fn no_leak(source: &str) {
    under_valgrind(source, &[]);
}

/// The same with options of valgrind's.
fn under_valgrind(source: &str, options: &[&str]) {
    let found = Command::new("valgrind").arg("--version").output();
    if !found.is_ok_and(|o| o.status.success()) {
        println!("valgrind is not installed, so {source} was not run under it");
        return;
    }
    let name = Path::new(source).file_stem().expect("a source has a name").to_string_lossy();
    let dir = scratch(&format!("{name}-valgrind"));
    let program = compile(&[source], Language::C99, Linked::Shared, &dir);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible"]).args(options);
    valgrind
        .arg("--error-exitcode=9")
        .arg(format!("--suppressions={}", root().join("tests/c/valgrind.supp").display()));
    run(with_surroundings(valgrind.arg(&program).arg(&dir).current_dir(&dir)));
}

#[test]
fn handles() {
    every_way("tests/c/handles.c");
    no_leak("tests/c/handles.c");
}

#[test]
fn structs() {
    every_way("tests/c/structs.c");
    no_leak("tests/c/structs.c");
}

#[test]
fn writes() {
    every_way("tests/c/writes.c");
    no_leak("tests/c/writes.c");
}

#[test]
fn queues() {
    every_way("tests/c/queues.c");
}

#[test]
fn wakers() {
    every_way("tests/c/wakers.c");
}

#[test]
fn forks() {
    every_way("tests/c/forks.c");
}

#[test]
fn stores() {
    every_way("tests/c/stores.c");
    no_leak("tests/c/stores.c");
}

#[test]
fn objects() {
    every_way("tests/c/objects.c");
    no_leak("tests/c/objects.c");
}

#[test]
fn crdts() {
    every_way("tests/c/crdts.c");
    no_leak("tests/c/crdts.c");
}

#[test]
fn replicas() {
    every_way("tests/c/replicas.c");
    no_leak("tests/c/replicas.c");
}

#[test]
fn databases() {
    every_way("tests/c/databases.c");
    no_leak("tests/c/databases.c");
}

#[test]
fn presence() {
    every_way("tests/c/presence.c");
    no_leak("tests/c/presence.c");
}

#[test]
fn events() {
    every_way("tests/c/events.c");
    no_leak("tests/c/events.c");
}

#[test]
fn turns() {
    every_way("tests/c/turns.c");
    no_leak("tests/c/turns.c");
}

#[test]
fn mesh() {
    every_way("tests/c/mesh.c");
    // What the assembly of the cipher has written, valgrind takes for never written.
    under_valgrind("tests/c/mesh.c", &["--undef-value-errors=no"]);
}

#[test]
fn hub() {
    every_way("tests/c/hub.c");
}

#[test]
fn hub_streams() {
    every_way("tests/c/hub_streams.c");
}

#[test]
fn example_append_read() {
    every_way("examples/c/append_read.c");
    no_leak("examples/c/append_read.c");
}

#[test]
fn example_subscribe() {
    every_way("examples/c/subscribe.c");
    no_leak("examples/c/subscribe.c");
}

#[test]
fn example_points() {
    every_way("examples/c/points.c");
    no_leak("examples/c/points.c");
}

#[test]
fn example_crdt() {
    every_way("examples/c/crdt.c");
    no_leak("examples/c/crdt.c");
}

#[test]
fn example_replica() {
    every_way("examples/c/replica.c");
    no_leak("examples/c/replica.c");
}

#[test]
fn example_entities() {
    every_way("examples/c/entities.c");
    no_leak("examples/c/entities.c");
}

/// Compiles the runner of the vectors; it, a directory for it, and the vectors.
fn conformance(name: &str) -> (PathBuf, PathBuf, Vec<PathBuf>) {
    let sources = [
        "conformance.c",
        "json.c",
        "json_parse.c",
        "values.c",
        "ops_stream.c",
        "ops_queue.c",
        "ops_bucket.c",
        "ops_object.c",
        "ops_points.c",
        "ops_crdt.c",
        "ops_replica.c",
        "ops_database.c",
        "ops_events.c",
        "ops_projections.c",
        "counter.c",
        "ops_entities.c",
        "ops_presence.c",
    ]
    .map(|name| format!("tests/c/conformance/{name}"));
    let dir = scratch(name);
    let program = compile(&sources.each_ref().map(String::as_str), Language::C99, Linked::Shared, &dir);
    let vectors = std::fs::read_dir(root().join("tests/conformance")).expect("the vectors");
    let mut vectors: Vec<PathBuf> = vectors.map(|entry| entry.expect("a vector").path()).collect();
    vectors.retain(|path| path.extension().is_some_and(|e| e == "json"));
    vectors.sort();
    assert!(!vectors.is_empty());
    (program, dir, vectors)
}

#[test]
fn conformance_vectors() {
    let (program, dir, vectors) = conformance("conformance");
    run(Command::new(&program).arg(&dir).args(&vectors));
}

#[test]
fn conformance_vectors_on_a_hub() {
    let (program, dir, vectors) = conformance("conformance-hub");
    let server = Server::start(&dir);
    run(Command::new(&program).env("HEADWATER_HUB", &server.url).arg(&dir).args(&vectors));
}

#[test]
fn conformance_vectors_through_a_node() {
    let (program, dir, vectors) = conformance("conformance-node");
    for vector in vectors {
        let owner = headwater::Engine::temporary().expect("a directory");
        let node = headwater::LocalServer::start(&owner).expect("a node");
        let place = owner.dir().expect("it has one");
        run(Command::new(&program).env("HEADWATER_NODE", place).arg(&dir).arg(vector));
        node.stop();
        owner.close().expect("it ends");
    }
}

/// A server on a free port; it ends with its handle, by its process id.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(nats_server());
        command.args(["-js", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]).arg(dir);
        command.arg("-sd").arg(dir.join("store")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("start the server");
        let ports = dir.join(format!("nats-server_{}.ports", child.id()));
        let mut server = Server { child, url: String::new() };
        let begun = Instant::now();
        while server.url.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server did not come up");
            std::thread::sleep(Duration::from_millis(10));
            let text = std::fs::read_to_string(&ports).unwrap_or_default();
            if let Some(url) = text.split('"').find(|part| part.starts_with("nats://")) {
                url.clone_into(&mut server.url);
            }
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_translation_units_may_include_the_header() {
    for language in [Language::C99, Language::Cpp17] {
        let dir = scratch(&format!("two-units-{language:?}"));
        let sources = ["tests/c/two_units_a.c", "tests/c/two_units_b.c"];
        run(&mut Command::new(compile(&sources, language, Linked::Shared, &dir)));
    }
}

#[test]
fn the_shared_library_exports_what_the_header_declares_and_has_a_soname() {
    let library = libraries().join("libheadwater.so");
    let listing = run(Command::new("nm").args(["-D", "--defined-only"]).arg(&library));
    let mut exported: Vec<&str> = listing.lines().filter_map(|l| l.split_whitespace().nth(2)).collect();
    exported.sort_unstable();
    let header = std::fs::read_to_string(root().join("include/headwater.h")).expect("the header");
    let mut declared: Vec<&str> = header
        .lines()
        .filter(|l| !l.trim_start().starts_with(['*', '/', '#']))
        .flat_map(|l| l.split([' ', '*']))
        .filter_map(|w| w.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("hw_") && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .collect();
    declared.sort_unstable();
    assert!(declared.len() > 100, "the header was not understood: {declared:?}");
    assert_eq!(exported, declared);
    if cfg!(target_os = "linux") {
        let dynamic = run(Command::new("objdump").arg("-p").arg(&library));
        assert!(
            dynamic.lines().any(|l| l.trim().starts_with("SONAME") && l.ends_with(" libheadwater.so.1")),
            "{dynamic}"
        );
    }
}
