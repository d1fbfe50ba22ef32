//! The nodes of a mesh, one on a line.

use headwater::{Engine, EngineOptions, ErrorKind, Member, MemberStore, MeshStatus, NodeUse};
use serde::Serialize;

use crate::failure::{Done, Failure};
use crate::output::Output;
use crate::place::Place;
use crate::time::show_commit_time;
use crate::units::show_count;

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    engine: String,
    address: &'a str,
    /// Whether it is the node that was asked.
    own: bool,
    state: &'static str,
    since: String,
    connected: bool,
    stores: &'a [MemberStore],
    /// Of the node that was asked: connections that it refused, and packets that were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<u64>,
}

impl<'a> Line<'a> {
    fn of(member: &'a Member, asked: Option<&MeshStatus>) -> Self {
        Line {
            name: &member.name,
            engine: format!("{:016x}", member.engine),
            address: &member.address,
            own: asked.is_some(),
            state: member.state.name(),
            since: show_commit_time(member.since),
            connected: member.connected,
            stores: &member.stores,
            refused: asked.map(|mesh| mesh.refused),
            faults: asked.map(|mesh| mesh.faults),
        }
    }

    fn row(&self) -> [String; 6] {
        let sum = |count: fn(&MemberStore) -> u64| show_count(self.stores.iter().map(count).sum());
        [
            self.name.to_owned(),
            self.address.to_owned(),
            if self.own { "this node".to_owned() } else { self.state.to_owned() },
            self.since.clone(),
            sum(|store| store.behind),
            sum(|store| store.unacked),
        ]
    }
}

pub(super) fn status(place: &Place) -> Done {
    if place.hub.is_some() {
        return Err(Failure::usage("--hub: a mesh has no hub; --dir says which node is asked"));
    }
    let options = EngineOptions { node: NodeUse::Only, create: false, ..EngineOptions::default() };
    let none = || Failure::not_found("no node of a mesh runs there: headwater serve with [mesh] in its file");
    let engine = match Engine::open_with(place.dir()?, options) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(none()),
        opened => opened?,
    };
    let mesh = engine.mesh().wait()?.ok_or_else(none)?;
    let mut out = place.output();
    print(&mut out, &mesh)?;
    out.flush()
}

/// Prints who is there.
pub(crate) fn print(out: &mut Output, mesh: &MeshStatus) -> Done {
    let own = std::iter::once(Line::of(&mesh.own, Some(mesh)));
    let lines: Vec<Line<'_>> = own.chain(mesh.members.iter().map(|member| Line::of(member, None))).collect();
    if out.is_json() {
        return lines.iter().try_for_each(|line| out.either(line, String::new));
    }
    let rows: Vec<[String; 6]> = lines.iter().map(Line::row).collect();
    out.table(["NODE", "ADDRESS", "STATE", "SINCE", "BEHIND", "UNACKED"], &rows)?;
    if mesh.refused + mesh.faults > 0 {
        out.text(format_args!("refused connections: {}, faults: {}", mesh.refused, mesh.faults))?;
    }
    if !mesh.last_error.is_empty() {
        out.text(format_args!("last error: {}", mesh.last_error))?;
    }
    Ok(())
}
