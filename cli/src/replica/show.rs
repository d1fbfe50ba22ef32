//! How attached files stand, one on a line.

use headwater::replica::{CheckReport, Compared, DatabaseStatus, SchemaOf, SnapshotInfo};

use super::One;
use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::time::show_commit_time;
use crate::units::{show_count, show_number};

pub(super) fn status(place: &Place, one: &One) -> Done {
    place.change(|engine| {
        let statuses = one.statuses(engine)?;
        let mut out = place.output();
        if place.json {
            for status in &statuses {
                out.either(status, String::new)?;
            }
            return out.flush();
        }
        let rows: Vec<_> = statuses.iter().map(row).collect();
        out.table(["name", "state", "tables", "pending", "unsent", "behind", "conflicts", "parked", "missing"], &rows)?;
        for status in &statuses {
            for refused in &status.refused {
                out.text(format_args!("{}: table {} stays here: {}", status.name, refused.table, refused.reason))?;
            }
            if !status.last_error.is_empty() {
                out.text(format_args!("{}: {}", status.name, status.last_error))?;
            }
        }
        out.flush()
    })
}

fn row(status: &DatabaseStatus) -> [String; 9] {
    [
        status.name.clone(),
        status.state.name().to_owned(),
        show_count(status.tables.len() as u64),
        show_count(status.pending),
        show_count(status.unsent),
        show_count(status.lag_records),
        show_count(status.conflicts),
        show_count(status.parked),
        show_count(status.missing),
    ]
}

/// What an attach found.
pub(super) fn attached(place: &Place, status: &DatabaseStatus) -> Done {
    let mut out = place.output();
    out.either(status, || {
        let mut lines = vec![format!(
            "{} is attached as {}, with {}",
            status.path.display(),
            status.name,
            show_number(status.tables.len() as u64, "table")
        )];
        for refused in &status.refused {
            lines.push(format!("table {} stays here: {}", refused.table, refused.reason));
        }
        lines.extend(status.left_out.iter().map(|column| format!("column {column} stays here: it is left out")));
        lines.join("\n")
    })?;
    out.flush()
}

pub(super) fn schema(place: &Place, tables: &[SchemaOf]) -> Done {
    let mut out = place.output();
    if place.json {
        for table in tables {
            out.either(table, String::new)?;
        }
        return out.flush();
    }
    let mut rows = Vec::new();
    for table in tables {
        for (form, nodes) in &table.forms {
            let form = if form.is_empty() { "not there".to_owned() } else { form.chars().take(12).collect() };
            rows.push([table.table.clone(), form, nodes.join(", ")]);
        }
    }
    out.table(["table", "schema", "nodes"], &rows)?;
    out.flush()
}

/// What a check found; a failure where nodes differ or did not answer.
pub(super) fn checked(place: &Place, report: &CheckReport) -> Done {
    let mut out = place.output();
    out.either(report, || {
        let mut lines: Vec<String> = Vec::new();
        for node in &report.nodes {
            let tables: Vec<String> =
                node.differing.iter().map(|(table, ranges)| format!("{table} in {ranges} of 64 ranges")).collect();
            lines.push(match node.compared {
                Compared::Equal => format!("{}: equal", node.node_id),
                Compared::Differs => format!("{}: differs: {}", node.node_id, tables.join(", ")),
                Compared::Apart => format!("{}: one of the two has what the other lacks yet", node.node_id),
                Compared::Silent => format!("{}: no answer", node.node_id),
            });
            if !node.schema.is_empty() {
                lines.push(format!("{}: another schema: {}", node.node_id, node.schema.join(", ")));
            }
        }
        for (table, count) in &report.dangling {
            lines.push(format!("{table}: {} whose foreign key names nothing", show_number(*count, "row")));
        }
        if lines.is_empty() {
            lines.push("no other node is known".to_owned());
        }
        lines.join("\n")
    })?;
    out.flush()?;
    if report.is_equal() { Ok(()) } else { Err(Failure::Reported(1)) }
}

pub(super) fn snapshots(place: &Place, all: &[SnapshotInfo]) -> Done {
    let mut out = place.output();
    if place.json {
        for snapshot in all {
            out.either(snapshot, String::new)?;
        }
        return out.flush();
    }
    let rows: Vec<_> = all
        .iter()
        .map(|it| {
            let made = show_commit_time(it.created_ms * 1_000_000);
            [it.id.clone(), made, it.node_id.clone(), show_count(it.bytes), show_count(it.stored_bytes)]
        })
        .collect();
    out.table(["snapshot", "made", "by", "bytes", "stored"], &rows)?;
    out.flush()
}
