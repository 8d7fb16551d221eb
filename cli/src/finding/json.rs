//! Findings for scripts.

use serde::Serialize;

use super::Finding;
use super::position::{LineIndex, Position};
use crate::document::{Source, Span};

/// All findings about a file.
#[derive(Debug, Serialize)]
pub(crate) struct JsonReport<'f> {
    file: &'f str,
    findings: Vec<JsonFinding<'f>>,
}

#[derive(Debug, Serialize)]
struct JsonFinding<'f> {
    severity: &'static str,
    rule: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'f str>,
    /// The place within the policy; empty for the policy as a whole.
    place: String,
    message: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'f str>,
    /// What to write from start to end instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    start: Position,
    end: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<JsonRelated<'f>>,
}

#[derive(Debug, Serialize)]
struct JsonRelated<'f> {
    label: &'f str,
    start: Position,
    end: Position,
}

/// The report on a source.
pub(crate) fn report<'f>(findings: &'f [Finding], source: &'f Source) -> JsonReport<'f> {
    let lines = LineIndex::new(&source.text);
    let ends = |span: &Span| (lines.position(span.start), lines.position(span.end));
    let item = |finding: &'f Finding| {
        let (start, end) = ends(&finding.span);
        JsonFinding {
            severity: finding.severity.name(),
            rule: finding.rule,
            environment: finding.environment.as_deref(),
            place: finding.place.to_string(),
            message: &finding.message,
            help: finding.help.as_deref(),
            fix: finding.fix(&source.text),
            start,
            end,
            related: finding.related.as_ref().map(|(span, label)| {
                let (start, end) = ends(span);
                JsonRelated { label, start, end }
            }),
        }
    };
    JsonReport { file: &source.name, findings: findings.iter().map(item).collect() }
}
