//! What the libraries export is what the header declares, no more and no less.

use std::collections::BTreeSet;
use std::path::Path;

use crate::archive;
use crate::compile::{Profile, libraries};
use crate::header::declared;
use crate::shell::{Result, command, output};

/// Compares the symbols of the shared library, and of the static archive that Go links, with the header.
pub(crate) fn check(profile: Profile) -> Result {
    let declared: BTreeSet<String> = declared()?.into_iter().collect();
    let shared = libraries(profile)?.join("libheadwater.so");
    compare(&shared, &exported(&["-D", "--defined-only"], &shared)?, &declared)?;
    let archive = archive::make(profile)?;
    compare(&archive, &exported(&["-g", "--defined-only"], &archive)?, &declared)?;
    println!("{} functions: the header's, the shared library's and the static library's", declared.len());
    Ok(())
}

/// As the chore of this name.
pub(crate) fn run() -> Result {
    check(Profile::Dev)
}

fn exported(flags: &[&str], library: &Path) -> Result<BTreeSet<String>> {
    let listing = output(command("nm", flags).arg(library))?;
    let names = listing.lines().filter_map(|line| {
        let mut words = line.split_whitespace().rev();
        let (name, kind) = (words.next()?, words.next()?);
        (kind.len() == 1).then(|| name.split('@').next().unwrap_or(name).to_owned())
    });
    Ok(names.collect())
}

fn compare(library: &Path, exported: &BTreeSet<String>, declared: &BTreeSet<String>) -> Result {
    let extra: Vec<_> = exported.difference(declared).take(20).cloned().collect();
    let missing: Vec<_> = declared.difference(exported).take(20).cloned().collect();
    if extra.is_empty() && missing.is_empty() {
        return Ok(());
    }
    let (library, extra, missing) = (library.display(), extra.join(" "), missing.join(" "));
    Err(format!("{library}: exported and not in the header: [{extra}]; in the header and not exported: [{missing}]"))
}
