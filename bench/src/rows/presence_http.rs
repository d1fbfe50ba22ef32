//! Presence over HTTP on loopback, with the client on the same cores: users looked up beside axum, which answers with a
//! constant of the same length; what the log takes of a write; a hundred users at once beside one by one; and how long
//! an answer takes at 10,000 requests a second that come whether or not those before are answered.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use headwater::presence::{Presence, PresenceConfig, SessionSet};
use headwater::{AccessToken, AuthConfig, Config, Engine, HttpConfig, HttpServer};
use serde_json::Value;

use super::Row;
use crate::Outcome;
use crate::context::{Context, Samples, Side};
use crate::peers::http::{Caller, Constant, get_of, load, request_of};
use crate::report::{Goal, Line, Unit, median, per_second};

/// The row.
pub(crate) const ROW: Row = Row {
    name: "presence_http",
    about: "users over HTTP: axum with a constant; the log; a batch; p99 at 10,000/s",
    run,
};

const USERS: u64 = 10_000;
const GETS: u64 = 200_000;
const PUTS: u64 = 100_000;
/// Users of one batch.
const BATCH: u64 = 100;
/// Requests of the even load, and how many come a second.
const EVEN: u64 = 50_000;
const EVEN_RATE: u64 = 10_000;
/// Connections over which they come: each has one every 3.2 ms.
const EVEN_CALLERS: u64 = 32;
/// What the service answered a second that this one is in the place of.
const BEFORE: f64 = 10_000.0;
/// More than one user takes of an answer.
const END_BYTES: usize = 1_000;
const SECRET: &str = "a secret of thirty-two bytes, or more";

/// A node and its door.
struct Site {
    engine: Engine,
    presence: Presence,
    server: HttpServer,
    token: String,
}

