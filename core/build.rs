//! Makes Rust of the `.proto` files that the features ask for, with no compiler but Rust's.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    #[cfg(feature = "grpc")]
    generate("headwater/v1/crdt.proto")?;
    #[cfg(feature = "mesh")]
    generate("headwater/mesh/v1/mesh.proto")?;
    Ok(())
}

#[cfg(any(feature = "grpc", feature = "mesh"))]
fn generate(file: &str) -> Result<(), Box<dyn std::error::Error>> {
    let files = protox::compile([file], ["proto"])?;
    Ok(tonic_prost_build::configure().build_transport(false).compile_fds(files)?)
}
