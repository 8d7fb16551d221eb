//! Findings in SARIF 2.1.0, for code scanning.

use serde_json::{Value, json};

use super::Finding;
use super::position::LineIndex;
use super::rule::RULES;
use crate::document::{Source, Span};

/// A log with one run.
pub(crate) fn log(findings: &[Finding], source: &Source) -> Value {
    let lines = LineIndex::new(&source.text);
    let rules = RULES.iter().map(|rule| {
        json!({
            "id": rule.name,
            "shortDescription": {"text": rule.about},
            "defaultConfiguration": {"level": rule.severity.name()},
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "portcullis",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(|finding| result(finding, source, &lines)).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding, source: &Source, lines: &LineIndex<'_>) -> Value {
    let help = finding.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    let mut result = json!({
        "ruleId": finding.rule,
        "level": finding.severity.name(),
        "message": {"text": format!("{}{help}", finding.title())},
        "locations": [location(&finding.span, source, lines)],
    });
    if let (Some((span, label)), Some(result)) = (&finding.related, result.as_object_mut()) {
        let mut related = location(span, source, lines);
        if let Some(related) = related.as_object_mut() {
            related.insert("message".to_owned(), json!({"text": label}));
        }
        result.insert("relatedLocations".to_owned(), json!([related]));
    }
    result
}

fn location(span: &Span, source: &Source, lines: &LineIndex<'_>) -> Value {
    let (start, end) = (lines.position(span.start), lines.position(span.end));
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&source.name)},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    }})
}

/// A path as a relative reference (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

    const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(path.strip_prefix("./").unwrap_or(path), PATH).to_string()
}
