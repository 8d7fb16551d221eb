//! From bytes of a text to the lines and columns that people and machines count.

use crate::document::Span;

/// A place in a text, counted from one. Columns are characters, as editors count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A longer underline would make the lines of a snippet too long.
const MOST_UNDERLINED: usize = 56;

/// The beginnings of the lines of a text.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(behind_breaks).collect() }
    }

    /// The line and column of a byte.
    pub(crate) fn position(&self, byte: usize) -> Position {
        let line = self.number(byte);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..byte).map_or(1, |before| before.chars().count() + 1);
        Position { line, column }
    }

    /// The whole lines that a span touches, without the last line break, and the number of the first.
    pub(crate) fn around(&self, span: &Span) -> (usize, Span) {
        let [first, last] = [span.start, span.end.max(span.start)].map(|byte| self.number(byte));
        let start = self.starts.get(first - 1).copied().unwrap_or_default();
        let end = self.starts.get(last).copied().unwrap_or(self.text.len());
        let text = self.text.get(start..end).unwrap_or_default();
        (first, start..start + text.trim_end_matches(['\r', '\n']).len().max(span.end.saturating_sub(start)))
    }

    /// What of a span is underlined: it stays on its first line; of a table that goes on beyond it is the brace.
    pub(crate) fn head(&self, span: &Span) -> Span {
        let text = self.text.get(span.clone()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let short = line.char_indices().nth(MOST_UNDERLINED).map_or(line.len(), |(end, _)| end);
        let is_whole = short == text.len();
        span.start..span.start + if line.starts_with('{') && !is_whole { 1 } else { short }
    }

    fn number(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let lines = Lines::new("a\né→b\r\n\nz");
        let at = |byte| lines.position(byte);
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(1), Position { line: 1, column: 2 });
        assert_eq!(at(7), Position { line: 2, column: 3 });
        assert_eq!(at(11), Position { line: 4, column: 1 });
        assert_eq!(at(12), Position { line: 4, column: 2 });
        assert_eq!(lines.around(&(4..7)), (2, 2..8));
        assert_eq!(lines.around(&(0..12)), (1, 0..12));
        assert_eq!(lines.head(&(0..12)), 0..1);
        assert_eq!(lines.head(&(2..7)), 2..7);
        assert_eq!(Lines::new("{\"a\": 1}").head(&(0..8)), 0..8);
        assert_eq!(Lines::new("{\"a\":\n1}").head(&(0..8)), 0..1);
        assert_eq!(Lines::new(&"é".repeat(60)).head(&(0..120)), 0..112);
        assert_eq!(Lines::new("").around(&(0..0)), (1, 0..0));
    }
}
