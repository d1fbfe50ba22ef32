//! What cargo compiles for all chores: everything in one go for the tests, and the C libraries for release.

use std::path::PathBuf;

use crate::shell::{Result, cargo, root, run};

/// How the doors are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As the tests are, with the features that any member of the workspace wants: nothing is compiled twice.
    Dev,
    /// As its users get it, each door with its own features.
    Release,
}

impl Profile {
    /// As Cargo calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Dev => "dev",
            Profile::Release => "release",
        }
    }
}

/// Compiles the C libraries and returns where they are; beside them, for the tests, are all others and every program.
pub(crate) fn libraries(profile: Profile) -> Result<PathBuf> {
    // A package that is compiled alone has fewer features than beside the others, and all that it stands on is compiled
    // again: so it is never alone, and tests belong to it too, as what they need has features of its own.
    let (what, dir) = match profile {
        Profile::Dev => ("--workspace --lib --bins --tests", "debug"),
        Profile::Release => ("--package headwater-ffi --release", "release"),
    };
    run(&mut cargo(&format!("build --quiet {what}")))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join(dir))
}
