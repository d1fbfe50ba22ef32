//! What no compiler checks: how files begin, how long things are, what was left behind, what must stay in step.
//!
//! Every rule returns sentences of the form `path:line: what to mend`; one list, so that a single run shows everything.

mod documents;
mod lines;
mod rust;

use std::path::Path;

use crate::shell::{Result, list, read, root};

/// Directories that hold nothing of ours, or nothing written by hand.
const PASSED_OVER: [&str; 9] =
    [".git", ".tools", "target", "dist", "node_modules", "__pycache__", "data", ".pytest_cache", ".mypy_cache"];

/// The one directory that is passed over by its whole path: what `cargo xtask archive` leaves in the Go module.
const GO_LIB: &str = "bindings/go/lib";

/// Files written by a tool.
const GENERATED: [&str; 4] = ["Cargo.lock", "package-lock.json", "go.sum", "LICENSE"];

/// A file of the tree, with its text.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn has_extension(&self, extensions: &[&str]) -> bool {
        Path::new(&self.path).extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e))
    }

    /// Whether it only runs in tests.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|d| matches!(d, "tests" | "test" | "fuzz"))
            || name == "tests.rs"
            || name.ends_with("_test.go")
            || name.ends_with("_tests.rs")
    }
}

/// Checks the tree.
pub(crate) fn run() -> Result {
    let mut files = Vec::new();
    collect(&root(), &mut files)?;
    let mut faults = Vec::new();
    for file in &files {
        lines::check(file, &mut faults);
        if file.has_extension(&["rs"]) {
            rust::check(file, &mut faults);
        }
    }
    rust::check_exceptions(&files, &mut faults);
    documents::check(&files, &mut faults)?;
    if faults.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    Err(format!("{} things to tidy:\n{}", faults.len(), faults.join("\n")))
}

fn collect(dir: &Path, files: &mut Vec<File>) -> Result {
    for path in list(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let ours = !PASSED_OVER.contains(&name.as_str()) && path != root().join(GO_LIB);
            if ours && !path.is_symlink() {
                collect(&path, files)?;
            }
        } else if is_text(&path) && !GENERATED.contains(&name.as_str()) {
            let text = read(&path)?;
            let path = path.strip_prefix(root()).map_err(|e| e.to_string())?.to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
    Ok(())
}

fn is_text(path: &Path) -> bool {
    const EXTENSIONS: [&str; 17] =
        ["rs", "py", "pyi", "ts", "js", "mjs", "cjs", "go", "mod", "c", "h", "md", "toml", "json", "sh", "yml", "in"];
    let extension = path.extension().and_then(|e| e.to_str());
    extension.map_or_else(|| path.ends_with("Makefile") || path.ends_with(".ci/run"), |e| EXTENSIONS.contains(&e))
}
