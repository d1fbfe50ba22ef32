//! The eighth chapter: bank accounts as live entities on three nodes, which are processes of this same binary. One of
//! them is killed while money is moved, and no money is lost or made; and an account is looked at as it was before.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater::entities::{
    ClusterConfig, Context, Entities, EntitiesConfig, Entity, EntityId, EntityTypes, Message, RequestOptions,
};
use headwater::events::{
    AggregateId, AsOf, EventStore, EventsConfig, Expected, LoadOptions, Loaded, NewEvent, Position, SaveOptions,
};
use headwater::{Engine, EngineOptions, Error, ErrorKind, LocalServer, NodeUse};

use super::stage::{Paint, Stage};
use super::{PATIENCE, until};
use crate::failure::{Done, Failure};
use crate::units::show_count;

const CLUSTER: &str = "bank";
const TELLERS: [&str; 3] = ["north", "east", "west"];
const SHARDS: u32 = 60;
const ACCOUNTS: u64 = 24;
/// What each account begins with.
const OPENING: u64 = 1_000;
const TRANSFERS: u64 = 1_200;
/// Transfers that are on their way at once.
const CALLERS: u64 = 8;
/// How long a teller may be silent before the others take its accounts.
const TTL: Duration = Duration::from_secs(1);

fn config(cluster: ClusterConfig) -> EntitiesConfig {
    EntitiesConfig { shards: SHARDS, cluster: Some(ClusterConfig { ttl: TTL, ..cluster }), ..EntitiesConfig::default() }
}

/// An account, whose state is what its events say.
struct Account {
    store: EventStore,
    position: Position,
    balance: u64,
}

impl Entity for Account {
    const KIND: &'static str = "account";

    async fn start(context: &Context) -> headwater::Result<Self> {
        let store = context.entities().engine().event_store(EventsConfig::NAME).await?;
        let loaded = store.load(AggregateId::new(Self::KIND, context.key()), &LoadOptions::default()).await?;
        Ok(Account { store, position: loaded.position, balance: balance(&loaded) })
    }

    async fn handle(&mut self, message: Message<'_>, context: &Context) -> headwater::Result<Vec<u8>> {
        let id = AggregateId::new(Self::KIND, context.key());
        let text = std::str::from_utf8(message.payload).unwrap_or_default();
        // Whoever asks a second time, as no answer came, means the same.
        if let Some((command, amount)) = text.split_once(' ')
            && self.store.find_command(id, command).await?.is_none()
        {
            let sum: u64 = amount.parse().map_err(|_| Error::new(ErrorKind::Invalid, "an amount is a number"))?;
            let left =
                if message.name == "withdraw" { self.balance.checked_sub(sum) } else { Some(self.balance + sum) };
            let left = left.ok_or_else(|| Error::new(ErrorKind::Conflict, "there is not enough in the account"))?;
            let event = [NewEvent::new(message.name, amount.as_bytes())];
            let options = SaveOptions { command, ..SaveOptions::default() };
            match self.store.save(id, Expected::At(self.position), &event, &options).await {
                Ok(saved) => (self.position, self.balance) = (saved.position, left),
                // Another node wrote it, or nobody knows: what is known here is old, and this handler is to go.
                Err(error) => panic!("{error}"),
            }
        }
        Ok(self.balance.to_string().into_bytes())
    }
}

fn balance(loaded: &Loaded) -> u64 {
    loaded.events().fold(0, |sum, event| {
        let amount: u64 = std::str::from_utf8(event.data()).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        if event.event_type == "withdraw" { sum.saturating_sub(amount) } else { sum + amount }
    })
}

/// One of the three: it works until it is killed, or until the tour is over.
pub(super) fn teller(dir: &Path, name: &str) -> Done {
    // How an account that was begun anew broke is no matter for the tour.
    std::panic::set_hook(Box::new(|_| {}));
    let engine = Engine::open_with(dir, EngineOptions { node: NodeUse::Only, ..EngineOptions::default() })?;
    let entities = engine.entities(config(ClusterConfig::new(CLUSTER, name))).wait()?;
    let server = entities.serve(EntityTypes::new().with::<Account>());
    println!("ready");
    std::thread::spawn(move || {
        // The end of its input is the end of whoever started it.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        entities.close();
    });
    Ok(server.run().wait()?)
}

struct Teller(Child);

