//! Running other programs from the root of the tree, and saying plainly which one failed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A chore fails with a sentence for a person.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The root of the tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root").to_owned()
}

/// The version of the workspace, which every package carries.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A program that will run in the root, with these arguments.
pub(crate) fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    // What cargo tells a program of the program's own package is no matter of what that builds: a build script that
    // looks at it, such as that of `ring`, would have everything above it compiled again.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|of_package| name.to_string_lossy().starts_with(of_package)) {
            command.env_remove(name);
        }
    }
    command
}

/// This cargo, with these words as arguments.
pub(crate) fn cargo(words: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(cargo, words.split_whitespace())
}

/// Runs it, its output going where ours goes; fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|e| format!("{}: {e}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", line(command))) }
}

/// Runs it and returns what it wrote to standard output; fails, with what it said, when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{}: {e}", line(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} ended with {}\n{text}{said}", line(command), output.status))
}

/// Runs it in silence; what it said is shown only when it fails.
pub(crate) fn quiet(command: &mut Command) -> Result {
    output(command).map(drop)
}

/// Whether a program of this name can be started.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The command as it would be typed.
fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Reads a file as text.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Writes a file, and its directory where it is not there.
pub(crate) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result {
    let path = path.as_ref();
    if let Some(dir) = path.parent() {
        make_dir(dir)?;
    }
    fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))
}

/// Copies a file, making the directory that it goes to.
pub(crate) fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result {
    let (from, to) = (from.as_ref(), to.as_ref());
    if let Some(dir) = to.parent() {
        make_dir(dir)?;
    }
    fs::copy(from, to).map(drop).map_err(|e| format!("{} to {}: {e}", from.display(), to.display()))
}

/// Makes a directory and those above it.
fn make_dir(dir: impl AsRef<Path>) -> Result {
    let dir = dir.as_ref();
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}

/// Makes a directory that is empty, whatever was there.
pub(crate) fn empty_dir(dir: impl AsRef<Path>) -> Result {
    let dir = dir.as_ref();
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    make_dir(dir)
}

/// The files right under a directory, by name.
pub(crate) fn list(dir: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let dir = dir.as_ref();
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    Ok(paths)
}
