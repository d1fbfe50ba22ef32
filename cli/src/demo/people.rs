//! The seventh chapter: who is here, at a centre and two leaves. People come and go with phones and laptops, one leaf
//! is cut off meanwhile, and back again all three say the same.

use std::path::Path;
use std::time::{Duration, Instant};

use headwater::presence::{Counts, Presence, PresenceConfig, SessionSet, Status, UserView};
use headwater::{Engine, LinkConfig, Pending, StreamConfig};

use super::stage::{Paint, Stage};
use super::until;
use crate::failure::{Done, Failure};

const SPACE: &str = "office";
const LINK: &str = "presence";
const STREAM: &str = "PRESENCE_presence";
/// Who may come, each with a phone that is heard in the north and a laptop in the south.
const PEOPLE: usize = 1_000;
const DEVICES: [&str; 2] = ["phone", "laptop"];
/// How long a picture stands, how many each scene has, and what happens before each.
const FRAME: Duration = Duration::from_millis(100);
const FRAMES: usize = 18;
const STEPS: usize = 120;
/// The columns of a bar in which everybody is here.
const WIDTH: usize = 36;

struct Site {
    name: &'static str,
    engine: Engine,
    presence: Presence,
}

/// Everybody's devices, and chance.
struct People {
    is_here: Vec<bool>,
    chance: u64,
}

/// Runs the nodes in `dir`; how many sessions came and went.
pub(super) fn chapter(stage: &mut Stage, dir: &Path) -> Done<u64> {
    stage.chapter(7, "Who is here: a centre, two leaves, a thousand people")?;
    stage.command("presence watch --space office")?;
    let centre = open(dir, "centre")?;
    let leaves = [open(dir, "north")?, open(dir, "south")?];
    leaves.iter().try_for_each(|leaf| link(leaf, &centre.engine))?;
    let sites = [centre, leaves[0].clone(), leaves[1].clone()];
    let mut people = People { is_here: vec![false; PEOPLE * DEVICES.len()], chance: 7 };
    caption(stage, "phones are heard in the north, laptops in the south; all see everybody")?;
    scene(stage, &sites, &leaves, &mut people)?;

    leaves[1].engine.remove_link(LINK)?;
    caption(stage, "the south is cut off: each side goes on, and says of whom it hears nothing")?;
    scene(stage, &sites, &leaves, &mut people)?;

    let begun = Instant::now();
    link(&leaves[1], &sites[0].engine)?;
    until("all to say the same", || equal(&sites))?;
    let healed =
        format!("the south is back: all say the same of everybody {:.1} s later", begun.elapsed().as_secs_f64());
    caption(stage, &healed)?;
    scene(stage, &sites, &leaves, &mut people)?;
    until("all to say the same", || equal(&sites))?;
    sites.iter().try_for_each(|site| site.engine.close().map_err(Failure::from))?;
    Ok((FRAMES * STEPS * 3) as u64)
}

impl Clone for Site {
    fn clone(&self) -> Self {
        Site { name: self.name, engine: self.engine.clone(), presence: self.presence.clone() }
    }
}

fn open(dir: &Path, name: &'static str) -> Done<Site> {
    let engine = Engine::open(dir.join(name))?;
    let subjects = ["$PRESENCE.presence.>".to_owned(), format!("$HW.{STREAM}.>")];
    let config = StreamConfig { max_msgs_per_subject: 1, ..StreamConfig::new(STREAM, subjects) };
    engine.create_stream(StreamConfig { durability: headwater::Durability::Interval, ..config }).wait()?;
    // So short that the tour need not wait for it.
    let presence = engine.presence(PresenceConfig {
        beat: Duration::from_millis(200),
        silence: Duration::from_millis(700),
        grace: Duration::from_secs(20),
        ..PresenceConfig::default()
    })?;
    Ok(Site { name, engine, presence })
}

fn link(leaf: &Site, centre: &Engine) -> Done {
    leaf.engine.add_link(LinkConfig::new(LINK, STREAM, STREAM), centre).wait()?;
    Ok(())
}

impl People {
    /// A number below `of`.
    fn pick(&mut self, of: usize) -> usize {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) as usize % of
    }

    /// Somebody comes, goes, or does something else, at one of the leaves.
    fn step(&mut self, leaves: &[Site; 2]) -> Pending<std::sync::Arc<UserView>> {
        let number = self.pick(self.is_here.len());
        let (person, device) = (number % PEOPLE, number / PEOPLE);
        let user = format!("user-{person:03}");
        let goes = self.is_here[number] && self.pick(3) == 0;
        self.is_here[number] = !goes;
        if goes {
            return leaves[device].presence.leave(SPACE, &user, DEVICES[device]);
        }
        let status = match self.pick(10) {
            0 => Status::Busy,
            1..=3 => Status::Away,
            _ => Status::Online,
        };
        let session = SessionSet { session: DEVICES[device].to_owned(), status, ..SessionSet::default() };
        leaves[device].presence.set(SPACE, &user, session)
    }
}

/// Draws who is here while people come and go.
fn scene(stage: &mut Stage, sites: &[Site; 3], leaves: &[Site; 2], people: &mut People) -> Done {
    for frame in 0..FRAMES {
        let begun = Instant::now();
        let steps: Vec<_> = (0..STEPS).map(|_| people.step(leaves)).collect();
        for step in steps {
            step.wait()?;
        }
        std::thread::sleep(FRAME.saturating_sub(begun.elapsed()));
        let rows = sites.iter().map(|site| row(stage, site)).collect::<Done<Vec<_>>>()?;
        stage.picture(&rows, frame > 0, frame + 1 == FRAMES)?;
    }
    Ok(())
}

/// How one site sees them: a bar, and the numbers.
fn row(stage: &Stage, site: &Site) -> Done<String> {
    let counts: Counts = site.presence.counts(SPACE).wait()?;
    let parts = [
        (counts.busy, Paint::Hot, "█"),
        (counts.online, Paint::Good, "█"),
        (counts.away, Paint::Warm, "▓"),
        (counts.unknown, Paint::Dim, "░"),
    ];
    let (mut bar, mut sum, mut drawn) = (String::new(), 0, 0);
    for (count, paint, mark) in parts {
        sum += count as usize;
        let until = (sum * WIDTH).div_ceil(PEOPLE);
        bar.push_str(&stage.paint(paint, &mark.repeat(until - drawn)));
        drawn = until;
    }
    let numbers = format!("{:>4} here {:>3} busy {:>3} unknown", counts.users, counts.busy, counts.unknown);
    let name = stage.paint(Paint::Accent, &format!("{:<7}", site.name));
    Ok(format!("{name}{bar}{} {numbers}", " ".repeat(WIDTH - drawn)))
}

/// Whether all hear each other, and say the same of everybody.
fn equal(sites: &[Site; 3]) -> Done<bool> {
    let mut told = Vec::new();
    for site in sites {
        let reading = site.presence.list(SPACE).wait()?;
        let users: Vec<_> = reading.users.iter().map(|user| (user.user.clone(), user.status)).collect();
        let unknown = users.iter().any(|(_, status)| *status == Status::Unknown);
        told.push((users, reading.stale || unknown));
    }
    Ok(told.windows(2).all(|pair| pair[0] == pair[1]) && told.iter().all(|(_, is_stale)| !is_stale))
}

fn caption(stage: &mut Stage, text: &str) -> Done {
    let text = stage.paint(Paint::Dim, text);
    stage.say(&text)
}
