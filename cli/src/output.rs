//! The only place that writes to the terminal.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use annotate_snippets::Renderer;
use annotate_snippets::renderer::{AnsiColor, Effects, Style};
use clap::ValueEnum;
use serde::Serialize;

use crate::host;

/// The width of output that does not go to a terminal.
const DEFAULT_WIDTH: usize = 80;

/// Longer lines are hard to read, however wide the terminal is.
const MAX_WIDTH: usize = 120;

/// Hanging text has at least this width, however far it is indented.
const MIN_WIDTH: usize = 20;

pub(crate) const BOLD: Style = Style::new().effects(Effects::BOLD);
pub(crate) const RED: Style = AnsiColor::BrightRed.on_default().effects(Effects::BOLD);
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const DIM: Style = Style::new().effects(Effects::DIMMED);

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// Standard output for results, standard error for everything else.
#[derive(Debug)]
pub(crate) struct Output {
    width: usize,
    out_is_coloured: bool,
    err_is_coloured: bool,
    /// Why a result could not be written.
    lost: Cell<Option<io::ErrorKind>>,
}

impl Output {
    pub(crate) fn new(color: Color) -> Self {
        let is_coloured = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !has_no_color(),
        };
        Self {
            width: width(),
            out_is_coloured: is_coloured(io::stdout().is_terminal()),
            err_is_coloured: is_coloured(io::stderr().is_terminal()),
            lost: Cell::default(),
        }
    }

    /// The width in columns.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Writes a result.
    pub(crate) fn line(&self, text: &str) {
        if let Err(error) = write(&mut io::stdout().lock(), text) {
            self.lost.set(Some(error.kind()));
        }
    }

    /// Whether the reader of the results has closed the pipe (`portcullis routes | head`).
    pub(crate) fn is_abandoned(&self) -> bool {
        self.lost.get() == Some(io::ErrorKind::BrokenPipe)
    }

    /// Why results could not be written, as on a full disk; a closed pipe is no error.
    pub(crate) fn lost(&self) -> Option<io::ErrorKind> {
        self.lost.get().filter(|_| !self.is_abandoned())
    }

    /// Writes a result in JSON.
    ///
    /// # Errors
    /// The value cannot be serialized.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), NotJson> {
        let text = serde_json::to_string_pretty(value).map_err(NotJson)?;
        self.line(&text);
        Ok(())
    }

    /// Writes a message that is not a result.
    pub(crate) fn note(&self, text: &str) {
        // Nothing can be done if standard error is closed.
        let _ = write(&mut io::stderr().lock(), text);
    }

    /// Shows what is in progress, on a terminal only.
    pub(crate) fn progress(&self, text: &str) {
        if io::stderr().is_terminal() {
            self.note(text);
        }
    }

    /// Reports why the command failed.
    pub(crate) fn error(&self, text: &str) {
        let error = paint(self.err_is_coloured, RED, "error:");
        self.note(&wrap(&format!("{error} {text}"), self.width, ""));
    }

    /// Applies a style to text, if results are coloured.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        paint(self.out_is_coloured, style, text)
    }

    /// Text that begins at this column, broken into lines that fit; further lines are aligned with the first.
    pub(crate) fn hanging(&self, indent: usize, text: &str) -> String {
        self.hanging_words(indent, text.split(' '))
    }

    /// The same for text with quoted strings, none of which is broken: their spaces are part of a value.
    pub(crate) fn hanging_quoted(&self, indent: usize, text: &str) -> String {
        self.hanging_words(indent, outside_quotes(text).into_iter())
    }

    fn hanging_words<'t>(&self, indent: usize, words: impl Iterator<Item = &'t str>) -> String {
        let width = self.width.saturating_sub(indent).max(MIN_WIDTH);
        wrap_words(words, width, "").replace('\n', &format!("\n{:indent$}", ""))
    }

    /// The renderer of findings for a stream.
    pub(crate) fn renderer(&self, stream: Stream) -> Renderer {
        let is_coloured = match stream {
            Stream::Out => self.out_is_coloured,
            Stream::Err => self.err_is_coloured,
        };
        let renderer = if is_coloured { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(self.width)
    }

    /// Writes a line to a stream.
    pub(crate) fn write(&self, stream: Stream, text: &str) {
        match stream {
            Stream::Out => self.line(text),
            Stream::Err => self.note(text),
        }
    }
}

/// A result that JSON cannot represent.
#[derive(Debug)]
pub(crate) struct NotJson(serde_json::Error);

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write the results as JSON: {}", self.0)
    }
}

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Breaks text into lines of at most `width` columns; `indent` precedes all lines but the first. A longer word stays
/// whole.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    wrap_words(text.split(' '), width, indent)
}

fn wrap_words<'t>(words: impl Iterator<Item = &'t str>, width: usize, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in words {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

/// The parts of a text between the spaces that are not within double quotes. In a string, a backslash escapes what
/// follows, as in JSON.
fn outside_quotes(text: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|c| {
        let escapes = is_quoted && !is_escaped && c == '\\';
        let was_escaped = std::mem::replace(&mut is_escaped, escapes);
        is_quoted ^= c == '"' && !was_escaped;
        c == ' ' && !is_quoted
    });
    parts.collect()
}

/// Untrusted text, with control characters escaped.
pub(crate) fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(visible).collect()
}

/// Why a file cannot be read or written, without the number that the platform has for it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

fn paint(is_coloured: bool, style: Style, text: &str) -> String {
    if is_coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// <https://no-color.org>: set, and not empty.
fn has_no_color() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn width() -> usize {
    host::columns().map_or(DEFAULT_WIDTH, |columns| columns.clamp(40, MAX_WIDTH))
}

fn write(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(b"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_lines_between_words() {
        assert_eq!(wrap("one two three", 7, "  "), "one two\n  three");
        assert_eq!(wrap("one two", 7, ""), "one two");
        assert_eq!(wrap("overlong a b", 3, ""), "overlong\na b");
        assert_eq!(wrap("", 3, ""), "");
    }

    #[test]
    fn strings_are_not_broken() {
        assert_eq!(outside_quotes(r#"a "b c" d"#), ["a", r#""b c""#, "d"]);
        assert_eq!(outside_quotes(r#"{"a \" b":"c \\"} d"#), [r#"{"a \" b":"c \\"}"#, "d"]);
        assert_eq!(outside_quotes(r"a\ b"), [r"a\", "b"]);
    }
}
