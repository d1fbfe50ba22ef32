//! `headwater object`: files of any size in object stores. The verbs and their arguments are here; bytes go through
//! `transfer`, and `show` prints what is known.

mod show;
mod transfer;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use headwater::{ObjectConfig, ObjectLink, ObjectUpdate};

use crate::failure::Done;
use crate::place::Place;
use crate::stream::{CompressionName, DurabilityName};
use crate::units::{parse_duration, parse_size};

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Makes an object store, and the directory if it is not there.
    #[command(after_help = "Example:\n  headwater object add files --max-bytes 10GB --dir data")]
    Add(Add),
    /// Lists the object stores, or the objects of one.
    #[command(
        after_help = "Examples:\n  headwater object ls --dir data\n  headwater object ls files --dir data --json"
    )]
    Ls(List),
    /// Shows what an object store holds, or what is known of an object.
    #[command(after_help = "Example:\n  headwater object info files report.pdf --dir data")]
    Info(Info),
    /// Puts a file as an object, in place of the one that had the name.
    #[command(after_help = "Examples:
  headwater object put files report.pdf --dir data
  headwater object put files - --name src.tar --dir data < src.tar

An object store that is not there is made; use 'object add' first to choose its limits. A put that is broken off, \
as Ctrl-C does, leaves the object before it.")]
    Put(Put),
    /// Gets an object, checking its digest.
    #[command(after_help = "Examples:
  headwater object get files report.pdf --output report.pdf --dir data
  headwater object get files src.tar --dir data > src.tar")]
    Get(Get),
    /// Gives an object another name.
    #[command(after_help = "Example:\n  headwater object mv files report.pdf 2026/report.pdf --dir data")]
    Mv(Move),
    /// Makes a link to an object, or to an object store as a whole.
    #[command(after_help = "Example:\n  headwater object link files latest.pdf archive report.pdf --dir data")]
    Link(Link),
    /// Deletes an object, or removes an object store with everything in it.
    #[command(after_help = "Examples:
  headwater object rm files report.pdf --dir data
  headwater object rm files --all --dir data")]
    Rm(Remove),
}

#[derive(Args)]
pub(crate) struct Add {
    /// The object store: letters, digits, '-' and '_'.
    store: String,
    /// For people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// Objects put longer ago than this go; 0 is never.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0")]
    ttl: Duration,
    /// The most bytes; 0 is no limit.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "0")]
    max_bytes: u64,
    /// What an acknowledgement promises.
    #[arg(long, default_value = "fsync")]
    durability: DurabilityName,
    /// How sealed segments are stored.
    #[arg(long, default_value = "none")]
    compression: CompressionName,
}

#[derive(Args)]
pub(crate) struct List {
    /// The object store; all of them are listed when not given.
    store: Option<String>,
}

#[derive(Args)]
pub(crate) struct Info {
    /// The object store.
    store: String,
    /// The object.
    name: Option<String>,
}

#[derive(Args)]
pub(crate) struct Put {
    /// The object store.
    store: String,
    /// The file; '-' is standard input.
    file: PathBuf,
    /// The name of the object [default: the file's, without its directories].
    #[arg(long)]
    name: Option<String>,
    /// For people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// A header; may be given several times.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = parse_pair)]
    headers: Vec<(String, String)>,
    /// Something that you say of it; may be given several times.
    #[arg(long = "meta", value_name = "NAME=VALUE", value_parser = parse_pair)]
    metadata: Vec<(String, String)>,
    /// The most bytes of a chunk.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "128KiB")]
    max_chunk_size: u64,
}

#[derive(Args)]
pub(crate) struct Get {
    /// The object store.
    store: String,
    /// The object; a link is followed.
    name: String,
    /// The file to write; standard output when not given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Move {
    /// The object store.
    store: String,
    /// The object.
    name: String,
    /// Its new name, which no object has.
    to: String,
}

#[derive(Args)]
pub(crate) struct Link {
    /// The object store.
    store: String,
    /// The name of the link.
    name: String,
    /// The object store that it leads to.
    bucket: String,
    /// The object that it leads to; the store as a whole when not given.
    target: Option<String>,
}

#[derive(Args)]
pub(crate) struct Remove {
    /// The object store.
    store: String,
    /// The object.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// The object store with everything in it.
    #[arg(long)]
    all: bool,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Add(add) => add.run(place),
            Verb::Ls(list) => list.run(place),
            Verb::Info(info) => info.run(place),
            Verb::Put(put) => put.run(place),
            Verb::Get(get) => get.run(place),
            Verb::Mv(mv) => mv.run(place),
            Verb::Link(link) => link.run(place),
            Verb::Rm(remove) => remove.run(place),
        }
    }
}

impl Add {
    fn run(self, place: &Place) -> Done {
        let config = ObjectConfig {
            bucket: self.store,
            description: self.description,
            ttl: self.ttl,
            max_bytes: self.max_bytes,
            durability: self.durability.level(),
            compression: self.compression.kind(),
        };
        let name = config.bucket.clone();
        place.make(|engine| Ok(engine.create_object_store(config).map(drop).wait()?))?;
        let mut out = place.output();
        out.either(&serde_json::json!({ "store": name }), || format!("object store {name} is there"))?;
        out.flush()
    }
}

impl Move {
    fn run(self, place: &Place) -> Done {
        let update = ObjectUpdate { name: Some(self.to), ..ObjectUpdate::default() };
        let info = place
            .change(|engine| Ok(engine.object_store(&self.store).wait()?.update(&self.name, &update).wait()?))?;
        show::answer(place, &info, || format!("{} is {} now", self.name, info.name))
    }
}

impl Link {
    fn run(self, place: &Place) -> Done {
        let to = ObjectLink { bucket: self.bucket, name: self.target };
        let info =
            place.change(|engine| Ok(engine.object_store(&self.store).wait()?.add_link(&self.name, &to).wait()?))?;
        show::answer(place, &info, || format!("{} is a link", self.name))
    }
}

impl Remove {
    fn run(self, place: &Place) -> Done {
        let mut out = place.output();
        let store = &self.store;
        let Some(name) = &self.name else {
            place.change(|engine| Ok(engine.delete_object_store(store).wait()?))?;
            let object = serde_json::json!({ "store": store, "removed": true });
            out.either(&object, || format!("object store {store} is removed"))?;
            return out.flush();
        };
        place.change(|engine| Ok(engine.object_store(store).wait()?.delete(name).wait()?))?;
        let object = serde_json::json!({ "store": store, "name": name, "deleted": true });
        out.either(&object, || format!("object {name} is deleted"))?;
        out.flush()
    }
}
