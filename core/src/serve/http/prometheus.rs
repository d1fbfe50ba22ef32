//! Metrics in the text that Prometheus reads (exposition format 0.0.4).

use std::fmt::Write;

use crate::metric::{HELP, Metric};

/// All metrics, those of one name together.
pub(super) fn text(metrics: &[Metric]) -> String {
    let mut out = String::new();
    for (name, help) in HELP {
        let mut of_name = metrics.iter().filter(|m| m.name == name).peekable();
        if let Some(first) = of_name.peek() {
            let kind = if first.counter { "counter" } else { "gauge" };
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        }
        for metric in of_name {
            out.push_str(name);
            for (at, (label, value)) in metric.labels.iter().enumerate() {
                let _ = write!(out, "{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(value));
            }
            let _ = writeln!(out, "{} {}", if metric.labels.is_empty() { "" } else { "}" }, metric.value);
        }
    }
    out
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::stream::config::StreamConfig;

    #[test]
    fn every_metric_is_told_with_its_help() {
        let engine = Engine::memory().expect("an engine");
        engine.create_stream(StreamConfig::new("a\"b", ["x"])).wait().expect("a stream");
        let metrics = engine.metrics().expect("metrics");
        let text = text(&metrics);
        assert!(text.contains("# TYPE headwater_appends_total counter\nheadwater_appends_total 0\n"), "{text}");
        assert!(
            text.contains("# TYPE headwater_stream_records gauge\nheadwater_stream_records{stream=\"a\\\"b\"} 0\n")
        );
        let told = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(told, metrics.len(), "each has its help: {text}");
        assert_eq!(escaped("a\\b\nc"), "a\\\\b\\nc");
    }
}
