//! The status for people.

use std::time::Duration;

use annotate_snippets::renderer::Style;
use portcullis::time::UnixSeconds;

use super::model::{FailureStatus, GateStatus, IssuerStatus, KeyStatus, RevocationsStatus};
use crate::output::{BOLD, GREEN, Output, RED, YELLOW, printable};
use crate::trial::time;

/// What is absent.
const NONE: &str = "-";

/// The width of the names of what the gate says.
const LABEL: usize = 13;

const HEAD: [&str; 4] = ["ISSUER", "STATE", "FETCHED", "AGE"];

/// The least width of what is below an issuer's first line.
const INDENT: usize = 2;

pub(super) fn write(status: &GateStatus, output: &Output) {
    for (name, text) in facts(status) {
        output.line(&format!("{}{}", output.paint(BOLD, &format!("{name:<LABEL$}")), output.hanging(LABEL, &text)));
    }
    let issuers = status.issuers.as_deref().unwrap_or_default();
    if issuers.is_empty() {
        return;
    }
    let rows: Vec<[String; 4]> = issuers.iter().map(columns).collect();
    let width = |column: usize| {
        let texts = rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count());
        texts.chain(HEAD.get(column).map(|head| head.len())).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2), width(3)];
    output.line("");
    output.line(&output.paint(BOLD, &padded(HEAD, widths, |_, cell| cell)));
    for (issuer, row) in issuers.iter().zip(&rows) {
        let style = style(issuer.state.as_deref());
        output.line(&padded(row.each_ref().map(String::as_str), widths, |column, cell| match style {
            Some(style) if column == 1 => output.paint(style, &cell),
            _ => cell,
        }));
        for line in details(issuer) {
            output.line(&format!("{:INDENT$}{}", "", output.hanging(INDENT, &line)));
        }
    }
}

/// What the gate says of itself.
fn facts(status: &GateStatus) -> [(&'static str, String); 6] {
    let policy = status.policy.as_ref();
    let candidate = policy.and_then(|policy| policy.candidate.as_ref());
    let tokens = status.tokens.as_ref();
    let in_force = [
        text(policy.and_then(|policy| policy.digest.as_deref())),
        format!("from {}", text(policy.and_then(|policy| policy.source.as_deref()))),
        counted(policy.and_then(|policy| policy.routes), "route"),
    ];
    let kept = [
        format!("{} cached", number(tokens.and_then(|tokens| tokens.kept))),
        counted(tokens.and_then(|tokens| tokens.bytes), "byte"),
    ];
    [
        ("version", text(status.version.as_deref())),
        ("policy", policy.map_or(NONE.to_owned(), |_| in_force.join(", "))),
        ("candidate", text(candidate.and_then(|candidate| candidate.digest.as_deref()))),
        (
            "waiting",
            status.waiting.map_or(NONE.to_owned(), |_| format!("{} for keys", counted(status.waiting, "request"))),
        ),
        ("tokens", tokens.map_or(NONE.to_owned(), |_| kept.join(", "))),
        ("revocations", status.revocations.as_ref().map_or(NONE.to_owned(), revocations)),
    ]
}

/// How many entries the list of revocations has, how old it is, and why it could not be read.
fn revocations(RevocationsStatus { entries, age, last_failure }: &RevocationsStatus) -> String {
    let count = entries.map(|count| if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") });
    let read = count.zip(*age).map(|(count, age)| format!("{count}, read {age} s ago"));
    let failure = last_failure.as_ref().map(failure);
    [Some(read.unwrap_or("never read".to_owned())), failure].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn failure(failure: &FailureStatus) -> String {
    format!("last failure at {}: {}", date(failure.at), text(failure.reason.as_deref()))
}

fn columns(issuer: &IssuerStatus) -> [String; 4] {
    [
        text(issuer.name.as_deref()),
        text(issuer.state.as_deref()),
        date(issuer.fetched_at),
        issuer.age.map_or(NONE.to_owned(), |age| humantime::format_duration(Duration::from_secs(age)).to_string()),
    ]
}

fn padded(cells: [&str; 4], widths: [usize; 4], paint: impl Fn(usize, String) -> String) -> String {
    let cells = cells.iter().zip(widths).enumerate();
    let cells = cells.map(|(column, (cell, width))| paint(column, format!("{cell:<width$}")));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn style(state: Option<&str>) -> Option<Style> {
    match state {
        Some("fresh") => Some(GREEN),
        Some("stale") => Some(YELLOW),
        Some("expired" | "none") => Some(RED),
        _ => None,
    }
}

/// The lines below the first one of an issuer.
fn details(issuer: &IssuerStatus) -> Vec<String> {
    let keys = match issuer.keys.as_deref() {
        None => vec![format!("keys {NONE}")],
        Some([]) => vec!["no keys".to_owned()],
        Some(keys) => keys.iter().map(key).collect(),
    };
    let failure = issuer.last_failure.as_ref().map(failure);
    std::iter::once(text(issuer.issuer.as_deref())).chain(keys).chain(failure).collect()
}

fn key(key: &KeyStatus) -> String {
    let kid = key.kid.as_deref().map_or("(no kid)".to_owned(), printable);
    let algorithms = key.algorithms.as_deref().filter(|algorithms| !algorithms.is_empty());
    format!("- {kid}: {}", algorithms.map_or(NONE.to_owned(), |algorithms| printable(&algorithms.join(" "))))
}

/// Text of the server.
fn text(text: Option<&str>) -> String {
    text.map_or(NONE.to_owned(), printable)
}

fn number(number: Option<u64>) -> String {
    number.map_or(NONE.to_owned(), |number| number.to_string())
}

fn counted(count: Option<u64>, what: &str) -> String {
    format!("{} {what}{}", number(count), if count == Some(1) { "" } else { "s" })
}

fn date(time: Option<UnixSeconds>) -> String {
    time.map_or(NONE.to_owned(), time::show)
}
