//! What is told of a decision under the policy's `log`, in JSON for who writes it:
//!
//! - `line`: a line for the console, without what the platform knows of the request;
//! - `suppressed`: complete lines, about lines that were not told;
//! - `point`: a data point for Analytics Engine, without the method and the host of the request;
//! - `span`: a span of the platform's traces.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::quota::{LineKind, Quota, Suppressed};
use super::report::Report;
use crate::jose::json::Json;
use crate::platform::{Runtime, Secrets};
use crate::policy::{Log, LoggedDecisions, LoggedSubject};
use crate::reason::Reason;
use crate::time::UnixMillis;
use crate::token::claims::Claims;

/// The event of a line about a decision.
const DECISION: &str = "decision";

/// Stands for a code where a request is allowed.
const ALLOWED: &str = "allowed";

/// Maximum length of a data point's index in bytes, which Analytics Engine sets.
const MAX_INDEX: usize = 96;

/// How many bytes of an HMAC name a subject.
const SUBJECT_BYTES: usize = 8;

/// What is told of a decision; `None` if nothing is.
#[must_use]
pub fn told(report: &Report<'_>, log: &Log, quota: &mut Quota, platform: &(impl Runtime + Secrets)) -> Option<String> {
    let is_wanted = match log.decisions {
        LoggedDecisions::None => false,
        LoggedDecisions::Refused => report.reason.is_some(),
        LoggedDecisions::All => true,
    };
    let (is_told, suppressed) = match report.reason {
        Some(reason) if is_wanted => count(DECISION, report.route_name(), Some(reason), quota, platform.now()),
        _ => (is_wanted, None),
    };
    let line = is_told.then(|| line(report, &log.subject, platform));
    let kind = if report.is_enforced { "enforced" } else { "shadow" };
    let point = log.analytics.as_deref().map(|binding| DataPoint::of(report).told(binding, kind));
    in_json(line, suppressed, point, log.traces.then(|| span(report)))
}

/// All that is told, if anything is.
pub(super) fn in_json(
    line: Option<Json<'_>>,
    suppressed: Option<Json<'_>>,
    point: Option<Json<'_>>,
    span: Option<Json<'_>>,
) -> Option<String> {
    let parts = [("line", line), ("suppressed", suppressed), ("point", point), ("span", span)];
    parts.iter().any(|(_, part)| part.is_some()).then(|| Json::object(parts).to_string())
}

/// Counts a line. Returns whether it is told, and the lines about others that were not.
pub(super) fn count(
    event: &'static str,
    route: Option<&str>,
    reason: Option<Reason>,
    quota: &mut Quota,
    now: UnixMillis,
) -> (bool, Option<Json<'static>>) {
    let kind = LineKind { event, route: route.unwrap_or_default().to_owned(), reason };
    let (is_told, suppressed) = quota.count(kind, now);
    let lines: Vec<Json<'_>> = suppressed.into_iter().map(suppressed_line).collect();
    (is_told, (!lines.is_empty()).then_some(Json::Array(lines)))
}

fn suppressed_line(Suppressed { kind: LineKind { event, route, reason }, lines }: Suppressed) -> Json<'static> {
    let text = reason.map(Reason::text);
    Json::object([
        ("event", Some(Json::text(event))),
        ("route", (!route.is_empty()).then(|| Json::text(route))),
        ("code", text.map(|text| Json::text(text.code))),
        ("reason", text.map(|text| Json::text(text.word))),
        ("suppressed", Some(Json::number(lines.into()))),
    ])
}

