//! Each package, installed the way its user would in an empty place, runs the examples there.
//!
//! Nothing of the source tree is on the path: what works here works for a stranger.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compile::Profile;
use crate::dist;
use crate::shell::{Result, VERSION, command, copy, empty_dir, has, list, output, quiet, root, write};
use crate::test::EXAMPLES;
use crate::tools::{need, pip};

/// Builds the packages, installs each and runs the examples there.
pub(crate) fn run(profile: Profile) -> Result {
    dist::run(profile)?;
    let place = root().join("target/packages");
    empty_dir(&place)?;
    python(&place.join("python"))?;
    node(&place.join("node"))?;
    c(&place.join("c"))?;
    go(&place.join("go"))
}

/// The one file in `dist/` whose name ends so.
fn package(suffix: &str) -> Result<PathBuf> {
    let mut found = list(dist::dir())?;
    found.retain(|p| p.to_string_lossy().ends_with(suffix));
    match found.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(format!("dist/ holds {} files that end in {suffix}, wanted one", found.len())),
    }
}

fn python(place: &Path) -> Result {
    println!("python: the wheel, which the source package came to, in an empty virtual environment");
    empty_dir(place)?;
    quiet(command("python3", ["-m", "venv"]).arg(place))?;
    let python = place.join("bin/python");
    quiet(pip(&python, "install").arg(package(".whl")?))?;
    for name in EXAMPLES {
        let example = place.join(format!("{name}.py"));
        copy(root().join(format!("examples/python/{name}.py")), &example)?;
        quiet(command(&python, ["-I"]).arg(&example).current_dir(place))?;
    }
    Ok(())
}

fn node(place: &Path) -> Result {
    println!("node: the package in an empty npm project");
    empty_dir(place)?;
    write(place.join("package.json"), "{ \"private\": true, \"type\": \"module\" }\n")?;
    let install = ["install", "--silent", "--no-audit", "--no-fund"];
    quiet(command("npm", install).arg(package(&format!("{VERSION}.tgz"))?).current_dir(place))?;
    if !place.join("node_modules/headwater/LICENSE").exists() {
        return Err("the npm package holds no LICENSE".into());
    }
    for name in EXAMPLES {
        copy(root().join(format!("examples/node/{name}.mjs")), place.join(format!("{name}.mjs")))?;
        quiet(command("node", [format!("{name}.mjs")]).current_dir(place))?;
    }
    Ok(())
}

fn c(place: &Path) -> Result {
    need("pkg-config", "install it, such as `apt install pkg-config`")?;
    empty_dir(place)?;
    let archive = package(&format!("{}.tar.gz", std::env::consts::ARCH))?;
    quiet(command("tar", ["--strip-components=1", "-xzf"]).arg(&archive).current_dir(place))?;
    for (kind, more) in [("shared", ""), ("static", "--static")] {
        println!("c: the {kind} library through pkg-config");
        let pkg_config = place.join("lib/pkgconfig");
        let flags = |words: &str| {
            let words = format!("{words} {more} headwater");
            output(command("pkg-config", words.split_whitespace()).env("PKG_CONFIG_PATH", &pkg_config))
        };
        let (cflags, libs) = (flags("--cflags")?, flags("--libs")?);
        for name in EXAMPLES {
            copy(root().join(format!("examples/c/{name}.c")), place.join(format!("{name}.c")))?;
            let mut cc = command("cc", ["-std=c11", "-Wall", "-Wextra", "-Werror", "-D_POSIX_C_SOURCE=200809L"]);
            cc.arg(format!("{name}.c")).args(cflags.split_whitespace()).args(["-o", name]);
            let libs = if kind == "static" { libs.replace("-lheadwater", "-l:libheadwater.a") } else { libs.clone() };
            quiet(cc.args(libs.split_whitespace()).current_dir(place))?;
            let library_path = place.join("lib");
            quiet(run_c(&place.join(name)).env("LD_LIBRARY_PATH", library_path).current_dir(place))?;
        }
    }
    Ok(())
}

/// A C program, under valgrind where that is installed.
fn run_c(program: &Path) -> Command {
    if !has("valgrind") {
        println!("c: valgrind is not here, so leaks are not looked for");
        return command(program, [""; 0]);
    }
    let mut valgrind = command("valgrind", ["--quiet", "--leak-check=full", "--error-exitcode=9"]);
    // Rust keeps the handle of the main thread by a pointer into its middle, which valgrind calls possibly lost.
    valgrind.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]);
    valgrind.arg(program);
    valgrind
}

fn go(place: &Path) -> Result {
    println!("go: a module that imports ours, which lies there alone");
    empty_dir(place)?;
    let module = place.join("headwater");
    quiet(command("cp", ["-r"]).arg(root().join("bindings/go")).arg(&module))?;
    const MODULE: &str = "github.com/headwater/headwater/bindings/go";
    let go_mod = format!(
        "module example.org/program\n\ngo 1.24\n\nrequire {MODULE} v{VERSION}\n\nreplace {MODULE} => {}\n",
        module.display()
    );
    write(place.join("program/go.mod"), go_mod)?;
    for name in EXAMPLES {
        let source = root().join(format!("examples/go/{name}/main.go"));
        copy(source, place.join(format!("program/{name}/main.go")))?;
        quiet(command("go", ["run", &format!("./{name}")]).current_dir(place.join("program")))?;
    }
    Ok(())
}
