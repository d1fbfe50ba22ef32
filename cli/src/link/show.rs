//! Links as they are configured, and where they stand.

use headwater::{LinkConfig, LinkStatus};
use serde::Serialize;

use super::{File, node};
use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::serve::load;
use crate::units::show_count;

#[derive(Serialize)]
struct ConfigLine<'a> {
    name: &'a str,
    stream: &'a str,
    hub_stream: &'a str,
    direction: &'static str,
    filters: &'a [String],
    exclusive: bool,
    create: bool,
}

#[derive(Serialize)]
struct StatusLine<'a> {
    name: &'a str,
    stream: &'a str,
    hub_stream: &'a str,
    direction: &'static str,
    state: &'static str,
    pushed: u64,
    pulled: u64,
    lag_records: u64,
    lag_push: u64,
    lag_pull: u64,
    pushed_seq: u64,
    pulled_seq: u64,
    known: u64,
    missed: u64,
    skipped: u64,
    resets: u64,
    failures: u64,
    last_error: Option<&'a str>,
}

impl<'a> StatusLine<'a> {
    fn of(status: &'a LinkStatus) -> Self {
        StatusLine {
            name: &status.name,
            stream: &status.stream,
            hub_stream: &status.remote,
            direction: status.direction.name(),
            state: status.state.name(),
            pushed: status.pushed,
            pulled: status.pulled,
            lag_records: status.lag_push + status.lag_pull,
            lag_push: status.lag_push,
            lag_pull: status.lag_pull,
            pushed_seq: status.pushed_seq,
            pulled_seq: status.pulled_seq,
            known: status.known,
            missed: status.missed,
            skipped: status.skipped,
            resets: status.resets,
            failures: status.failures,
            last_error: status.last_error.as_deref(),
        }
    }

    fn row(&self) -> [String; 8] {
        [
            self.name.to_owned(),
            format!("{} {} {}", self.stream, arrow(self.direction), self.hub_stream),
            self.state.to_owned(),
            show_count(self.pushed),
            show_count(self.pulled),
            show_count(self.lag_records),
            show_count(self.missed),
            self.last_error.unwrap_or_default().to_owned(),
        ]
    }
}

fn arrow(direction: &str) -> &'static str {
    match direction {
        "push" => "->",
        "pull" => "<-",
        _ => "<->",
    }
}

impl File {
    fn links(&self, place: &Place) -> Done<Vec<LinkConfig>> {
        let path = self.path(place)?;
        if self.config.is_none() && !path.exists() {
            // A directory without a configuration has no links; what is no directory is not found.
            place.reader()?;
            return Ok(Vec::new());
        }
        Ok(load(&path)?.links)
    }

    pub(super) fn list(self, place: &Place) -> Done {
        refuse_hub(place)?;
        let links = self.links(place)?;
        let mut out = place.output();
        if out.is_json() {
            for link in &links {
                let line = ConfigLine {
                    name: &link.name,
                    stream: &link.stream,
                    hub_stream: &link.remote,
                    direction: link.direction.name(),
                    filters: &link.filters,
                    exclusive: link.exclusive,
                    create: link.create.is_some(),
                };
                out.either(&line, String::new)?;
            }
        } else {
            let row = |link: &LinkConfig| {
                let way = link.direction.name().to_owned();
                [link.name.clone(), link.stream.clone(), link.remote.clone(), way, link.filters.join(" ")]
            };
            let rows: Vec<[String; 5]> = links.iter().map(row).collect();
            out.table(["LINK", "STREAM", "HUB STREAM", "DIRECTION", "FILTERS"], &rows)?;
        }
        out.flush()
    }

    pub(super) fn status(self, place: &Place) -> Done {
        refuse_hub(place)?;
        let all = if let Some(node) = node(place)? {
            node.links()?
        } else {
            let links = self.links(place)?;
            let engine = place.reader()?;
            let at_rest = links.iter().map(|link| engine.link_at_rest(link));
            at_rest.collect::<headwater::Result<_>>()?
        };
        let mut out = place.output();
        if out.is_json() {
            for status in &all {
                out.either(&StatusLine::of(status), String::new)?;
            }
        } else {
            let rows: Vec<[String; 8]> = all.iter().map(|status| StatusLine::of(status).row()).collect();
            out.table(["LINK", "STREAMS", "STATE", "PUSHED", "PULLED", "LAG", "MISSED", "LAST ERROR"], &rows)?;
        }
        out.flush()
    }
}

fn refuse_hub(place: &Place) -> Done {
    match place.hub {
        Some(_) => Err(Failure::usage("--hub: links are a directory's; give --dir")),
        None => Ok(()),
    }
}
