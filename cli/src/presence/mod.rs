//! `headwater presence`: who is here. A node that runs in the directory keeps deadlines and tells of them; without one,
//! each verb does its part and ends. With `--server` a node anywhere is asked over HTTP.

mod remote;
mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use headwater::presence::{Presence, PresenceConfig, Purge, SessionSet, Status, WatchOptions};
use headwater::{Config, Engine};
use serde_json::{Value, json};

use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::serve::load;
use remote::{OverHttp, Remote, named};

/// The store where none is named.
const STORE: &str = "presence";

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Sets a session of a user, which lives until its time to live passed without a sign of life.
    #[command(after_help = "Examples:
  headwater presence set alice busy --message 'in a call' --ttl 60 --dir data
  headwater presence set alice online --space office --session phone --dir data
  headwater presence set alice busy --server http://127.0.0.1:8080 --token \"$T\"

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
  headwater presence watch alice bob --space office --server http://127.0.0.1:8080")]
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
    #[arg(long, value_name = "NAME", default_value = STORE)]
    store: String,
    #[command(flatten)]
    over_http: OverHttp,
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
            Verb::Get(get) => {
                let (space, users) = (&get.space.space, &get.users);
                let told = get.space.store.ask(
                    place,
                    |presence| {
                        let users: Vec<_> = users.iter().map(String::as_str).collect();
                        Ok(presence.get_many(space, &users).wait()?.to_json())
                    },
                    |remote| remote.reading(space, users),
                )?;
                show::reading(place, &told)
            }
            Verb::Ls(space) => {
                let local = |presence: &Presence| Ok(presence.list(&space.space).wait()?.to_json());
                let told = space.store.ask(place, local, |remote| remote.list(&space.space))?;
                show::reading(place, &told)
            }
            Verb::Count(space) => {
                let local = |presence: &Presence| Ok(presence.counts(&space.space).wait()?.to_json());
                let path = format!("/api/v2/spaces/{}/counts", named(&space.space));
                let told = space.store.ask(place, local, |remote| remote.ask("GET", &path, None))?;
                show::counts(place, &told)
            }
            Verb::Watch(watch) => watch.run(place),
            Verb::Leave(leave) => {
                let (space, user, session) = (&leave.space.space, &leave.user, &leave.session);
                let path =
                    format!("/api/v2/presence/{}?space={}&session={}", named(user), named(space), named(session));
                let local = |presence: &Presence| Ok(presence.leave(space, user, session).wait()?.to_json());
                let told = leave.space.store.ask(place, local, |remote| remote.user("DELETE", &path, None, user))?;
                show::user(place, &told)
            }
            Verb::Purge(args) => {
                let body = json!({"space": args.space, "user_id": args.user, "node": args.node});
                let purge = Purge { space: args.space, user: args.user, node: args.node };
                let local = |presence: &Presence| Ok(json!({"ended": presence.purge(purge).wait()?}));
                let told = args.store.ask(place, local, |remote| remote.ask("POST", "/api/v2/purge", Some(&body)))?;
                show::purged(place, &told)
            }
            Verb::Status(store) => {
                let local = |presence: &Presence| Ok(presence.status().wait()?.to_json());
                let told = store.ask(place, local, |remote| remote.ask("GET", "/api/v2/status", None))?;
                show::status(place, &told)
            }
        }
    }
}

impl Watch {
    fn run(self, place: &Place) -> Done {
        if let Some(remote) = self.space.store.remote(place)? {
            return remote.watch(&self.space.space, &self.users, |event| show::event(place, event));
        }
        let options = WatchOptions { space: self.space.space, users: self.users, ..WatchOptions::default() };
        self.space.store.open(place, |presence| show::follow(place, &presence.watch(options)?))
    }
}

impl Store {
    /// What a store tells: that of a node over HTTP, or that of a directory.
    fn ask(
        &self,
        place: &Place,
        local: impl FnOnce(&Presence) -> Done<Value>,
        remote: impl FnOnce(&Remote) -> Done<Value>,
    ) -> Done<Value> {
        match self.remote(place)? {
            Some(node) => remote(&node),
            None => self.open(place, local),
        }
    }

    /// The node that is named; none when a directory or a hub is where to work.
    fn remote(&self, place: &Place) -> Done<Option<Remote>> {
        let remote = self.over_http.remote(place)?;
        if remote.is_some() && self.store != STORE {
            return Err(Failure::usage("--store and --server are given: a node serves the store of its configuration"));
        }
        Ok(remote)
    }

    /// Does `work` on a store, as the node that has it open says or by itself.
    fn open<T>(&self, place: &Place, work: impl FnOnce(&Presence) -> Done<T>) -> Done<T> {
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
        let (space, user) = (self.space.space, self.user);
        let body = || -> Done<Value> {
            let meta = self.meta.as_deref().map(serde_json::from_str::<Value>).transpose();
            let meta = meta.map_err(|e| Failure::usage(format!("a session's metadata is JSON: {e}")))?;
            let mut body = json!({
                "space": space, "session": self.session, "status": self.status, "message": self.message,
                "device": self.device, "metadata": meta, "ttl": self.ttl,
            });
            if let Value::Object(fields) = &mut body {
                fields.retain(|_, value| !value.is_null());
            }
            Ok(body)
        };
        let path = format!("/api/v2/presence/{}", named(&user));
        let local = |presence: &Presence| {
            let set = SessionSet {
                session: self.session.clone(),
                status: self.status,
                message: self.message.clone(),
                device: self.device.clone(),
                meta: self.meta.clone(),
                ttl: self.ttl.map(Duration::from_secs),
                ..SessionSet::default()
            };
            Ok(presence.set(&space, &user, set).wait()?.to_json())
        };
        let told = self.space.store.ask(place, local, |remote| remote.user("PUT", &path, Some(&body()?), &user))?;
        show::user(place, &told)
    }
}
