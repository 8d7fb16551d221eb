//! Findings for people: snippets of the text with the span underlined.

use std::collections::HashMap;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet, Title};

use super::Finding;
use super::position::LineIndex;
use super::rule::Severity;
use crate::document::{Source, Span};
use crate::exit::Failure;
use crate::output::{Output, Stream, printable, wrap};

/// The width of `     = help: `.
const HELP: usize = 14;

/// The maximum number of warnings or notes of one kind that are shown; errors are all shown.
const MOST_OF_A_KIND: usize = 5;

/// Two spans with more bytes between them are shown in separate snippets: the renderer processes the whole snippet.
const FAR: usize = 4096;

/// Reports why a command could not do its work.
pub(crate) fn report(failure: &Failure, output: &Output) {
    match failure {
        Failure::Message(message) => output.error(message),
        Failure::Findings(found) => write(&found.1, &found.0, output, Stream::Err),
    }
}

/// Writes findings, each with a snippet of the text.
pub(crate) fn write(findings: &[Finding], source: &Source, output: &Output, stream: Stream) {
    let page = Page {
        text: &source.text,
        name: printable(&source.name),
        lines: LineIndex::new(&source.text),
        renderer: output.renderer(stream),
        width: output.width(),
    };
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    for finding in findings {
        let count = kinds.entry(finding.rule).or_default();
        *count += 1;
        if finding.severity == Severity::Error || *count <= MOST_OF_A_KIND {
            output.write(stream, &page.render(finding));
            output.write(stream, "");
        }
    }
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Error) {
        // Removed, so that each kind is reported once.
        if let Some(more) =
            kinds.remove(finding.rule).and_then(|count| count.checked_sub(MOST_OF_A_KIND)).filter(|more| *more > 0)
        {
            output.write(stream, &format!("{} more {} findings; --format json lists them all\n", more, finding.rule));
        }
    }
}

/// The text that findings are about, and how it is shown.
struct Page<'s> {
    text: &'s str,
    name: String,
    lines: LineIndex<'s>,
    renderer: Renderer,
    width: usize,
}

/// An underlined span and its label.
struct Mark<'f> {
    span: Span,
    kind: AnnotationKind,
    label: Option<&'f str>,
}

impl Page<'_> {
    fn render(&self, finding: &Finding) -> String {
        let primary = Mark { span: self.lines.head(&finding.span), kind: AnnotationKind::Primary, label: None };
        let related = finding.related.as_ref().map(|(span, label)| Mark {
            span: self.lines.head(span),
            kind: AnnotationKind::Context,
            label: Some(label),
        });
        let is_far = related.as_ref().is_some_and(|mark| mark.span.start.abs_diff(primary.span.start) > FAR);
        // The snippet below `-->`, and one below `:::` for a related span that is far away.
        let pieces = if is_far {
            vec![("-->", vec![primary]), (":::", related.into_iter().collect())]
        } else {
            vec![("-->", [primary].into_iter().chain(related).collect())]
        };
        let snippets = pieces.iter().map(|(_, marks)| self.snippet(marks));
        let mut group = Group::with_title(self.title(finding)).elements(snippets);
        if let Some(help) = &finding.help {
            let help = wrap(&printable(help), self.width.saturating_sub(HELP), "");
            group = group.element(Level::HELP.message(help));
        }
        let rendered = self.renderer.render(&[group]);
        pieces.iter().fold(rendered, |rendered, (arrow, marks)| self.with_column(rendered, arrow, marks))
    }

    fn title<'f>(&self, finding: &'f Finding) -> Title<'f> {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        // The name is for `--allow`, which errors do not have.
        let rule = Some(finding.rule).filter(|_| finding.severity != Severity::Error);
        let label = finding.severity.name().len() + rule.map_or(0, |rule| rule.len() + 2) + ": ".len();
        let title = level.primary_title(wrap(&printable(&finding.title()), self.width.saturating_sub(label), ""));
        if let Some(rule) = rule { title.id(rule) } else { title }
    }

    fn snippet<'p>(&'p self, marks: &[Mark<'p>]) -> Snippet<'p, Annotation<'p>> {
        let (line, piece) = self.piece(marks);
        let snippet = Snippet::source(self.text.get(piece.clone()).unwrap_or_default());
        let annotation = |mark: &Mark<'p>| {
            let within = mark.span.start.saturating_sub(piece.start)..mark.span.end.saturating_sub(piece.start);
            mark.kind.span(within).label(mark.label)
        };
        snippet.path(self.name.as_str()).line_start(line).annotations(marks.iter().map(annotation))
    }

    /// The span of the text to show for these marks, and the number of its first line.
    fn piece(&self, marks: &[Mark<'_>]) -> (usize, Span) {
        let start = marks.iter().map(|mark| mark.span.start).min().unwrap_or_default();
        let end = marks.iter().map(|mark| mark.span.end).max().unwrap_or_default();
        self.lines.near(&(start..end))
    }

    /// Corrects the column: the renderer counts from the start of the snippet, which may be within a line.
    fn with_column(&self, rendered: String, arrow: &str, marks: &[Mark<'_>]) -> String {
        let (line, piece) = self.piece(marks);
        let Some(place) = marks.first().map(|mark| self.lines.position(mark.span.start)) else { return rendered };
        let cut = self.lines.position(piece.start).column - 1;
        if cut == 0 || place.line != line {
            return rendered;
        }
        let header = |column: usize| format!("{}:{line}:{column}", self.name);
        let (wrong, right) = (header(place.column - cut), header(place.column));
        let mut lines: Vec<String> = rendered.split('\n').map(str::to_owned).collect();
        // A title may contain anything, even text that looks like a header; only a header is followed by a bar.
        let at = lines.windows(2).position(|pair| match pair {
            [one, next] => unstyled(one) == format!("{arrow} {wrong}") && unstyled(next) == "|",
            _ => false,
        });
        if let Some(found) = at.and_then(|at| lines.get_mut(at)) {
            *found = found.replacen(&wrong, &right, 1);
        }
        lines.join("\n")
    }
}

/// A line without its escape sequences and surrounding blanks.
fn unstyled(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.filter_map(|part| part.split_once('m').map(|(_, text)| text));
    rest.fold(first, |line, part| line + part).trim().to_owned()
}
