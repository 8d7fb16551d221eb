//! Findings for people: the text with the place underlined.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Snippet};

use super::{Finding, Severity};
use crate::document::{Source, Span};
use crate::output::{Output, Stream, wrap};

/// Room for `warning: ` in front of the first line of a title.
const LABEL: usize = 9;

/// Writes findings, each with its piece of the text.
pub(crate) fn write(findings: &[Finding], source: &Source, output: &Output, stream: Stream) {
    let renderer = output.renderer(stream);
    for finding in findings {
        let title = wrap(&finding.title(), output.width() - LABEL, "");
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(title)).element(snippet(finding, source));
        if let Some(help) = &finding.help {
            group = group.element(Level::HELP.message(wrap(help, output.width() - LABEL, "")));
        }
        output.write(stream, &renderer.render(&[group]));
        output.write(stream, "");
    }
}

/// Only the lines in question go to the renderer: it would look through the whole text for each finding.
fn snippet<'s>(finding: &'s Finding, source: &'s Source) -> Snippet<'s, Annotation<'s>> {
    let related = finding.related.as_ref();
    let start = related.map_or(finding.span.start, |(span, _)| span.start.min(finding.span.start));
    let end = related.map_or(finding.span.end, |(span, _)| span.end.max(finding.span.end));
    let lines = lines(&source.text, &(start..end));
    let text = source.text.get(lines.clone()).unwrap_or_default();
    let first = source.text.get(..lines.start).unwrap_or_default().matches('\n').count() + 1;
    let within = |span: &Span| span.start - lines.start..span.end.max(span.start) - lines.start;
    let mut snippet = Snippet::source(text).path(source.name.as_str()).line_start(first);
    snippet = snippet.annotation(AnnotationKind::Primary.span(within(&finding.span)));
    if let Some((span, label)) = related {
        snippet = snippet.annotation(AnnotationKind::Context.span(within(span)).label(label.as_str()));
    }
    snippet
}

/// The whole lines that a span touches.
fn lines(text: &str, span: &Span) -> Span {
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(span.end..).and_then(|behind| behind.find('\n')).map_or(text.len(), |at| span.end + at);
    start..end
}
