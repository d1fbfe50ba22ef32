//! The `headwater` command: it parses arguments, calls the engine and prints what comes back.
//!
//! One file or folder for each noun, each with its arguments beside what they do. No verb decides anything that the
//! library does not decide for every other door; what is here is parsing, printing and exit codes.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the command line is a door: it may look at the clock, start threads and read the environment"
)]

mod backup;
mod bench;
mod certs;
mod cluster;
mod consumer;
mod crdt;
mod demo;
mod entities;
mod events;
mod failure;
mod interrupt;
mod kv;
mod link;
mod mesh;
mod object;
mod output;
mod place;
mod points;
mod presence;
mod progress;
mod replica;
mod serve;
mod server;
mod stream;
mod text;
mod time;
mod token;
mod units;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::{Done, Failure};
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  headwater demo
  headwater stream add orders --subjects 'orders.>' --dir data
  printf '{\"n\":1}' | headwater stream append orders orders.eu.1 --dir data
  headwater stream read orders --filter 'orders.*.1' --dir data --json

Exit codes:
  0 done   1 failed   2 wrong usage   3 not found   4 conflict   5 corrupt data

Every verb shows an example with --help. Times are RFC 3339 or a date (UTC where no zone is given), \
durations are such as 500ms, 1h30m or 7d, sizes such as 512KiB or 1GB. \
With --json each record or row is one JSON object on a line, and so is an error, on standard error.";

/// An embeddable, local-first data engine: durable streams, buckets and points in a directory.
#[derive(Parser)]
#[command(name = "headwater", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Subcommand)]
enum Noun {
    /// Durable, subject-addressed logs: make, append, read, follow.
    #[command(subcommand)]
    Stream(stream::Verb),
    /// Durable positions in a stream: take records, acknowledge them.
    #[command(subcommand)]
    Consumer(consumer::Verb),
    /// Key-value buckets: put, get, watch.
    #[command(subcommand)]
    Kv(kv::Verb),
    /// Files of any size in object stores: put, get, list.
    #[command(subcommand)]
    Object(object::Verb),
    /// Typed points and time series: import, latest, query.
    #[command(subcommand)]
    Points(points::Verb),
    /// Aggregates and their events: append, load, list.
    #[command(subcommand)]
    Events(events::Verb),
    /// Live entities of a cluster: who is there and where, ask one.
    #[command(subcommand)]
    Entities(entities::Verb),
    /// State that merges: counters, registers, sets, flags.
    Crdt(crdt::Crdt),
    /// Certificates to try out what asks for them: a CA, nodes, clients.
    #[command(subcommand)]
    Certs(certs::Verb),
    /// Runs a directory as a node: links at work, presence and metrics over HTTP, other processes let in.
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::Serve),
    /// Makes a token for the HTTP door of a node.
    #[command(after_help = token::EXAMPLES)]
    Token(token::Token),
    /// Starts a mesh of some nodes on this machine, to try it out, and shows it.
    #[command(after_help = cluster::EXAMPLES)]
    Cluster(cluster::Cluster),
    /// Links of a directory to a hub: configure them, see where they stand.
    #[command(subcommand)]
    Link(link::Verb),
    /// The mesh that a node is part of: who is there, how far stores are.
    #[command(subcommand)]
    Mesh(mesh::Verb),
    /// Who is here: sessions of users, their statuses, and who comes and goes.
    #[command(subcommand)]
    Presence(presence::Verb),
    /// SQLite files that replicate: attach one, see how it stands.
    #[command(subcommand)]
    Replica(replica::Verb),
    /// Measures a hub or a directory with synthetic records.
    #[command(subcommand)]
    Bench(bench::Verb),
    /// Checks every byte of a directory, without changing it.
    Verify(verify::Verify),
    /// Copies a live directory, consistent by stream.
    Backup(backup::Backup),
    /// Makes a directory from a backup, checking every byte.
    Restore(backup::Restore),
    /// A tour on real data, in under a minute.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
}

impl Noun {
    fn run(self, place: &Place) -> Done {
        match self {
            Noun::Stream(verb) => verb.run(place),
            Noun::Consumer(verb) => verb.run(place),
            Noun::Kv(verb) => verb.run(place),
            Noun::Object(verb) => verb.run(place),
            Noun::Points(verb) => verb.run(place),
            Noun::Events(verb) => verb.run(place),
            Noun::Entities(verb) => verb.run(place),
            Noun::Crdt(crdt) => crdt.run(place),
            Noun::Certs(verb) => verb.run(place),
            Noun::Serve(serve) => serve.run(place),
            Noun::Token(token) => token.run(place),
            Noun::Cluster(cluster) => cluster.run(place),
            Noun::Link(verb) => verb.run(place),
            Noun::Mesh(verb) => verb.run(place),
            Noun::Presence(verb) => verb.run(place),
            Noun::Replica(verb) => verb.run(place),
            Noun::Bench(verb) => verb.run(place),
            Noun::Verify(verify) => verify.run(place),
            Noun::Backup(backup) => backup.run(place),
            Noun::Restore(restore) => restore.run(place),
            Noun::Demo(demo) => demo::run(demo, place),
        }
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") => {
            let message = error.render().to_string();
            return Failure::usage(message.trim_start_matches("error: ").trim_end()).report(true);
        }
        Err(error) => error.exit(),
    };
    match cli.noun.run(&cli.place) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(cli.place.json),
    }
}
