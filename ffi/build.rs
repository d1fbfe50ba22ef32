//! Gives the shared library its soname, which cargo leaves out: the ABI's major version, not the release's.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_TARGET_OS").is_some_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libheadwater.so.1");
    }
}
