//! A bank whose accounts are live entities, kept as events, on three nodes: money is moved while one node goes without
//! a word, no money is lost or made, and an account is looked at as it was before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headwater::entities::{
    ClusterConfig, Context, Entities, EntitiesConfig, Entity, EntityId, EntityTypes, Message, RequestOptions,
};
use headwater::events::{
    AggregateId, AsOf, EventStore, EventsConfig, Expected, LoadOptions, Loaded, NewEvent, Position, SaveOptions,
};
use headwater::{Engine, Error, ErrorKind, Result};

const ACCOUNTS: u64 = 10;
const TRANSFERS: u64 = 200;
const CALLERS: u64 = 4;
const TIMEOUT: Duration = Duration::from_secs(30);

/// An account, whose state is what its events say.
struct Account {
    store: EventStore,
    position: Position,
    balance: u64,
}

impl Entity for Account {
    const KIND: &'static str = "account";

    async fn start(context: &Context) -> Result<Self> {
        let store = context.entities().engine().event_store(EventsConfig::NAME).await?;
        let loaded = store.load(AggregateId::new("account", context.key()), &LoadOptions::default()).await?;
        Ok(Account { store, position: loaded.position, balance: balance(&loaded) })
    }

    /// Takes `deposit` and `withdraw`, with the id of the command and an amount. Who asks twice means the same.
    async fn handle(&mut self, message: Message<'_>, context: &Context) -> Result<Vec<u8>> {
        let id = AggregateId::new("account", context.key());
        let text = String::from_utf8_lossy(message.payload);
        let (command, amount) = text.split_once(' ').ok_or_else(|| invalid("a command has an id and an amount"))?;
        if self.store.find_command(id, command).await?.is_none() {
            let sum: u64 = amount.parse().map_err(|_| invalid("an amount is a number"))?;
            let left =
                if message.name == "withdraw" { self.balance.checked_sub(sum) } else { Some(self.balance + sum) };
            let left = left.ok_or_else(|| Error::new(ErrorKind::Conflict, "there is not enough in the account"))?;
            let event = [NewEvent::new(message.name, amount.as_bytes())];
            let options = SaveOptions { command, ..SaveOptions::default() };
            match self.store.save(id, Expected::At(self.position), &event, &options).await {
                Ok(saved) => (self.position, self.balance) = (saved.position, left),
                // Another node wrote it: what is known here is old, so this handler is to be begun anew.
                Err(error) => panic!("{error}"),
            }
        }
        Ok(self.balance.to_string().into_bytes())
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

fn balance(loaded: &Loaded) -> u64 {
    loaded.events().fold(0, |sum, event| {
        let amount: u64 = String::from_utf8_lossy(event.data()).parse().unwrap_or(0);
        if event.event_type == "withdraw" { sum.saturating_sub(amount) } else { sum + amount }
    })
}

fn main() -> Result<()> {
    let engine = Engine::temporary()?;
    let store = engine.create_event_store(EventsConfig::default()).wait()?;
    let nodes = ["north", "east", "west"].map(|name| start_node(&engine, name));
    let [north, east, west] = nodes;
    let (north, east, west) = (north?, east?, west?);
    until_placed(&north)?;
    for account in 0..ACCOUNTS {
        ask(&north, account, "deposit", &format!("open-{account} 100"))?;
    }
    let before = now();

    let moved = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (bank, moved) = (if caller % 2 == 0 { north.clone() } else { west.clone() }, Arc::clone(&moved));
            std::thread::spawn(move || move_money(&bank, caller, &moved))
        })
        .collect();
    while moved.load(Ordering::Relaxed) < TRANSFERS / 4 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // It gives nothing back and says nothing: the others find out by themselves, and take its accounts.
    east.close();
    println!("node east is gone");
    for caller in callers {
        caller.join().map_err(|_| Error::new(ErrorKind::Internal, "a caller broke"))??;
    }

    let mut sum = 0;
    for account in 0..ACCOUNTS {
        let key = format!("acc-{account}");
        sum += balance(&store.load(AggregateId::new("account", &key), &LoadOptions::default()).wait()?);
    }
    println!("{TRANSFERS} transfers, {sum} in the bank");
    assert_eq!(sum, ACCOUNTS * 100);
    let as_of = LoadOptions { as_of: AsOf::Time(before), ..LoadOptions::default() };
    let then = store.load(AggregateId::new("account", "acc-3"), &as_of).wait()?;
    println!("acc-3 had {} before, by {} event", balance(&then), then.position.version);
    assert_eq!((balance(&then), then.position.version), (100, 1));
    north.close();
    west.close();
    engine.close()
}

/// A node of the bank. Programs would each have one, on an engine that is connected to a hub or opened through the
/// process that has the directory.
fn start_node(engine: &Engine, name: &str) -> Result<Entities> {
    let cluster = ClusterConfig { ttl: Duration::from_secs(1), ..ClusterConfig::new("bank", name) };
    let config = EntitiesConfig { cluster: Some(cluster), ..EntitiesConfig::default() };
    let entities = engine.entities(config).wait()?;
    let server = entities.serve(EntityTypes::new().with::<Account>());
    std::thread::spawn(move || server.run().wait());
    Ok(entities)
}

fn until_placed(node: &Entities) -> Result<()> {
    let begun = Instant::now();
    while node.nodes().iter().filter(|it| it.shards > 0).count() < 3 {
        if begun.elapsed() > TIMEOUT {
            return Err(Error::new(ErrorKind::Timeout, "the nodes do not share the shards"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// Asks until there is an answer: the same command again is the same one.
fn ask(bank: &Entities, account: u64, what: &str, payload: &str) -> Result<()> {
    let key = format!("acc-{account}");
    let options = RequestOptions { timeout: Duration::from_secs(2), ..RequestOptions::default() };
    let begun = Instant::now();
    loop {
        match bank.request(EntityId::new("account", &key), what, payload.as_bytes(), options).wait() {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Conflict || begun.elapsed() > TIMEOUT => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn move_money(bank: &Entities, caller: u64, moved: &AtomicU64) -> Result<()> {
    for number in (caller..TRANSFERS).step_by(CALLERS as usize) {
        let (from, to) = (number % ACCOUNTS, (number * 3 + 1) % ACCOUNTS);
        ask(bank, from, "withdraw", &format!("out-{number} 1"))?;
        ask(bank, to, "deposit", &format!("in-{number} 1"))?;
        moved.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
