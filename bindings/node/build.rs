//! Tells the linker, per platform, that the node process brings the Node-API symbols.

fn main() {
    napi_build::setup();
}
