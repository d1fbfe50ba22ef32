//! A replica on real SQLite files: each rule by itself, then random schemas and statements at three nodes.

mod alter;
mod bounds;
mod cases;
mod measure;
mod random;
mod schema;
mod world;
