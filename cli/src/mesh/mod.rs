//! `headwater mesh`: the nodes that keep their CRDT stores in step, as one of them sees them.

mod show;

use clap::Subcommand;

use crate::failure::Done;
use crate::place::Place;
pub(crate) use show::print;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Shows who is there, and how far each store is.
    #[command(after_help = "Example:\n  headwater mesh status --dir data --json\n
A node runs in the directory: headwater serve --config a.toml, with [mesh] in it.")]
    Status,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Status => show::status(place),
        }
    }
}