/// A line about a decision. What is unknown is left out.
fn line<'a>(report: &'a Report<'_>, subject: &LoggedSubject, platform: &(impl Runtime + Secrets)) -> Json<'a> {
    let text = report.reason.map(Reason::text);
    let scopes_missing = report.scopes_missing();
    Json::object([
        ("event", Some(Json::text(DECISION))),
        ("route", report.route_name().map(Json::text)),
        ("status", Some(Json::number(report.status.into()))),
        ("code", text.map(|text| Json::text(text.code))),
        ("reason", text.map(|text| Json::text(text.word))),
        ("issuer", report.issuer_name().map(Json::text)),
        ("client", report.client().map(Json::text)),
        ("subject", report.claims().and_then(|claims| named(claims, subject, platform)).map(Json::text)),
        ("scopes_missing", (!scopes_missing.is_empty()).then(|| Json::texts(&scopes_missing))),
        ("enforced", Some(Json::Bool(report.is_enforced))),
    ])
}

/// The subject of a verified token, as the policy wants it named.
fn named(claims: &Claims, subject: &LoggedSubject, platform: &(impl Runtime + Secrets)) -> Option<String> {
    match subject {
        LoggedSubject::None => None,
        LoggedSubject::Plain => claims.text("sub").map(str::to_owned),
        LoggedSubject::Hash(key) => {
            let (iss, sub) = (claims.text("iss")?, claims.text("sub")?);
            let Some(secret) = platform.secret(key).filter(|secret| !secret.is_empty()) else {
                platform.log_once(&format!("log.subject_key: the secret {key} is absent, so subjects are left out"));
                return None;
            };
            hash(&secret, iss, sub)
        }
    }
}

/// The first quarter of the HMAC-SHA-256 (RFC 2104) of a subject, in hexadecimal digits.
fn hash(key: &str, iss: &str, sub: &str) -> Option<String> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    for part in [iss, "\0", sub] {
        mac.update(part.as_bytes());
    }
    let digest = mac.finalize().into_bytes();
    Some(digest.iter().take(SUBJECT_BYTES).map(|byte| format!("{byte:02x}")).collect())
}

/// A span, named by the route and never by the path.
fn span<'a>(report: &'a Report<'_>) -> Json<'a> {
    let code = report.reason.map_or(ALLOWED, |reason| reason.text().code);
    let name = report.route_name().unwrap_or("no route");
    Json::object([
        ("name", Some(Json::text(name))),
        ("status", Some(Json::number(report.status.into()))),
        ("code", Some(Json::text(code))),
        ("enforced", Some(Json::Bool(report.is_enforced))),
    ])
}

/// What a data point says of a decision. What is unknown is empty.
#[derive(Clone, Debug)]
pub(super) struct DataPoint {
    index: String,
    /// The code, or `allowed`; the reason; the issuer; the client.
    blobs: [String; 4],
    status: u16,
}

impl DataPoint {
    pub(super) fn of(report: &Report<'_>) -> Self {
        let text = report.reason.map(Reason::text);
        let blobs = [
            text.map_or(ALLOWED, |text| text.code),
            text.map_or("", |text| text.word),
            report.issuer_name().unwrap_or_default(),
            report.client().unwrap_or_default(),
        ];
        let route = report.route_name().unwrap_or_default();
        let index = route.get(..route.floor_char_boundary(MAX_INDEX)).unwrap_or_default().to_owned();
        Self { index, blobs: blobs.map(str::to_owned), status: report.status }
    }

    /// Of an answer of the gate's own.
    pub(super) fn of_own(reason: Option<Reason>, status: u16) -> Self {
        let text = reason.map(Reason::text);
        let blobs = [text.map_or(ALLOWED, |text| text.code), text.map_or("", |text| text.word), "", ""];
        Self { index: String::new(), blobs: blobs.map(str::to_owned), status }
    }

    /// The data point for a binding. `kind` is `enforced`, `shadow` or `candidate`.
    pub(super) fn told<'a>(self, binding: &'a str, kind: &'static str) -> Json<'a> {
        Json::object([
            ("binding", Some(Json::text(binding))),
            ("index", Some(Json::text(self.index))),
            ("blobs", Some(Json::Array(self.blobs.into_iter().map(Json::text).collect()))),
            ("kind", Some(Json::text(kind))),
            ("status", Some(Json::number(self.status.into()))),
        ])
    }
}
