//! Turns `proto/` into code, for the features that speak it. No `protoc` is needed.

fn main() {
    println!("cargo:rerun-if-changed=proto");
    #[cfg(feature = "mesh")]
    generate("headwater/mesh/v1/mesh.proto");
}

#[cfg(feature = "mesh")]
fn generate(file: &str) {
    let parsed = protox::compile([file], ["proto"]).unwrap_or_else(|e| panic!("{file}: {e}"));
    tonic_prost_build::configure().compile_fds(parsed).unwrap_or_else(|e| panic!("{file}: {e}"));
}
