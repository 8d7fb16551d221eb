//! Findings as workflow commands of GitHub Actions, which shows them in the changed files.

use super::position::Lines;
use super::{Finding, Severity};
use crate::document::Source;

/// A line for a finding.
pub(crate) fn command(finding: &Finding, source: &Source, lines: &Lines<'_>) -> String {
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
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
