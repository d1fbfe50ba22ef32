//! Makes Rust of the `.proto` files where the feature `grpc` asks for it, with no compiler but Rust's.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "grpc")]
    {
        println!("cargo:rerun-if-changed=proto");
        let files = protox::compile(["headwater/v1/crdt.proto"], ["proto"])?;
        tonic_prost_build::configure().build_transport(false).compile_fds(files)?;
    }
    Ok(())
}
