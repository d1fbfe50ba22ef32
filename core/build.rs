//! Makes Rust of the `.proto` files that the features ask for, with no compiler but Rust's.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    #[cfg(feature = "grpc")]
    generate("headwater/v1/crdt.proto");
    #[cfg(feature = "mesh")]
    generate("headwater/mesh/v1/mesh.proto");
}

#[cfg(any(feature = "grpc", feature = "mesh"))]
fn generate(file: &str) {
    let files = protox::compile([file], ["proto"]).unwrap_or_else(|e| panic!("{file}: {e}"));
    let code = tonic_prost_build::configure().build_transport(false).compile_fds(files);
    code.unwrap_or_else(|e| panic!("{file}: {e}"));
}
