//! What every test of the command line needs: a directory of its own, and the real binary.

#![allow(dead_code, reason = "each test file takes what it needs")]

pub(crate) mod certs;
pub(crate) mod node;
pub(crate) mod proxy;
pub(crate) mod side;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A directory that goes when the test ends.
pub(crate) struct Dir(PathBuf);

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Dir {
    /// A path for an engine; nothing is there yet.
    pub(crate) fn new(test: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("the target directory can be written");
        Dir(dir)
    }

    /// Where engines of this test live.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.join("data")
    }

    /// A file beside it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The command, not yet started; `--dir` is given.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = headwater(args);
        command.arg("--dir").arg(self.path());
        command
    }

    /// Runs a command in this directory, with nothing on its standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.feed(args, b"")
    }

    /// Runs a command with `input` on its standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &[u8]) -> Ran {
        finish(self.spawn(args), input)
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.stdout
    }

    /// Runs a command that must succeed with `--json`, and returns its objects.
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        objects(&self.ok(&[args, &["--json"]].concat()))
    }

    /// Starts a command with pipes on all sides.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        start(&mut self.command(args))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The real binary.
pub(crate) fn headwater(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.args(args).env_remove("HEADWATER_DIR");
    command
}

/// Starts a command with pipes on all sides.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// Gives a command its input and waits for its end.
pub(crate) fn finish(mut child: Child, input: &[u8]) -> Ran {
    let mut stdin = child.stdin.take().expect("it has a pipe");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        // A command that fails early does not read its input: that is its business.
        let _ = stdin.write_all(&input);
    });
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    feeder.join().expect("feeding does not panic");
    Ran {
        code: status.code().expect("it exits by itself"),
        stdout: String::from_utf8(stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(stderr).expect("messages are UTF-8"),
    }
}

/// One JSON object on each line.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}
