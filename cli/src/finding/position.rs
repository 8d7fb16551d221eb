//! Converts byte offsets of a text into lines and columns.

use crate::document::Span;

/// A position in a text: line and column, counted from 1. Columns are characters, as in editors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The maximum width of an underline; a wider one would make the lines of a snippet too long.
const MOST_UNDERLINED: usize = 56;

/// The maximum number of bytes of its line that a snippet contains on either side of a span. The renderer shows less,
/// but processes the whole snippet.
const MOST_AROUND: usize = 512;

/// Characters are counted in advance at every so many bytes, since a line may be as long as the text.
const BLOCK: usize = 4096;

/// An index of the lines of a text.
pub(crate) struct LineIndex<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// The number of characters before each block.
    counts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let counts = text.as_bytes().chunks(BLOCK).scan(0, |count, block| {
            let before = *count;
            *count += characters(block);
            Some(before)
        });
        Self { text, starts: std::iter::once(0).chain(behind_breaks).collect(), counts: counts.collect() }
    }

    /// The line and column of a byte offset.
    pub(crate) fn position(&self, byte: usize) -> Position {
        let line = self.number(byte);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        Position { line, column: self.characters(byte).saturating_sub(self.characters(start)) + 1 }
    }

    /// The number of characters before a byte offset.
    fn characters(&self, byte: usize) -> usize {
        let block = (byte / BLOCK).min(self.counts.len().saturating_sub(1));
        let rest = self.text.as_bytes().get(block * BLOCK..byte.min(self.text.len()));
        self.counts.get(block).copied().unwrap_or_default() + rest.map_or(0, characters)
    }

    /// The number of a span's first line, and the part of its lines that is near it, without the last line break.
    pub(crate) fn near(&self, span: &Span) -> (usize, Span) {
        let (line, around) = self.around(span);
        let start = self.text.ceil_char_boundary(span.start.saturating_sub(MOST_AROUND));
        let end = self.text.floor_char_boundary(span.end.saturating_add(MOST_AROUND));
        (line, around.start.max(start)..around.end.min(end))
    }

    /// The number of a span's first line, and its whole lines without the last line break.
    fn around(&self, span: &Span) -> (usize, Span) {
        let [first, last] = [span.start, span.end.max(span.start)].map(|byte| self.number(byte));
        let start = self.starts.get(first - 1).copied().unwrap_or_default();
        let end = self.starts.get(last).copied().unwrap_or(self.text.len());
        let text = self.text.get(start..end).unwrap_or_default();
        (first, start..start + text.trim_end_matches(['\r', '\n']).len().max(span.end.saturating_sub(start)))
    }

    /// The part of a span to underline: what is on its first line, or only the opening brace of a table with more
    /// lines.
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

/// The number of characters that begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    // All bytes of a character except the first are 0b10xx_xxxx (RFC 3629 §3).
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_counted_and_cut_at_characters() {
        let text = format!("é\n{}x", "é".repeat(10_000));
        let lines = LineIndex::new(&text);
        for n in [0, 1, 2047, 2048, 2049, 9_999, 10_000] {
            assert_eq!(lines.position(3 + 2 * n), Position { line: 2, column: n + 1 });
        }
        assert_eq!(lines.position(text.len()), Position { line: 2, column: 10_002 });
        assert_eq!(lines.near(&(10_003..10_005)), (2, 9_491..10_517));
        assert_eq!(lines.near(&(10_003..10_004)), (2, 9_491..10_515));
        assert_eq!(lines.near(&(0..2)), (1, 0..2));
        assert_eq!(lines.near(&(3..5)), (2, 3..517));
    }

    #[test]
    fn counts_lines_and_characters_from_one() {
        let lines = LineIndex::new("a\né→b\r\n\nz");
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
        assert_eq!(LineIndex::new("{\"a\": 1}").head(&(0..8)), 0..8);
        assert_eq!(LineIndex::new("{\"a\":\n1}").head(&(0..8)), 0..1);
        assert_eq!(LineIndex::new(&"é".repeat(60)).head(&(0..120)), 0..112);
        assert_eq!(LineIndex::new("").around(&(0..0)), (1, 0..0));
    }
}
