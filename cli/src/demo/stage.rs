//! What the tour is told through: chapters, sentences, commands and colours, at most 80 columns wide.
//!
//! Colours are there only on a terminal, and not where `NO_COLOR` is set; every sentence and every chart reads without.

use std::io::IsTerminal;

use crate::failure::Done;
use crate::output::Output;

/// The width of everything that the tour prints.
const COLUMNS: usize = 78;
const INDENT: &str = "   ";

/// How a piece of text is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Strong,
    Dim,
    Accent,
    Good,
    Land,
    Cool,
    Mild,
    Warm,
    Hot,
}

/// Where the tour is told.
pub(super) struct Stage {
    out: Output,
    colour: bool,
}

impl Stage {
    /// Tells it on `out`, or tells nothing where that wants JSON.
    pub(super) fn new(out: Output) -> Self {
        let variable = |name| std::env::var_os(name).unwrap_or_default();
        let colour = std::io::stdout().is_terminal() && variable("NO_COLOR").is_empty() && variable("TERM") != "dumb";
        Stage { out, colour }
    }

    /// The text in a colour.
    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Strong => "1",
            Paint::Dim => "2",
            Paint::Accent => "1;36",
            Paint::Good => "1;32",
            Paint::Land => "38;5;240",
            Paint::Cool => "38;5;75",
            Paint::Mild => "38;5;114",
            Paint::Warm => "38;5;214",
            Paint::Hot => "1;38;5;203",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The name of the tour, and a sentence about it.
    pub(super) fn title(&mut self, name: &str, about: &str) -> Done {
        let line = format!("{}  {}", self.paint(Paint::Accent, name), self.paint(Paint::Dim, about));
        self.line("")?;
        self.line(&format!(" {line}"))
    }

    /// The head of a chapter.
    pub(super) fn chapter(&mut self, number: u32, name: &str) -> Done {
        let rule = "─".repeat(COLUMNS - 4 - name.chars().count() - 1);
        let line = format!(
            " {}  {} {}",
            self.paint(Paint::Accent, &number.to_string()),
            self.paint(Paint::Strong, name),
            self.paint(Paint::Dim, &rule)
        );
        self.line("")?;
        self.line(&line)
    }

    /// A question, and the command that asks it.
    pub(super) fn question(&mut self, question: &str, command: &str) -> Done {
        let line = format!("{INDENT}{}", self.paint(Paint::Strong, question));
        self.line("")?;
        self.line(&line)?;
        self.command(command)
    }

    /// A command as one would type it.
    pub(super) fn command(&mut self, command: &str) -> Done {
        let line = format!("{INDENT}{}", self.paint(Paint::Dim, &format!("$ headwater {command}")));
        self.line(&line)
    }

    /// A sentence, or a line of a chart.
    pub(super) fn say(&mut self, text: &str) -> Done {
        self.line(format!("{INDENT}{text}").trim_end())
    }

    /// Lines of a picture that moves: in the place of those before, where a terminal can do that. Elsewhere only the
    /// last picture is shown.
    pub(super) fn picture(&mut self, lines: &[String], again: bool, last: bool) -> Done {
        if !self.colour && !last {
            return Ok(());
        }
        if self.colour && again && !self.out.is_json() {
            // One more for the line that this one ends. Pictures have one size, so nothing of the old one is left.
            self.out.text(format!("\x1b[{}A", lines.len() + 1))?;
        }
        lines.iter().try_for_each(|line| self.say(line))
    }

    /// The output below, for what is not part of the tour.
    pub(super) fn into_output(self) -> Output {
        self.out
    }

    fn line(&mut self, line: &str) -> Done {
        if self.out.is_json() {
            return Ok(());
        }
        self.out.text(line)?;
        self.out.flush()
    }
}
