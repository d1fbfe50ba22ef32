//! A replica on real SQLite files: each rule by itself, then random schemas and statements at three nodes.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test stops at the first surprise")]

mod alter;
mod bounds;
mod cases;
mod formers;
mod fresh;
mod measure;
mod random;
mod schema;
mod world;
