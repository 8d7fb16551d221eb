//! Explanations for people.

use annotate_snippets::renderer::Style;
use http::StatusCode;
use portcullis::time::UnixSeconds;

use super::report::{
    CallerKind, ExplainedAnswer, ExplainedDecision, ExplainedReason, ExplainedRoute, Explanation, ToOrigin,
};
use crate::output::{BOLD, DIM, GREEN, Output, RED, YELLOW};
use crate::trial::candidates::{CandidateStanding, RouteCandidate};
use crate::trial::check::{Check, CheckOutcome};
use crate::trial::time;

/// A longer header value is truncated.
const MAX_VALUE: usize = 300;

/// The column where a check's expected and found values begin.
const CHECK_INDENT: usize = 29;

pub(super) fn write(explanation: &Explanation, output: &Output) {
    let Explanation { method, url, now, .. } = explanation;
    output.line(&output.paint(BOLD, &format!("{method} {url}")));
    block(output, 0, &format!("at {}, {}", time::show(UnixSeconds(*now)), caller(explanation.caller)));
    if !explanation.added_claims.is_empty() {
        block(output, 0, &format!("claims added by default: {}", explanation.added_claims.join(", ")));
    }
    routes(explanation, output);
    heading(output, "Checks");
    for check in &explanation.checks {
        write_check(check, output);
    }
    for line in &explanation.log {
        item(output, "  note     ", DIM, line);
    }
    match &explanation.decision {
        ExplainedDecision::Allow(forward) => {
            let title = match &explanation.reason {
                None => "Allowed; the origin receives",
                Some(_) => "Not allowed, but the route is not enforced; the origin receives",
            };
            write_forward(title, forward, output);
        }
        ExplainedDecision::Deny(answer) => write_answer("Denied; the client receives", answer, RED, output),
        ExplainedDecision::Serve(answer) => {
            write_answer("Answered by the gate; the client receives", answer, GREEN, output);
        }
    }
    if let Some(ExplainedReason { word, advice }) = &explanation.reason {
        heading(output, &format!("Reason: {word}"));
        block(output, 2, advice);
    }
}

fn caller(caller: CallerKind) -> &'static str {
    match caller {
        CallerKind::Anonymous => "without a token",
        CallerKind::Token => "with a token",
        CallerKind::Claims => "with claims that are taken as verified: no signature was checked",
    }
}

fn routes(explanation: &Explanation, output: &Output) {
    heading(output, "Routes");
    if explanation.candidates.iter().all(|candidate| candidate.standing == CandidateStanding::OtherPath) {
        output.line("  no route has this path");
    }
    for candidate in &explanation.candidates {
        write_candidate(candidate, output);
        if let (CandidateStanding::Chosen, Some(route)) = (candidate.standing, &explanation.route) {
            write_captures(route, output);
        }
    }
}

fn write_captures(route: &ExplainedRoute, output: &Output) {
    for capture in &route.captures {
        block(output, 11, &format!("{} = {:?}", capture.name, capture.value));
    }
    if let Some(label) = &route.host_label {
        block(output, 11, &format!("the host's first label = {label:?}"));
    }
}

fn write_candidate(candidate: &RouteCandidate, output: &Output) {
    let RouteCandidate { index, path, methods, hosts, .. } = candidate;
    let (mark, style) = match candidate.standing {
        CandidateStanding::Chosen => ("chosen", GREEN),
        CandidateStanding::NotLookedUp => ("unasked", DIM),
        CandidateStanding::Behind => ("behind", DIM),
        CandidateStanding::OtherMethod => ("method", YELLOW),
        CandidateStanding::OtherHost => ("host", YELLOW),
        CandidateStanding::OtherPath => ("path", YELLOW),
    };
    let texts = [format!("routes[{index}]"), path.clone(), methods.join(" "), hosts.join(" ")];
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    item(output, &format!("  {mark:<9}"), style, &texts.join("  "));
    if let Some(reason) = &candidate.reason {
        block(output, 11, reason);
    }
}

fn write_check(check: &Check, output: &Output) {
    let Check { step, name, expected, found, unverified, .. } = check;
    let (mark, style) = match check.outcome {
        CheckOutcome::Passed => ("ok", GREEN),
        CheckOutcome::Refused => ("refused", RED),
        CheckOutcome::Assumed => ("assumed", YELLOW),
    };
    let note = if *unverified { " (unverified)" } else { "" };
    let head = format!("  {mark:<7}  {step} {name:<14}  ");
    match (check.outcome, found) {
        (CheckOutcome::Refused, Some(found)) => {
            item(output, &head, style, &format!("expected {expected}"));
            block(output, CHECK_INDENT, &format!("found    {found}{note}"));
        }
        (CheckOutcome::Refused, None) => item(output, &head, style, &format!("expected {expected}")),
        // What the checks of the first two steps expect is obvious, such as an unambiguous path.
        (_, Some(found)) if found == expected || *step <= 2 => {
            item(output, &head, style, &format!("{found}{note}"));
        }
        (_, Some(found)) => {
            item(output, &head, style, &format!("{found}{note}"));
            block(output, CHECK_INDENT, &output.paint(DIM, &format!("expected {expected}")));
        }
        (_, None) => item(output, &head, style, expected),
    }
}

fn write_answer(title: &str, answer: &ExplainedAnswer, style: Style, output: &Output) {
    let reason = StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    heading(output, title);
    block(output, 2, &output.paint(style, &format!("{} {}", answer.status, reason.unwrap_or_default())));
    for header in &answer.headers {
        block(output, 2, &format!("{}: {}", header.name, header.value));
    }
    // A line break in the body would be part of it.
    output.line(&format!("  {}", answer.body));
}

fn write_forward(title: &str, forward: &ToOrigin, output: &Output) {
    heading(output, title);
    let through = forward.service.as_ref().map(|binding| format!(" through the service binding {binding}"));
    let url = format!("{} {}", forward.method, forward.url);
    block(output, 2, &format!("{}{}", output.paint(GREEN, &url), through.unwrap_or_default()));
    for header in &forward.set {
        item(output, "  set      ", GREEN, &format!("{}: {}", header.name, shortened(&header.value)));
    }
    if forward.cache && forward.service.is_none() {
        item(output, "  cache    ", YELLOW, "Cloudflare's cache may answer instead");
    }
    if !forward.removed.is_empty() {
        item(output, "  removed  ", YELLOW, &forward.removed.join(", "));
    }
    if !forward.kept.is_empty() {
        item(output, "  kept     ", DIM, &forward.kept.join(", "));
    }
    if !forward.added.is_empty() {
        heading(output, "Headers added to the origin's answer");
    }
    for header in &forward.added {
        block(output, 2, &format!("{}: {}", header.name, header.value));
    }
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}… ({} bytes)", value.get(..end).unwrap_or_default(), value.len()),
        None => value.to_owned(),
    }
}

fn heading(output: &Output, text: &str) {
    output.line("");
    output.line(&output.paint(BOLD, text));
}

/// Text after a coloured head; further lines are aligned with the first.
fn item(output: &Output, head: &str, style: Style, text: &str) {
    let width = head.chars().count();
    output.line(&format!("{}{}", output.paint(style, head), output.hanging_quoted(width, text)));
}

/// Indented text.
fn block(output: &Output, indent: usize, text: &str) {
    output.line(&format!("{:indent$}{}", "", output.hanging_quoted(indent, text)));
}
