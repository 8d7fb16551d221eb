//! Findings as workflow commands of GitHub Actions, which annotates the changed files with them.

use super::Finding;
use super::position::LineIndex;
use super::rule::Severity;
use crate::document::Source;
use crate::output::printable;

/// The workflow command for a finding.
pub(crate) fn command(finding: &Finding, source: &Source, lines: &LineIndex<'_>) -> String {
    let kind = match finding.severity {
        Severity::Note => "notice",
        severity => severity.name(),
    };
    let (start, end) = (lines.position(finding.span.start), lines.position(finding.span.end));
    let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    format!(
        "::{kind} file={},line={},col={},endLine={},endColumn={},title={}::{}",
        property(&source.name),
        start.line,
        start.column,
        end.line,
        end.column,
        property(finding.rule),
        data(&format!("{}{help}", finding.title())),
    )
}

fn data(text: &str) -> String {
    // Line breaks are kept; other control characters are escaped.
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
