//! `dist/`: what each language's users get, built as they get it.

use std::path::{Path, PathBuf};

use crate::archive;
use crate::compile::{Profile, libraries};
use crate::shell::{Result, VERSION, command, copy, empty_dir, list, quiet, root, write};
use crate::symbols::check;
use crate::tools;

/// Where the packages are left.
pub(crate) fn dir() -> PathBuf {
    root().join("dist")
}

/// Builds every package.
pub(crate) fn run(profile: Profile) -> Result {
    empty_dir(dir())?;
    tools::fetch()?;
    c(profile)?;
    python(profile)?;
    node(profile)?;
    for path in list(dir())? {
        let bytes = path.metadata().map_or(0, |m| m.len());
        println!("dist/{}  {:.1} MB", path.file_name().unwrap_or_default().to_string_lossy(), bytes as f64 / 1e6);
    }
    Ok(())
}

/// Header, shared and static library and `headwater.pc`, as a tree to unpack under any prefix.
fn c(profile: Profile) -> Result {
    check(profile)?;
    let libraries = libraries(profile)?;
    let static_library = libraries.join("headwater-archive/libheadwater.a");
    let name = format!("headwater-{VERSION}-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let stage = root().join("target/dist").join(&name);
    empty_dir(&stage)?;
    copy(root().join("include/headwater.h"), stage.join("include/headwater.h"))?;
    copy(root().join("LICENSE"), stage.join("LICENSE"))?;
    copy(root().join("docs/abi.md"), stage.join("share/doc/headwater/abi.md"))?;
    copy(root().join("tests/c/valgrind.supp"), stage.join("share/doc/headwater/valgrind.supp"))?;
    let soname = soname(&libraries.join("libheadwater.so"))?;
    copy(libraries.join("libheadwater.so"), stage.join("lib").join(&soname))?;
    quiet(&mut command("strip", [Path::new("--strip-unneeded"), &stage.join("lib").join(&soname)]))?;
    if soname != "libheadwater.so" {
        quiet(command("ln", ["-s", &soname, "libheadwater.so"]).current_dir(stage.join("lib")))?;
    }
    copy(&static_library, stage.join("lib/libheadwater.a"))?;
    write(stage.join("lib/pkgconfig/headwater.pc"), PKG_CONFIG.replace("@VERSION@", VERSION))?;
    let tar = dir().join(format!("{name}.tar.gz"));
    let parent = stage.parent().unwrap_or(&stage).to_owned();
    quiet(command("tar", ["--sort=name", "--owner=0", "--group=0", "-czf"]).arg(tar).arg(&name).current_dir(parent))
}

/// Found by its own place, so that the tree can be unpacked anywhere.
const PKG_CONFIG: &str = "\
prefix=${pcfiledir}/../..
includedir=${prefix}/include
libdir=${prefix}/lib

Name: headwater
Description: An embeddable, local-first data engine
Version: @VERSION@
Cflags: -I${includedir}
Libs: -L${libdir} -lheadwater
Libs.private: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
";

/// The name that a program which links the library will ask for when it starts.
fn soname(library: &Path) -> Result<String> {
    let dynamic = crate::shell::output(command("objdump", ["-p"]).arg(library))?;
    let name = dynamic.lines().find_map(|l| l.trim().strip_prefix("SONAME").map(|n| n.trim().to_owned()));
    Ok(name.unwrap_or_else(|| "libheadwater.so".to_owned()))
}

/// A source package that builds anywhere Rust is, and the wheel that it comes to on this machine.
fn python(profile: Profile) -> Result {
    let mut maturin = command(tools::venv("maturin"), ["sdist", "--manifest-path", "bindings/python/Cargo.toml"]);
    quiet(maturin.arg("--out").arg(dir()))?;
    let mut pip = tools::pip(&tools::venv("python"), "wheel");
    pip.arg("--no-deps").arg("--wheel-dir").arg(dir()).arg(dir().join(format!("headwater-{VERSION}.tar.gz")));
    pip.env("MATURIN_PEP517_ARGS", format!("--profile {} --compatibility pypi", profile.name()));
    quiet(&mut pip)
}

/// An npm package with the addon for this machine inside.
fn node(profile: Profile) -> Result {
    let libraries = libraries(profile)?;
    let npm = |words: &str| {
        let mut npm = command("npm", words.split_whitespace());
        if profile == Profile::Dev {
            npm.env("HEADWATER_LIBRARY", libraries.join("libheadwater_node.so"));
        }
        npm.current_dir(root().join("bindings/node"));
        npm
    };
    quiet(&mut npm("install --no-audit --no-fund --ignore-scripts"))?;
    quiet(&mut npm("run --silent build"))?;
    quiet(npm("pack --silent --ignore-scripts --pack-destination").arg(dir()))?;
    archive::place(&libraries.join("headwater-archive/libheadwater.a"))
}