impl Teller {
    fn start(dir: &Path, name: &str) -> Done<Self> {
        let binary = std::env::current_exe().map_err(|e| Failure::io("finding this program", &e))?;
        let mut child = Command::new(binary)
            .args(["demo", "--teller", name, "--dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| Failure::io("starting a teller", &e))?;
        let mut line = String::new();
        let output = child.stdout.take().map(BufReader::new);
        let said = output.map_or(Ok(0), |mut output| output.read_line(&mut line));
        said.map_err(|e| Failure::io("waiting for a teller", &e))?;
        if line.trim() != "ready" {
            return Err(Failure::new(ErrorKind::Internal, format!("teller {name} did not come up")));
        }
        Ok(Teller(child))
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Moves money in `dir`, and answers how many transfers there were.
pub(super) fn chapter(stage: &mut Stage, dir: &Path) -> Done<u64> {
    stage.chapter(8, "A bank on three nodes, and one of them is killed")?;
    let owner = Engine::open(dir)?;
    let store = owner.create_event_store(EventsConfig::default()).wait()?;
    let node = LocalServer::start(&owner)?;
    let mut tellers =
        TELLERS.iter().map(|name| Teller::start(dir, name).map(|it| (*name, it))).collect::<Done<Vec<_>>>()?;
    let bank = owner.entities(config(ClusterConfig::client(CLUSTER))).wait()?;
    until("the nodes to share the shards", || {
        let nodes = bank.nodes();
        let is_shared = nodes.iter().filter(|node| node.shards >= SHARDS as usize / 6).count() == TELLERS.len();
        Ok(is_shared && nodes.iter().map(|node| node.shards).sum::<usize>() == SHARDS as usize)
    })?;
    for account in 0..ACCOUNTS {
        ask(&bank, account, "deposit", &format!("open-{account} {OPENING}"))?;
    }
    places(stage, &bank, "accounts are live handlers, each on one of three processes")?;
    let (before, begun) = (now(), Instant::now());
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                scope.spawn({
                    let (bank, done) = (&bank, &done);
                    move || move_money(bank, caller, done)
                })
            })
            .collect();
        until("half of the transfers", || Ok(done.load(Ordering::Relaxed) > TRANSFERS / 2))?;
        let (name, teller) = tellers.remove(1);
        drop(teller);
        let line = format!(
            "{} at transfer {}: node {name} is gone, in the middle of its work",
            stage.paint(Paint::Hot, "✗ SIGKILL"),
            show_count(done.load(Ordering::Relaxed))
        );
        stage.say(&line)?;
        callers.into_iter().try_for_each(|caller| {
            caller.join().unwrap_or_else(|_| Err(Failure::new(ErrorKind::Internal, "a caller broke")))
        })
    })?;
    let took = begun.elapsed();
    places(stage, &bank, "the others have its accounts, from their events")?;
    let sum = total(&store)?;
    if sum != ACCOUNTS * OPENING {
        return Err(Failure::new(ErrorKind::Corrupt, format!("{sum} is in the bank, and {} was", ACCOUNTS * OPENING)));
    }
    let proven =
        format!("{} transfers, 1 kill, {} in the bank before and after", show_count(TRANSFERS), show_count(sum));
    let proven = stage.paint(Paint::Good, &format!("✓ {proven}"));
    stage.say(&proven)?;
    look_back(stage, &store, before, took)?;
    bank.close();
    drop(tellers);
    node.stop();
    owner.close()?;
    Ok(TRANSFERS)
}

/// Shows an account as it was, and as it is.
fn look_back(stage: &mut Stage, store: &EventStore, before: u64, took: Duration) -> Done {
    let id = AggregateId::new(Account::KIND, "acc-7");
    let then = store.load(id, &LoadOptions { as_of: AsOf::Time(before), ..LoadOptions::default() }).wait()?;
    let today = store.load(id, &LoadOptions::default()).wait()?;
    stage.question(
        &format!("What had acc-7 {:.0} seconds ago?", took.as_secs_f64()),
        "events load account acc-7 --as-of-time ...",
    )?;
    let line = format!(
        "{} then, by {} event; {} now, by {}",
        show_count(balance(&then)),
        then.position.version,
        show_count(balance(&today)),
        today.position.version
    );
    stage.say(&line)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// Asks until there is an answer: the same command again is the same one.
fn ask(bank: &Entities, account: u64, what: &str, payload: &str) -> Done {
    let key = format!("acc-{account}");
    let begun = Instant::now();
    loop {
        let options = RequestOptions { timeout: Duration::from_secs(2), ..RequestOptions::default() };
        match bank.request(EntityId::new(Account::KIND, &key), what, payload.as_bytes(), options).wait() {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Conflict || begun.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// One caller's part of the transfers.
fn move_money(bank: &Entities, caller: u64, done: &AtomicU64) -> Done {
    for number in (caller..TRANSFERS).step_by(CALLERS as usize) {
        let (from, to) = (number * 7 % ACCOUNTS, (number * 7 + number % (ACCOUNTS - 1) + 1) % ACCOUNTS);
        let amount = number % 5 + 1;
        ask(bank, from, "withdraw", &format!("out-{number} {amount}"))?;
        ask(bank, to, "deposit", &format!("in-{number} {amount}"))?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn total(store: &EventStore) -> Done<u64> {
    (0..ACCOUNTS).try_fold(0, |sum, account| {
        let key = format!("acc-{account}");
        let loaded = store.load(AggregateId::new(Account::KIND, &key), &LoadOptions::default()).wait()?;
        Ok(sum + balance(&loaded))
    })
}

/// Says how many accounts each node has.
fn places(stage: &mut Stage, bank: &Entities, caption: &str) -> Done {
    let caption = stage.paint(Paint::Dim, caption);
    stage.say(&caption)?;
    let list = bank.list(Account::KIND).wait()?;
    for name in TELLERS {
        let count = list.iter().filter(|it| it.node == name).count();
        let name = stage.paint(Paint::Accent, &format!("{name:<5}"));
        stage.say(&format!(
            "  {name}  {}{count:>3} accounts",
            "■".repeat(count) + &" ".repeat(ACCOUNTS as usize - count)
        ))?;
    }
    Ok(())
}
