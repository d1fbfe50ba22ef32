//! Charts of one line each, out of block characters.

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// How high `value` stands between `low` and `high`, from 0 to 1.
pub(super) fn share(value: f64, low: f64, high: f64) -> f64 {
    if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
}

/// A column of the height `share`, 0 to 1.
pub(super) fn step(share: f64) -> char {
    STEPS[((share * 7.0).round() as usize).min(7)]
}

/// A bar of the length `share` of `width`, to an eighth of a character; never quite nothing.
pub(super) fn bar(share: f64, width: usize) -> String {
    let eighths = ((share * width as f64 * 8.0).round() as usize).clamp(1, width * 8);
    let mut out = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        out.push(EIGHTHS[eighths % 8 - 1]);
    }
    out
}

/// A line from `low` to `high` with a point at `middle`, each a share of `width`: what is before it, itself up to the
/// point, and itself after the point.
pub(super) fn span(low: f64, middle: f64, high: f64, width: usize) -> [String; 3] {
    let at = |share: f64| ((share * (width - 1) as f64).round() as usize).min(width - 1);
    let (from, point, to) = (at(low), at(middle), at(high));
    [" ".repeat(from), "─".repeat(point - from), "─".repeat(to - point)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_the_length_of_their_share() {
        assert_eq!(bar(1.0, 4), "████");
        assert_eq!(bar(0.5, 3), "█▌");
        assert_eq!(bar(0.0, 4), "▏");
    }

    #[test]
    fn columns_and_spans_stay_within_bounds() {
        assert_eq!((step(0.0), step(1.0), step(9.0)), ('▁', '█', '█'));
        assert_eq!(span(0.0, 0.5, 1.0, 5), [String::new(), "──".to_owned(), "──".to_owned()]);
        assert!((share(5.0, 5.0, 5.0) - 0.5).abs() < f64::EPSILON);
    }
}
