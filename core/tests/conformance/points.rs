//! Operations on point stores.

use std::ops::ControlFlow;

use headwater::Result;
use headwater::points::{Aggregate, ImportOptions, Point, Points, PointsConfig, Query, Value as PointValue};
use serde_json::{Map, Value, json};

use crate::args::Args;
use crate::engine::World;
use crate::sources::Watch;
use crate::values::{ack, points};

impl World {
    pub(crate) fn points(&mut self, op: &str, args: &mut Args) -> Result<Value> {
        if op == "create_points" {
            let mut args = args.object("config");
            let config = PointsConfig {
                name: args.text("name"),
                durability: args.durability(),
                max_age: args.duration("max_age").unwrap_or_default(),
                max_points_per_series: args.or("max_points_per_series", 0),
            };
            assert!(args.0.is_empty(), "unknown fields of a point store: {:?}", args.0);
            return Points::create(&self.engine, config).map(|_| Value::Null);
        }
        let store = Points::open(&self.engine, &args.text("points"))?;
        let (from, to) = (args.option("from"), args.option("to"));
        match op {
            "points_write" => {
                let list: Vec<Map<String, Value>> = args.or("list", Vec::new());
                store.write(&list.into_iter().map(|p| point_argument(Args(p))).collect::<Vec<_>>()).wait().map(ack)
            }
            "points_latest" => store.latest(&args.text("filter"), args.or("deleted", false)).map(|p| points(p).into()),
            "points_range" => store
                .range(&args.text("filter"), from, to, args.or("after", 0), args.or("max", 1000))
                .map(|(list, next)| json!({"points": points(list), "next": next})),
            "points_query" => {
                let names: Vec<String> = args.or("aggregates", Vec::new());
                let query = Query {
                    filters: args.or("filters", Vec::new()),
                    from,
                    to,
                    every: args.duration("every").unwrap_or_default(),
                    aggregates: names.iter().map(|n| Aggregate::parse(n)).collect::<Result<_>>()?,
                };
                let rows = store.query(&query)?;
                Ok(rows.iter().map(|r| json!({"series": r.series, "start": r.start, "values": r.values})).collect())
            }
            "points_import" => {
                let options = ImportOptions {
                    time: args.text("time"),
                    node: args.or("node", String::new()),
                    node_column: args.or("node_column", String::new()),
                    columns: args.or("columns", Vec::new()),
                };
                let text = args.text("text");
                let mut bytes = text.as_bytes();
                let report = match args.text("format").as_str() {
                    "csv" => store.import_csv(&mut bytes, &options, &mut |_| ControlFlow::Continue(())),
                    _ => store.import_jsonl(&mut bytes, &options, &mut |_| ControlFlow::Continue(())),
                }?;
                Ok(json!({"lines": report.lines, "points": report.points, "resumed": report.resumed,
                          "rejected_count": report.rejected_count, "rejected": report.rejected}))
            }
            "points_export" => {
                let (filter, mut text) = (args.text("filter"), Vec::new());
                let count = match args.text("format").as_str() {
                    "csv" => store.export_csv(&mut text, &filter, from, to, &mut |_| ControlFlow::Continue(())),
                    _ => store.export_jsonl(&mut text, &filter, from, to, &mut |_| ControlFlow::Continue(())),
                }?;
                Ok(json!({"count": count, "text": String::from_utf8(text).unwrap()}))
            }
            "points_watch" => {
                let watcher = store.watch(&args.text("filter"))?;
                self.watchers.insert(args.text("as"), Watch::Points(watcher));
                Ok(Value::Null)
            }
            _ => panic!("there is no operation '{op}'"),
        }
    }
}

fn point_argument(mut args: Args) -> Point {
    let value = args.object("value").0;
    let point = Point {
        node: args.text("node"),
        kind: args.text("kind"),
        key: args.or("key", String::new()),
        time: args.option("time").unwrap(),
        value: match value.iter().next().unwrap() {
            (form, v) if form == "float" => PointValue::Float(v.as_f64().unwrap()),
            (form, v) if form == "int" => PointValue::Int(v.as_i64().unwrap()),
            (form, v) if form == "text" => PointValue::Text(v.as_str().unwrap().to_owned()),
            (_, v) => PointValue::Json(v.as_str().unwrap().to_owned()),
        },
        tombstone: args.or("tombstone", 0),
        origin: args.or("origin", String::new()),
    };
    assert!(args.0.is_empty(), "unknown fields of a point: {:?}", args.0);
    point
}
