//! Findings for people: the text with the place underlined.

use std::collections::HashMap;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Snippet};

use super::position::Lines;
use super::{Finding, Severity};
use crate::document::{Source, Span};
use crate::output::{Output, Stream, wrap};

/// Room for `     = help: `.
const HELP: usize = 14;

/// So many warnings or notes of one kind are shown; errors all are.
const MOST_OF_A_KIND: usize = 5;

/// Writes findings, each with its piece of the text.
pub(crate) fn write(findings: &[Finding], source: &Source, output: &Output, stream: Stream) {
    let (renderer, lines) = (output.renderer(stream), Lines::new(&source.text));
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    for finding in findings {
        let count = kinds.entry(finding.rule).or_default();
        *count += 1;
        if finding.severity == Severity::Error || *count <= MOST_OF_A_KIND {
            output.write(stream, &renderer.render(&[group(finding, source, &lines, output.width())]));
            output.write(stream, "");
        }
    }
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Error) {
        // Taken out, so that each kind is told once.
        if let Some(more) =
            kinds.remove(finding.rule).and_then(|count| count.checked_sub(MOST_OF_A_KIND)).filter(|more| *more > 0)
        {
            output.write(stream, &format!("{} more like {}; --format json has them all\n", more, finding.rule));
        }
    }
}

fn group<'f>(finding: &'f Finding, source: &'f Source, lines: &Lines<'_>, width: usize) -> Group<'f> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    // An error has no name of its own: it cannot be allowed.
    let rule = Some(finding.rule).filter(|_| finding.severity != Severity::Error);
    let label = finding.severity.name().len() + rule.map_or(0, |rule| rule.len() + 2) + ": ".len();
    let title = level.primary_title(wrap(&finding.title(), width.saturating_sub(label), ""));
    let title = if let Some(rule) = rule { title.id(rule) } else { title };
    let group = Group::with_title(title).element(snippet(finding, source, lines));
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(wrap(help, width.saturating_sub(HELP), ""))),
        None => group,
    }
}

/// Only the lines in question go to the renderer: it looks through all of its text for each finding.
fn snippet<'s>(finding: &'s Finding, source: &'s Source, lines: &Lines<'_>) -> Snippet<'s, Annotation<'s>> {
    let primary = lines.head(&finding.span);
    let related = finding.related.as_ref().map(|(span, label)| (lines.head(span), label));
    let start = related.as_ref().map_or(primary.start, |(span, _)| span.start.min(primary.start));
    let end = related.as_ref().map_or(primary.end, |(span, _)| span.end.max(primary.end));
    let (first, around) = lines.around(&(start..end));
    let text = source.text.get(around.clone()).unwrap_or_default();
    let within = |span: Span| span.start - around.start..span.end - around.start;
    let snippet = Snippet::source(text).path(source.name.as_str()).line_start(first);
    let snippet = snippet.annotation(AnnotationKind::Primary.span(within(primary)));
    match related {
        Some((span, label)) => snippet.annotation(AnnotationKind::Context.span(within(span)).label(label.as_str())),
        None => snippet,
    }
}
