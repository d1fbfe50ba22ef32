//! The static library with only the API's names global.
//!
//! Rust's own static library leaks every symbol of the C code inside it (287 of SQLite, 280 of zstd), so that a program
//! that links another copy clashes with it, or silently runs on ours. Here everything is linked into one object, and
//! all names but the header's are made local.

use std::path::{Path, PathBuf};

use crate::compile::{Profile, libraries};
use crate::header::declared;
use crate::shell::{Result, command, copy, empty_dir, quiet, root, write};
use crate::tools::need;

/// Makes the archive and places it where the Go module links it.
pub(crate) fn run() -> Result {
    let archive = make(Profile::Dev)?;
    place(&archive)
}

/// Copies an archive, and the header that it answers to, into the Go module, which so builds without the rest of the
/// tree.
pub(crate) fn place(archive: &Path) -> Result {
    let lib = root().join("bindings/go/lib");
    copy(archive, lib.join(platform()).join("libheadwater.a"))?;
    copy(root().join("include/headwater.h"), lib.join("headwater.h"))?;
    println!("bindings/go/lib/{}/libheadwater.a is in place", platform());
    Ok(())
}

/// The directory for this machine, in Go's terms.
fn platform() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    format!("{system}_{arch}")
}

/// Makes the archive and returns where it is.
pub(crate) fn make(profile: Profile) -> Result<PathBuf> {
    need("objcopy", "install binutils, such as `apt install binutils`")?;
    let library = libraries(profile)?.join("libheadwater.a");
    let dir = library.with_file_name("headwater-archive");
    empty_dir(&dir)?;
    let names = declared()?;
    let (all, hidden, list, archive) =
        (dir.join("all.o"), dir.join("headwater.o"), dir.join("names"), dir.join("libheadwater.a"));
    write(&list, names.join("\n") + "\n")?;
    let mut link = command("ld", ["-r", "--gc-sections", "-e", "0", "-o"]);
    link.arg(&all);
    for name in &names {
        link.arg("-u").arg(name);
    }
    quiet(link.arg(&library))?;
    let mut keep = std::ffi::OsString::from("--keep-global-symbols=");
    keep.push(&list);
    let mut hide = command("objcopy", [keep]);
    // Leftovers of link-time optimisation, which make `ar` abort on some of these objects.
    hide.args(["-R", ".llvmbc", "-R", ".llvmcmd", "-R", ".llvm_addrsig", "--strip-debug"]);
    quiet(hide.arg(&all).arg(&hidden))?;
    quiet(command("ar", ["crs"]).arg(&archive).arg(&hidden))?;
    Ok(archive)
}
