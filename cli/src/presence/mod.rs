//! `headwater presence`: who is here. A node that runs in the directory keeps deadlines and tells of them; without one,
//! each verb does its part and ends.

mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use headwater::presence::{Presence, PresenceConfig, Purge, SessionSet, Status, WatchOptions};
use headwater::{Config, Engine};

use crate::failure::Done;
use crate::place::Place;
use crate::serve::load;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Sets a session of a user, which lives until its time to live passed without a sign of life.
    #[command(after_help = "Examples:
  headwater presence set alice busy --message 'in a call' --ttl 60 --dir data
  headwater presence set alice online --space office --session phone --dir data

Setting it again is a sign of life; offline ends it.")]
    Set(Set),
    /// Shows users.
    #[command(after_help = "Example:\n  headwater presence get alice bob --dir data --json")]
    Get(Users),
    /// Lists all users of a space who are not offline.
    #[command(after_help = "Example:\n  headwater presence ls --space office --dir data")]
    Ls(Space),
    /// Shows how many are in a space.
    #[command(after_help = "Example:\n  headwater presence count --space office --dir data --json")]
    Count(Space),
    /// Shows who is there, then each change, until it is ended.
    #[command(after_help = "Examples:
  headwater presence watch --dir data --json
  headwater presence watch alice bob --space office --dir data")]
    Watch(Watch),
    /// Ends a session, whichever node answers for it.
    #[command(after_help = "Example:\n  headwater presence leave alice --session phone --dir data")]
    Leave(Leave),
    /// Ends sessions of any node: of a user, a space or a node that is gone for good.
    #[command(after_help = "Examples:
  headwater presence purge --user alice --dir data
  headwater presence purge --node 00f1a2b3c4d5e6f7 --dir data")]
    Purge(PurgeArgs),
    /// Shows how the store and its nodes stand.
    #[command(after_help = "Example:\n  headwater presence status --dir data --json")]
    Status(Store),
}

#[derive(Args)]
pub(crate) struct Store {
    /// The store.
    #[arg(long, value_name = "NAME", default_value = "presence")]
    store: String,
}

#[derive(Args)]
pub(crate) struct Space {
    #[command(flatten)]
    store: Store,
    /// The space.
    #[arg(long, value_name = "SPACE", default_value = "default")]
    space: String,
}

#[derive(Args)]
pub(crate) struct Set {
    /// The user.
    user: String,
    /// online, away, busy or offline.
    status: Status,
    #[command(flatten)]
    space: Space,
    /// The session.
    #[arg(long, value_name = "ID", default_value = "default")]
    session: String,
    /// What it says besides, up to 1,024 bytes.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// The kind of device.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Metadata, up to 4,096 bytes of JSON.
    #[arg(long, value_name = "JSON")]
    meta: Option<String>,
    /// How many seconds it lives after each sign of life, 1 to 86400; the store's own, 75, when not given.
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Users {
    /// The users, 1,000 at the most.
    #[arg(required = true)]
    users: Vec<String>,
    #[command(flatten)]
    space: Space,
}

#[derive(Args)]
pub(crate) struct Watch {
    /// The users; all of the space when none is given.
    users: Vec<String>,
    #[command(flatten)]
    space: Space,
}

#[derive(Args)]
pub(crate) struct Leave {
    /// The user.
    user: String,
    #[command(flatten)]
    space: Space,
    /// The session.
    #[arg(long, value_name = "ID", default_value = "default")]
    session: String,
}

#[derive(Args)]
#[group(required = true, multiple = true, args = ["user", "node", "space"])]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    store: Store,
    /// Of this user.
    #[arg(long)]
    user: Option<String>,
    /// Of this node.
    #[arg(long)]
    node: Option<String>,
    /// Of this space.
    #[arg(long)]
    space: Option<String>,
}

impl Verb {
    pub(crate) fn run(self, place: &Place) -> Done {
        match self {
            Verb::Set(set) => set.run(place),
            Verb::Get(get) => get.space.store.open(place, |presence| {
                let users: Vec<_> = get.users.iter().map(String::as_str).collect();
                show::reading(place, &presence.get_many(&get.space.space, &users).wait()?)
            }),
            Verb::Ls(space) => {
                space.store.open(place, |presence| show::reading(place, &presence.list(&space.space).wait()?))
            }
            Verb::Count(space) => {
                space.store.open(place, |presence| show::counts(place, presence.counts(&space.space).wait()?))
            }
            Verb::Watch(watch) => watch.space.store.open(place, |presence| {
                let (space, users) = (watch.space.space.clone(), watch.users.clone());
                show::follow(place, &presence.watch(WatchOptions { space, users, ..WatchOptions::default() })?)
            }),
            Verb::Leave(leave) => leave.space.store.open(place, |presence| {
                show::user(place, &*presence.leave(&leave.space.space, &leave.user, &leave.session).wait()?)
            }),
            Verb::Purge(args) => {
                let purge = Purge { space: args.space, user: args.user, node: args.node };
                args.store.open(place, |presence| show::purged(place, presence.purge(purge).wait()?))
            }
            Verb::Status(store) => store.open(place, |presence| show::status(place, &presence.status().wait()?)),
        }
    }
}

impl Store {
    /// Does `work` on a store, as the node that has it open says or by itself.
    fn open(&self, place: &Place, work: impl FnOnce(&Presence) -> Done) -> Done {
        place.make(|engine| {
            let presence = engine.presence(self.config(engine)?)?;
            let done = work(&presence);
            presence.close();
            done
        })
    }

    /// What the directory's own configuration says of the store; a node that has it open goes by what that says.
    fn config(&self, engine: &Engine) -> Done<PresenceConfig> {
        let otherwise = PresenceConfig { name: self.store.clone(), ..PresenceConfig::default() };
        let Some(dir) = engine.dir() else { return Ok(otherwise) };
        let file = Config::file_of(dir);
        let said = if file.exists() { load(&file)?.presence } else { None };
        Ok(said.filter(|said| said.name == self.store).unwrap_or(otherwise))
    }
}

impl Set {
    fn run(self, place: &Place) -> Done {
        let set = SessionSet {
            session: self.session,
            status: self.status,
            message: self.message,
            device: self.device,
            meta: self.meta,
            ttl: self.ttl.map(Duration::from_secs),
            ..SessionSet::default()
        };
        let (space, user) = (self.space.space, self.user);
        self.space.store.open(place, |presence| show::user(place, &*presence.set(&space, &user, set).wait()?))
    }
}
