//! TOML, the syntax of wrangler.toml.

use serde_json::Number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text::{Span, SyntaxError};
use super::value::{SourceKey, SourceNode, SourceValue};

/// Parses TOML. The error is all syntax errors: the parser recovers from each.
pub(super) fn parse(text: &str) -> Result<SourceValue, Vec<SyntaxError>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(table(root.get_ref(), root.span()));
    }
    let end = text.len();
    let errors = errors.into_iter().map(|error| SyntaxError::new(error.span().unwrap_or(end..end), error.message()));
    let mut errors: Vec<_> = errors.collect();
    // Every unclosed bracket is reported at the end of the text.
    errors.dedup();
    Err(errors)
}

fn table(table: &DeTable<'_>, span: Span) -> SourceValue {
    let entries = table.iter().map(|(name, field)| {
        let key = SourceKey { name: name.get_ref().to_string(), span: name.span() };
        (key, value(field))
    });
    SourceValue::new(SourceNode::Table(entries.collect()), span)
}

fn value(field: &Spanned<DeValue<'_>>) -> SourceValue {
    let node = match field.get_ref() {
        DeValue::String(text) => SourceNode::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix()).map(Number::from);
            number.map_or(SourceNode::Foreign("a number out of range"), SourceNode::Number)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(Number::from_f64);
            number.map_or(SourceNode::Foreign("a number that is not finite"), SourceNode::Number)
        }
        DeValue::Boolean(value) => SourceNode::Bool(*value),
        DeValue::Datetime(_) => SourceNode::Foreign("a date"),
        DeValue::Array(items) => SourceNode::List(items.iter().map(value).collect()),
        DeValue::Table(entries) => return table(entries, field.span()),
    };
    SourceValue::new(node, field.span())
}