impl Site {
    fn start(context: &mut Context) -> Outcome<Site> {
        let engine = Engine::open(context.fresh("node"))?;
        let presence = engine.presence(PresenceConfig::default())?;
        let auth = AuthConfig { jwt_secret: Some(SECRET.to_owned()), ..AuthConfig::default() };
        let config = Config {
            presence: Some(PresenceConfig::default()),
            auth: Some(auth),
            // One address asks for all.
            http: HttpConfig { rate: 0, ..HttpConfig::default() },
            ..Config::default()
        };
        let server = HttpServer::start(&engine, &config)?;
        for number in 0..USERS {
            let set = SessionSet { message: Some("in a meeting".to_owned()), ..SessionSet::default() };
            presence.set("default", &name(number), set).wait()?;
        }
        let scope = Some("presence:admin".to_owned());
        let token =
            AccessToken { subject: "bench".into(), scope, ttl: Duration::from_secs(3_600), ..AccessToken::default() };
        Ok(Site { engine, presence, server, token: token.sign(SECRET)? })
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Writes one user after the other, each with the message that its write has.
    fn put(&self, count: u64, message: &(impl Fn(u64) -> String + Sync)) -> Outcome<f64> {
        let put = |number| {
            let body = format!(r#"{{"status":"busy","message":"{}","ttl":600}}"#, message(number));
            request_of("PUT", &path(number), Some(&self.token), &body)
        };
        let is_right = |number, body: &[u8]| has(body, &name(number)) && has(body, &message(number));
        load(self.address(), count, &put, &is_right)
    }

    /// The position of the last change.
    fn position(&self) -> Outcome<u64> {
        Ok(self.presence.status().wait()?.position)
    }
}

fn name(number: u64) -> String {
    format!("user{:06}", number.wrapping_mul(2_654_435_761) % USERS)
}

fn path(number: u64) -> String {
    format!("/api/v2/presence/{}", name(number))
}

/// Whether a text is in a body: what costs the client little.
fn has(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The user of an answer, under its name.
fn user_of(number: u64, body: &[u8]) -> Option<Value> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let user = answer["data"].as_object_mut()?.remove(&name(number))?;
    (user["user_id"] == name(number)).then_some(user)
}

fn run(context: &mut Context) -> Outcome<Vec<Line>> {
    let site = Site::start(context)?;
    let example = String::from_utf8(Caller::connect(site.address())?.ask(&get_of(&path(0)))?.to_vec())?;
    user_of(0, example.as_bytes()).ok_or_else(|| format!("the first answer: {example}"))?;
    let constant = Constant::start(example.clone())?;
    let (gets, puts) = (context.scaled(GETS), context.scaled(PUTS));
    let ask = |number| get_of(&path(number));
    // A constant can't be looked into further, so both are looked at alike.
    let is_like = |_, body: &[u8]| body.len().abs_diff(example.len()) < 8 && body.starts_with(&example.as_bytes()[..8]);
    let [ours, axum] = context.interleave([
        Side::new("Headwater, GET", |_| load(site.address(), gets, &ask, &is_like)),
        Side::new("axum, GET", |_| load(constant.address, gets, &ask, &is_like)),
    ])?;
    drop(constant);
    let same = |_| "in a meeting".to_owned();
    let [logged, unlogged] = context.interleave([
        Side::new("Headwater, PUT, logged", |_| {
            site.put(USERS, &same)?;
            let before = site.position()?;
            let figure = site.put(puts, &|number| format!("meeting {number:04}"))?;
            let changed = site.position()? - before;
            if changed == puts {
                Ok(figure)
            } else {
                Err(format!("{changed} of {puts} writes changed something").into())
            }
        }),
        Side::new("Headwater, PUT, a sign of life", |_| {
            site.put(2 * USERS, &same)?;
            let before = site.position()?;
            let figure = site.put(puts, &same)?;
            if site.position()? == before { Ok(figure) } else { Err("a sign of life changed something".into()) }
        }),
    ])?;
    let [batched, singly] = context.interleave([
        Side::new("Headwater, batches", |_| Ok(batches(&site, gets / BATCH)? * BATCH as f64)),
        Side::new("Headwater, GET", |_| load(site.address(), gets, &ask, &is_like)),
    ])?;
    let mut slow = Samples::new();
    for round in 0..context.rounds {
        context.progress(&format!("round {}/{}: {EVEN_RATE} requests a second", round + 1, context.rounds));
        slow.push(even(site.address(), context.scaled(EVEN))?);
    }
    let times: Samples = ours.iter().map(|rate| rate / BEFORE).collect();
    site.server.stop();
    site.engine.close()?;
    let second =
        Line::figure(ROW.name, "HTTP GET, 2 cores shared with the client", times, Unit::Times, Goal::AtLeast(5.0));
    Ok(vec![
        Line::ratio(ROW.name, "HTTP GET, 2 cores shared with the client", "axum, a constant", [&ours, &axum], 0.7),
        second.beside("10,000 a second", per_second(median(&ours)), per_second(BEFORE)),
        Line::ratio(ROW.name, "HTTP PUT with a token, logged", "a sign of life, not logged", [&logged, &unlogged], 0.6),
        Line::ratio(ROW.name, "users of a batch of 100", "one by one", [&batched, &singly], 12.0),
        Line::figure(ROW.name, "HTTP GET at 10,000 a second, p99", slow, Unit::Seconds, Goal::AtMost(0.002)),
    ])
}

/// Batches a second.
fn batches(site: &Site, count: u64) -> Outcome<f64> {
    let asked = |number: u64| (number * BATCH..(number + 1) * BATCH).map(name).collect::<Vec<_>>();
    let batches = (0..USERS / BATCH).map(|number| {
        let body = serde_json::json!({ "user_ids": asked(number) }).to_string();
        let last = asked(number).into_iter().max().unwrap_or_default();
        (request_of("POST", "/api/v2/presence/batch", None, &body), last)
    });
    let batches: Vec<_> = batches.collect();
    let of = |number: u64| &batches[number as usize % batches.len()];
    let ask = |number| of(number).0.clone();
    // As cheaply as a single answer is looked at: the end has the last by name.
    let is_right = |number, body: &[u8]| {
        let end = body.len().saturating_sub(END_BYTES);
        body.len() > 100 * BATCH as usize && has(&body[end..], &of(number).1)
    };
    load(site.address(), count, &ask, &is_right)
}

/// Requests at even times whatever becomes of those before; the time of the slowest in a hundred, in seconds, from when
/// each was due.
fn even(address: SocketAddr, count: u64) -> Outcome<f64> {
    let each = count / EVEN_CALLERS;
    let apart = Duration::from_nanos(1_000_000_000 / EVEN_RATE);
    let begun = Instant::now() + Duration::from_millis(100);
    let work = |caller: u64| -> Outcome<Vec<f64>> {
        let mut connection = Caller::connect(address)?;
        let mut took = Vec::new();
        for turn in 0..each {
            let number = turn * EVEN_CALLERS + caller;
            let due = begun + apart * number as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let body = connection.ask(&get_of(&path(number)))?;
            took.push(due.elapsed().as_secs_f64());
            user_of(number, body).ok_or("another user than was asked for")?;
        }
        Ok(took)
    };
    let mut took = thread::scope(|scope| {
        let callers =
            (0..EVEN_CALLERS).map(|caller| scope.spawn(move || work(caller).map_err(|error| error.to_string())));
        let callers: Vec<_> = callers.collect();
        let mut took = Vec::new();
        for caller in callers {
            took.extend(caller.join().map_err(|_| "a client panicked")??);
        }
        Outcome::Ok(took)
    })?;
    took.sort_by(f64::total_cmp);
    Ok(took[took.len() * 99 / 100])
}
