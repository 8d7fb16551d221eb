//! Differences for people.

use annotate_snippets::renderer::Style;

use super::change::Leaning;
use super::entry::{Entry, MethodSet, RequestGroup, RouteRef};
use crate::output::{BOLD, DIM, GREEN, Output, RED, YELLOW, printable};

/// The maximum number of lines of requests that are shown of one difference.
const MAX_REQUESTS: usize = 20;

/// Each difference with its requests, and how many there are.
pub(super) fn write(entries: &[Entry], output: &Output) {
    for entry in entries {
        write_entry(entry, output);
    }
    output.line(&output.paint(BOLD, &summary(entries)));
}

fn write_entry(entry: &Entry, output: &Output) {
    output.line(&output.paint(style(entry.leaning), entry.leaning.name()));
    for change in &entry.changes {
        output.line(&format!("  {}", output.hanging(4, &printable(&change.to_string()))));
    }
    for request in entry.requests.iter().take(MAX_REQUESTS) {
        output.line(&format!("    {}", output.hanging(6, &printable(&line(request)))));
    }
    if entry.requests.len() > MAX_REQUESTS {
        let more = entry.requests.len() - MAX_REQUESTS;
        output.line(&output.paint(DIM, &format!("    and {more} more: see --format json")));
    }
    output.line("");
}

fn style(leaning: Leaning) -> Style {
    match leaning {
        Leaning::NEITHER => BOLD,
        Leaning::CLOSES => GREEN,
        Leaning { closes: true, .. } => YELLOW,
        Leaning { closes: false, .. } => RED,
    }
}

fn line(request: &RequestGroup) -> String {
    let RequestGroup { host, path, methods, spelling, old, new, .. } = request;
    let MethodSet { only, other_than } = methods;
    let list = |methods: &std::collections::BTreeSet<String>| methods.iter().cloned().collect::<Vec<_>>().join(" ");
    let only = only.as_ref().map_or_else(|| "*".to_owned(), list);
    let except = (!other_than.is_empty()).then(|| format!(" other than {}", list(other_than)));
    let case = if spelling.in_other_case { ", in another case" } else { "" };
    let slash = if spelling.has_encoded_slash { ", with an encoded slash" } else { "" };
    let (host, except) = (host.as_deref().unwrap_or_default(), except.unwrap_or_default());
    format!("{only}{except} {host}{path}{case}{slash}: {} -> {}", route(old, path), route(new, path))
}

fn route(route: &RouteRef, path: &str) -> String {
    match route {
        RouteRef::Route { index, name } if name == path => format!("routes[{index}]"),
        RouteRef::Route { index, name } => format!("routes[{index}] {name:?}"),
        RouteRef::Refused(status) => status.to_string(),
        RouteRef::Served => "the gate".to_owned(),
    }
}

fn summary(entries: &[Entry]) -> String {
    let kinds = [Leaning::OPENS, Leaning::BOTH, Leaning::CLOSES, Leaning::NEITHER].map(|kind| {
        let count = entries.iter().filter(|entry| entry.leaning == kind).count();
        (count > 0).then(|| format!("{count} {}", kind.name()))
    });
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    match entries.len() {
        0 => "no difference".to_owned(),
        1 => format!("1 difference: {}", kinds.join(", ")),
        count => format!("{count} differences: {}", kinds.join(", ")),
    }
}
