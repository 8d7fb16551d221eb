//! TOML, as wrangler.toml is written.

use serde_json::Number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text::{Span, SyntaxError};
use super::value::{Key, Node, Value};

/// Reads TOML; all errors otherwise, as the parser goes on behind them.
pub(super) fn parse(text: &str) -> Result<Value, Vec<SyntaxError>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(table(root.get_ref(), root.span()));
    }
    let end = text.len();
    let errors = errors.into_iter().map(|error| SyntaxError::new(error.span().unwrap_or(end..end), error.message()));
    let mut errors: Vec<_> = errors.collect();
    // Each of many brackets without a partner is told at the end of the text.
    errors.dedup();
    Err(errors)
}

fn table(table: &DeTable<'_>, span: Span) -> Value {
    let entries = table.iter().map(|(name, field)| {
        let key = Key { name: name.get_ref().to_string(), span: name.span() };
        (key, value(field))
    });
    Value::new(Node::Table(entries.collect()), span)
}

fn value(field: &Spanned<DeValue<'_>>) -> Value {
    let node = match field.get_ref() {
        DeValue::String(text) => Node::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix()).map(Number::from);
            number.map_or(Node::Foreign("a number out of range"), Node::Number)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(Number::from_f64);
            number.map_or(Node::Foreign("a number that is not finite"), Node::Number)
        }
        DeValue::Boolean(value) => Node::Bool(*value),
        DeValue::Datetime(_) => Node::Foreign("a date"),
        DeValue::Array(items) => Node::List(items.iter().map(value).collect()),
        DeValue::Table(entries) => return table(entries, field.span()),
    };
    Value::new(node, field.span())
}
