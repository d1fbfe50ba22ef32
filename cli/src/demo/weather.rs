//! The first chapter: a year of weather goes into a point store, and answers questions.

use std::time::{Duration, Instant};

use headwater::Engine;
use headwater::points::{Aggregate, ImportOptions, Points, PointsConfig, Query, Row, Value};

use super::chart::{share, span, step};
use super::data::WEATHER_CSV;
use super::show_rate;
use super::stage::{Paint, Stage};
use crate::failure::{Done, Failure};
use crate::progress::Progress;
use crate::time::{parse_time, show_short_time};
use crate::units::show_count;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SPAN_COLUMNS: usize = 50;
const DAY: Duration = Duration::from_secs(86_400);

/// Loads the weather and asks about it; returns how many points there are.
pub(super) fn chapter(stage: &mut Stage, engine: &Engine) -> Done<u64> {
    stage.chapter(1, "A year of Seattle's weather, hour by hour")?;
    let config = PointsConfig { name: "weather".to_owned(), ..PointsConfig::default() };
    let weather = Points::create(engine, config)?;
    let count = load(stage, &weather)?;
    by_month(stage, &weather)?;
    by_week(stage, &weather)?;
    latest(stage, &weather)?;
    Ok(count)
}

fn load(stage: &mut Stage, weather: &Points) -> Done<u64> {
    stage.command("points import weather seattle.csv --time date --node seattle")?;
    let began = Instant::now();
    let progress = Progress::bytes("importing", Some(WEATHER_CSV.len() as u64));
    let options = ImportOptions { time: "date".to_owned(), node: "seattle".to_owned(), ..ImportOptions::default() };
    let report = weather.import_csv(&mut &WEATHER_CSV[..], &options, &mut |bytes| progress.at(bytes))?;
    drop(progress);
    if let Some((line, reason)) = report.rejected.first() {
        return Err(Failure::usage(format!("line {line} of the weather was refused: {reason}")));
    }
    let rate = show_rate(report.points, began.elapsed());
    let (lines, points) = (show_count(report.lines), show_count(report.points));
    stage.say(&format!("{lines} lines became {points} points on disk, {rate} a second."))?;
    Ok(report.points)
}

fn by_month(stage: &mut Stage, weather: &Points) -> Done {
    stage.question("How cold, how warm was each month?", "points query weather seattle.temperature --from … --to …")?;
    let mut months = Vec::new();
    for (index, name) in MONTHS.iter().enumerate() {
        let from = first_of_month(index)?;
        let to = first_of_month(index + 1)?;
        let row = ask(weather, "seattle.temperature", Some((from, to)), Duration::ZERO, &SPREAD)?.into_iter().next();
        let values = row.map(|row| row.values).unwrap_or_default();
        if let [Some(low), Some(mean), Some(high)] = values.as_slice() {
            months.push((*name, *low, *mean, *high));
        }
    }
    let coldest = months.iter().map(|m| m.1).fold(f64::INFINITY, f64::min);
    let warmest = months.iter().map(|m| m.3).fold(f64::NEG_INFINITY, f64::max);
    for (name, low, mean, high) in months {
        let place = |value| share(value, coldest, warmest);
        let [before, left, right] = span(place(low), place(mean), place(high), SPAN_COLUMNS);
        let paint = heat(place(mean));
        let line = format!(
            "{}  {low:>5.1}°  {before}{}{}{}  {}",
            stage.paint(Paint::Dim, name),
            stage.paint(paint, &left),
            stage.paint(paint, "●"),
            stage.paint(paint, &right),
            stage.paint(Paint::Dim, &format!("{high:.1}°"))
        );
        stage.say(&line)?;
    }
    Ok(())
}

const SPREAD: [Aggregate; 3] = [Aggregate::Min, Aggregate::Mean, Aggregate::Max];

fn by_week(stage: &mut Stage, weather: &Points) -> Done {
    stage.question(
        "And the air pressure, week by week?",
        "points query weather seattle.pressure --every 7d --agg mean",
    )?;
    let rows = ask(weather, "seattle.pressure", None, DAY * 7, &[Aggregate::Mean])?;
    let means: Vec<(i64, f64)> = rows.iter().filter_map(|r| Some((r.start, (*r.values.first()?)?))).collect();
    let by_value = |a: &&(i64, f64), b: &&(i64, f64)| a.1.total_cmp(&b.1);
    let (Some(low), Some(high)) = (means.iter().min_by(by_value), means.iter().max_by(by_value)) else {
        return Err(Failure::not_found("the weather has no pressure"));
    };
    let line: String = means
        .iter()
        .map(|(_, mean)| {
            let height = share(*mean, low.1, high.1);
            stage.paint(heat(height), &step(height).to_string())
        })
        .collect();
    stage.say(&line)?;
    let date = |time: i64| show_short_time(time).chars().take(10).collect::<String>();
    let text = format!("lowest {:.1} hPa from {}, highest {:.1} hPa from {}", low.1, date(low.0), high.1, date(high.0));
    let text = stage.paint(Paint::Dim, &text);
    stage.say(&text)
}

fn latest(stage: &mut Stage, weather: &Points) -> Done {
    stage.question("What is the newest of every series?", "points latest weather 'seattle.*'")?;
    let points = weather.latest("seattle.*", false)?;
    let parts = points.iter().map(|point| {
        let value = match &point.value {
            Value::Float(value) => format!("{value:.1}"),
            Value::Int(value) => value.to_string(),
            Value::Text(text) | Value::Json(text) => text.clone(),
        };
        format!("{} {}", stage.paint(Paint::Dim, &point.kind), stage.paint(Paint::Strong, &value))
    });
    let line = parts.collect::<Vec<_>>().join("   ");
    stage.say(&line)
}

fn ask(
    weather: &Points,
    series: &str,
    between: Option<(i64, i64)>,
    every: Duration,
    aggregates: &[Aggregate],
) -> Done<Vec<Row>> {
    let query = Query {
        filters: vec![series.to_owned()],
        from: between.map(|b| b.0),
        to: between.map(|b| b.1),
        every,
        aggregates: aggregates.to_vec(),
    };
    Ok(weather.query(&query)?)
}

/// The first moment of a month of 2010; month 12 is January of the next year.
fn first_of_month(index: usize) -> Done<i64> {
    let (year, month) = (2010 + index / 12, index % 12 + 1);
    parse_time(&format!("{year}-{month:02}-01")).map_err(Failure::usage)
}

fn heat(share: f64) -> Paint {
    match share {
        s if s < 0.3 => Paint::Cool,
        s if s < 0.5 => Paint::Mild,
        s if s < 0.75 => Paint::Warm,
        _ => Paint::Hot,
    }
}
