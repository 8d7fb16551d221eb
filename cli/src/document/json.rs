//! JSON, and JSON with comments, the syntax of wrangler.jsonc.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged;
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Number;

use super::text::{Span, SyntaxError};
use super::value::{SourceKey, SourceNode, SourceValue};

/// Which extensions of JSON are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Strict,
    /// Comments and trailing commas.
    Comments,
}

/// Parses JSON. The error is the first syntax error.
pub(super) fn parse(text: &str, dialect: Dialect) -> Result<SourceValue, Vec<SyntaxError>> {
    let has_comments = dialect == Dialect::Comments;
    let options = ParseOptions {
        allow_comments: has_comments,
        allow_trailing_commas: has_comments,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let collect = CollectOptions { tokens: has_comments, ..CollectOptions::default() };
    let result = parse_to_ast(text, &collect, &options);
    let result = result.map_err(|error| vec![SyntaxError::new(span(error.range()), error.kind().to_string())])?;
    let Some(root) = &result.value else {
        return Err(vec![SyntaxError::new(0..text.len(), "expected a JSON value, found nothing")]);
    };
    // The parser that reports spans accepts some invalid JSON: control characters and lone surrogates in strings.
    let wrong = match &result.tokens {
        Some(tokens) => tokens.iter().find_map(|token| wrong_string(text, token)),
        None => serde_json::from_str::<serde_json::Value>(text).err().map(|error| strict_error(text, &error)),
    };
    wrong.map_or_else(|| Ok(value(root)), |error| Err(vec![error]))
}

/// The error in a string token, if it is invalid.
fn wrong_string(text: &str, token: &TokenAndRange<'_>) -> Option<SyntaxError> {
    let written = text.get(span(token.range)).filter(|_| matches!(token.token, Token::String(_)))?;
    let SyntaxError { span, message } = strict_error(written, &serde_json::from_str::<String>(written).err()?);
    Some(SyntaxError::new(span.start + token.range.start..span.end + token.range.start, message))
}

fn strict_error(text: &str, error: &serde_json::Error) -> SyntaxError {
    let start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = text.floor_char_boundary((start + error.column().saturating_sub(1)).min(text.len()));
    let message = error.to_string();
    let words = message.split(" at line ").next().unwrap_or_default();
    SyntaxError::new(at..at, words)
}

fn value(value: &ast::Value<'_>) -> SourceValue {
    let node = match value {
        ast::Value::NullKeyword(_) => SourceNode::Null,
        ast::Value::BooleanLit(literal) => SourceNode::Bool(literal.value),
        ast::Value::StringLit(literal) => SourceNode::Text(literal.value.to_string()),
        ast::Value::NumberLit(literal) => {
            literal.value.parse::<Number>().map_or(SourceNode::Foreign("a number out of range"), SourceNode::Number)
        }
        ast::Value::Array(array) => SourceNode::List(array.elements.iter().map(self::value).collect()),
        ast::Value::Object(object) => SourceNode::Table(object.properties.iter().map(property).collect()),
    };
    SourceValue::new(node, span(value.range()))
}

fn property(property: &ast::ObjectProp<'_>) -> (SourceKey, SourceValue) {
    let name = match &property.name {
        ObjectPropName::String(literal) => literal.value.to_string(),
        ObjectPropName::Word(word) => word.value.to_owned(),
    };
    (SourceKey { name, span: span(property.name.range()) }, value(&property.value))
}

fn span(range: jsonc_parser::common::Range) -> Span {
    range.start..range.end
}
