//! YAML 1.2 with the core schema (§10.3): a plain scalar that looks like a number, `true` or `null` is one.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks, StrInput};
use serde_json::Number;

use super::text::{Span, SyntaxError};
use super::value::{MAX_DEPTH, SourceKey, SourceNode, SourceValue};

/// The maximum number of values in a document, with its aliases expanded.
const MAX_VALUES: usize = 1_000_000;

/// Parses YAML with one document. The error is the first syntax error.
pub(super) fn parse(text: &str) -> Result<SourceValue, Vec<SyntaxError>> {
    Reader::new(text).document().map_err(|error| vec![error])
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
    /// The byte offset of each character, since the parser counts characters; `None` for ASCII, where they are the
    /// same.
    bytes: Option<Vec<usize>>,
    anchors: HashMap<usize, SourceValue>,
    values: usize,
}

type Result_<T> = Result<T, SyntaxError>;

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect());
        Self { parser: Parser::new_from_str(text), text, bytes, anchors: HashMap::new(), values: 0 }
    }

    fn document(&mut self) -> Result_<SourceValue> {
        let mut root = None;
        loop {
            let (event, marks) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                _ if root.is_some() => {
                    return Err(SyntaxError::new(self.span(marks), "expected one document, found a second one"));
                }
                event => root = Some(self.value(event, marks, MAX_DEPTH)?),
            }
        }
        root.ok_or_else(|| SyntaxError::new(0..self.text.len(), "expected a document, found nothing"))
    }

    fn next(&mut self) -> Result_<(Event<'t>, Marks)> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let start = self.byte(error.marker().index());
                Err(SyntaxError::new(start..start, error.info()))
            }
            None => Ok((Event::StreamEnd, Marks::default())),
        }
    }

    fn value(&mut self, event: Event<'t>, marks: Marks, levels: usize) -> Result_<SourceValue> {
        self.values += 1;
        if levels == 0 || self.values > MAX_VALUES {
            let what = if levels == 0 { "nested too deeply" } else { "aliases make this document too large" };
            return Err(SyntaxError::new(self.span(marks), what));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                let node = if is_text { SourceNode::Text(text.into_owned()) } else { plain(&text) };
                (anchor, SourceValue::new(node, self.span(marks)))
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(marks, levels)?),
            Event::MappingStart(anchor, _) => (anchor, self.table(marks, levels)?),
            Event::Alias(anchor) => (0, self.alias(anchor, marks)?),
            _ => return Err(SyntaxError::new(self.span(marks), "expected a value")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self, start: Marks, levels: usize) -> Result_<SourceValue> {
        let mut items = Vec::new();
        loop {
            let (event, marks) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(SourceValue::new(SourceNode::List(items), self.between(start, marks)));
            }
            items.push(self.value(event, marks, levels - 1)?);
        }
    }

    fn table(&mut self, start: Marks, levels: usize) -> Result_<SourceValue> {
        let mut entries = Vec::new();
        loop {
            let (event, marks) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(SourceValue::new(SourceNode::Table(entries), self.between(start, marks)));
            }
            let span = self.span(marks);
            let Event::Scalar(name, ..) = event else {
                return Err(SyntaxError::new(span, "expected a string as the key"));
            };
            let key = SourceKey { name: name.into_owned(), span };
            let (event, marks) = self.next()?;
            entries.push((key, self.value(event, marks, levels - 1)?));
        }
    }

    /// Expands an alias. Nested aliases could make a small text arbitrarily large.
    fn alias(&mut self, anchor: usize, marks: Marks) -> Result_<SourceValue> {
        let span = self.span(marks);
        let value = self.anchors.get(&anchor).cloned();
        let value =
            value.ok_or_else(|| SyntaxError::new(span.clone(), "expected an alias of a value that is complete"))?;
        self.values += count(&value);
        if self.values > MAX_VALUES {
            return Err(SyntaxError::new(span, "aliases make this document too large"));
        }
        Ok(value)
    }

    fn span(&self, marks: Marks) -> Span {
        let (start, end) = (self.byte(marks.start.index()), self.byte(marks.end.index()));
        start..end.max(start)
    }

    fn between(&self, start: Marks, end: Marks) -> Span {
        self.span(Marks::new(start.start, end.end))
    }

    fn byte(&self, character: usize) -> usize {
        let end = self.text.len();
        self.bytes.as_ref().map_or(character.min(end), |bytes| bytes.get(character).copied().unwrap_or(end))
    }
}

fn count(value: &SourceValue) -> usize {
    let below = value.items().iter().chain(value.entries().iter().map(|(_, value)| value));
    1 + below.map(count).sum::<usize>()
}

fn plain(text: &str) -> SourceNode {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => SourceNode::Null,
        "true" | "True" | "TRUE" => SourceNode::Bool(true),
        "false" | "False" | "FALSE" => SourceNode::Bool(false),
        _ => number(text).unwrap_or_else(|| SourceNode::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<SourceNode> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(SourceNode::Foreign("a number that is not finite"));
    }
    let radix = |prefix, radix| text.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok());
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(SourceNode::Number(number.into()));
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(SourceNode::Number(number.into()));
    }
    // Rust also parses `infinity` and the like as numbers.
    let looks_like_one = digits.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    let float = text.parse::<f64>().ok().filter(|_| looks_like_one)?;
    Some(Number::from_f64(float).map_or(SourceNode::Foreign("a number out of range"), SourceNode::Number))
}
