//! A small map of the world, in an equirectangular projection, and marks upon it.

use super::stage::{Paint, Stage};

const COLUMNS: usize = 72;
const ROWS: usize = 19;
const LATITUDE_TOP: f64 = 80.0;
const LATITUDE_BOTTOM: f64 = -60.0;

/// The land, in dots of eight to a character, every other one left out so that marks stand out.
#[rustfmt::skip]
const LAND: [&str; ROWS] = [
    "           ⢀⢀⢀⢄⢄⠑⠑⠑⠕⠁ ⠑⠑⢕⢕⢕⢕⢕⢕⢕⢕⠁      ⠁⠁      ⢀⠄   ⢀⢀⢄⢄⢄⢄⢀             ",
    "  ⢀⢔⢔⢔⢔⢄⢄⢔⢄⢄⢔⢑⢑⢁⢔⢕⢔⠕⠑⢕⢄  ⢕⢕⢕⢕⠕⠑⢁⢀     ⢀⢄⢔⢔⢄⢄⢀⢄⢄⢅⢄⢔⢔⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢔⢔⢔⢔⢄⢄",
    "   ⠕⢕⠕⠕⠕⢕⢕⢕⢕⢕⢕⢕⢕⢕⠕⠁ ⢀⢅⢁   ⠑⠕    ⠁    ⢔⢕⠅⠐⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⠕⠕⠕⢑⠕⠕⠕⠁",
    "    ⠁    ⠑⢕⢕⢕⢕⢕⢕⢕⢕⢔⢄⢔⢕⢕⢕⠄         ⠄⢕⢀⢔⢅⢕⢔⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢅⢀  ⠑⠁   ",
    "           ⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⠄           ⢐⢕⢕⠕⢕⢕⠕⠕⢑⢕⠕⢑⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⠕⢁       ",
    "           ⢑⢕⢕⢕⢕⢕⢕⢕⢕⢕⠁            ⢕⠕⠁⢀  ⠕⠑⢔⢔⢕⢅⢐⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⠑⢕ ⢀⠅       ",
    "            ⠑⢕⢕⢕⢕⢕⠕⢕⠁            ⢀⢔⢕⢕⢕⢄⢄⢄⢄ ⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⠄ ⠐⠁        ",
    "             ⠁⠑⢕⠅  ⢀            ⢀⢔⢕⢕⢕⢕⢕⢕⢕⢕⢕⢑⢕⢕⢄⢕⠑⠑⢕⢕⢕⢕⢕⢕⢕⢕⠕⠕⠄           ",
    "               ⠑⠑⢔⢅ ⠁⠐          ⢐⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢅⢕⢕⠕⠁  ⠐⢕⠕ ⠐⢕⢕⠅  ⠄           ",
    "                  ⠑⠅⢄⢔⢔⢄         ⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢕⢔     ⠑   ⢐⠑⠁  ⠐           ",
    "                    ⢐⢕⢕⢕⢕⢔        ⠁⠁ ⠁⢕⢕⢕⢕⢕⢕⠕⠁          ⠁ ⢔⠅            ",
    "                    ⢕⢕⢕⢕⢕⢕⢕⢔⢄         ⢑⢕⢕⢕⢕⢕⠁           ⠑⢀⠁⠁⠁ ⠐⢔⢄⢄      ",
    "                    ⠑⢕⢕⢕⢕⢕⢕⢕⠕         ⢐⢕⢕⢕⢕⢕ ⢀               ⢀⢄⠄⢀⠁      ",
    "                      ⢕⢕⢕⢕⢕⠕          ⠐⢕⢕⢕⢕⠁ ⠕             ⢀⢔⢕⢕⢕⢕⢄      ",
    "                      ⢕⢕⢕⢕⠅            ⢕⢕⢕⠅  ⠁             ⢕⢕⢕⢕⢕⢕⢕⠅     ",
    "                     ⢐⢕⢕⠕⠁             ⠐⠑⠁                 ⠑⠑⠁⠑⠑⢕⠕⠁   ⢀ ",
    "                     ⢐⢕⠁                                         ⠄   ⢀⠄⠁",
    "                     ⢕⠅                                                 ",
    "                      ⠁                                                 ",
];

/// The marks, weakest first: from which magnitude on, what is drawn, and how.
const MARKS: [(f64, char, Paint); 3] = [(f64::MIN, '∘', Paint::Cool), (4.5, '●', Paint::Warm), (6.0, '◉', Paint::Hot)];

/// Where an earthquake was, and how strong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) magnitude: f64,
}

/// The map with the strongest mark of each cell, a line for each row.
pub(super) fn draw(stage: &Stage, marks: &[Mark]) -> Vec<String> {
    let mut strongest = vec![[None; COLUMNS]; ROWS];
    for mark in marks {
        let (row, column) = cell(mark);
        let there: &mut Option<f64> = &mut strongest[row][column];
        *there = Some(there.map_or(mark.magnitude, |m| m.max(mark.magnitude)));
    }
    LAND.iter().zip(&strongest).map(|(land, row)| draw_row(stage, land, row)).collect()
}

/// What the marks mean, on one line.
pub(super) fn legend(stage: &Stage) -> String {
    let names = ["weaker than 4.5", "4.5 or more", "6 or more"];
    let parts = MARKS.iter().zip(names).map(|((_, symbol, paint), name)| {
        format!("{} {}", stage.paint(*paint, &symbol.to_string()), stage.paint(Paint::Dim, name))
    });
    parts.collect::<Vec<_>>().join("   ")
}

fn draw_row(stage: &Stage, land: &str, marks: &[Option<f64>; COLUMNS]) -> String {
    let mut line = String::new();
    let mut plain = String::new();
    for (dots, mark) in land.chars().zip(marks) {
        let Some(magnitude) = mark else {
            plain.push(dots);
            continue;
        };
        line.push_str(&stage.paint(Paint::Land, &plain));
        plain.clear();
        let (_, symbol, paint) = MARKS.iter().rev().find(|(from, _, _)| magnitude >= from).unwrap_or(&MARKS[0]);
        line.push_str(&stage.paint(*paint, &symbol.to_string()));
    }
    line.push_str(&stage.paint(Paint::Land, plain.trim_end()));
    line
}

fn cell(mark: &Mark) -> (usize, usize) {
    let down = (LATITUDE_TOP - mark.latitude) / (LATITUDE_TOP - LATITUDE_BOTTOM);
    let across = (mark.longitude + 180.0) / 360.0;
    let place = |share: f64, count: usize| ((share * count as f64).max(0.0) as usize).min(count - 1);
    (place(down, ROWS), place(across, COLUMNS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_map_is_as_wide() {
        assert!(LAND.iter().all(|row| row.chars().count() == COLUMNS));
    }

    #[test]
    fn places_lie_where_they_are() {
        let at = |latitude, longitude| cell(&Mark { latitude, longitude, magnitude: 1.0 });
        assert_eq!(at(80.0, -180.0), (0, 0));
        assert_eq!(at(-90.0, 180.0), (ROWS - 1, COLUMNS - 1));
        let (row, column) = at(47.6, -122.3);
        let land: Vec<char> = LAND[row].chars().collect();
        assert_ne!(land[column], ' ', "Seattle is on land");
    }
}
