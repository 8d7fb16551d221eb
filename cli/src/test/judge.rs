//! Compares the outcome of a request with what its test expects.

use portcullis::answer::Answer;
use portcullis::upstream::Forward;
use serde::Serialize;

use super::expect::{HeaderExpectation, TestExpectation};
use super::file::PolicyTest;
use crate::trial::check::{Check, CheckOutcome};
use crate::trial::{Trial, TrialDecision};

/// A difference between what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Mismatch {
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// The result of a test.
#[derive(Debug, Serialize)]
pub(super) struct TestResult {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) passed: bool,
    pub(super) mismatches: Vec<Mismatch>,
    pub(super) method: String,
    pub(super) url: String,
    /// `allow`, `deny` or `serve`.
    pub(super) decision: &'static str,
    /// The check that refused the request.
    pub(super) refused_by: Option<Check>,
}

/// Compares a trial with what its test expects. `line` is that of the test, `route` the name of the request's route.
pub(super) fn judge(test: &PolicyTest, line: usize, trial: Trial, route: Option<&str>) -> TestResult {
    let mut found = Comparison { expect: &test.expect, mismatches: Vec::new() };
    let decision = trial.verdict.name();
    found.compare("decision", test.expect.decision.map(str::to_owned), decision.to_owned());
    if test.expect.route.as_deref() != route {
        // "no route" may also be the name of a route, so names are compared first.
        found.compare("route", test.expect.route.clone(), route.map_or("no route".to_owned(), str::to_owned));
    }
    match &trial.verdict {
        TrialDecision::Allow(forward) => found.forward(test, forward, &trial),
        TrialDecision::Deny(answer) | TrialDecision::Serve(answer) => found.answer(answer),
    }
    let mismatches = found.mismatches;
    TestResult {
        name: test.name.clone(),
        line,
        passed: mismatches.is_empty(),
        mismatches,
        method: test.request.method.clone(),
        url: test.request.url.clone(),
        decision,
        refused_by: trial.checks.into_iter().find(|check| check.outcome == CheckOutcome::Refused),
    }
}

struct Comparison<'t> {
    expect: &'t TestExpectation,
    mismatches: Vec<Mismatch>,
}

impl Comparison<'_> {
    fn compare(&mut self, what: &str, expected: Option<String>, found: String) {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            self.mismatches.push(Mismatch { what: what.to_owned(), expected, found });
        }
    }

    /// The gate lets the request through: it has no answer of its own.
    fn forward(&mut self, test: &PolicyTest, forward: &Forward<'_>, trial: &Trial) {
        let allowed = || "none, the request is allowed".to_owned();
        self.compare("status", self.expect.status.map(|status| status.to_string()), allowed());
        self.compare("code", self.expect.code.clone(), allowed());
        self.compare("challenge", self.expect.challenge.clone(), allowed());
        for (name, expected) in &self.expect.answer {
            let value = all(trial.added.iter().map(|(name, value)| (name.as_str(), value)), name);
            self.header(&format!("answer {name}"), expected, value.as_deref().map(SentHeader::Value));
        }
        self.compare("origin", self.expect.origin.clone(), forward.url.clone());
        let service = forward.service.as_deref().unwrap_or("none, the origin is a URL");
        self.compare("service", self.expect.service.clone(), service.to_owned());
        let sent = |name: &str| {
            let set = forward.set.iter().find(|(known, _)| known == name).map(|(_, value)| SentHeader::Value(value));
            set.or_else(|| {
                trial.kept.iter().any(|kept| kept == name).then(|| sent_by_caller(test, name, &trial.token_header))?
            })
        };
        for (name, expected) in &self.expect.headers {
            self.header(&format!("header {name}"), expected, sent(name));
        }
    }

    fn answer(&mut self, answer: &Answer) {
        let body: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
        let code = body.as_ref().and_then(|body| body.get("code")?.as_str()).unwrap_or("none");
        let header = |name: &str| all(answer.headers.iter().map(|(name, value)| (*name, value)), name);
        self.compare("status", self.expect.status.map(|status| status.to_string()), answer.status.to_string());
        self.compare("code", self.expect.code.clone(), code.to_owned());
        let challenge = header("www-authenticate").unwrap_or_else(|| "none".to_owned());
        self.compare("challenge", self.expect.challenge.clone(), challenge);
        for (name, expected) in &self.expect.answer {
            self.header(&format!("answer {name}"), expected, header(name).as_deref().map(SentHeader::Value));
        }
        let nothing = || "nothing is sent to the origin".to_owned();
        self.compare("origin", self.expect.origin.clone(), nothing());
        self.compare("service", self.expect.service.clone(), nothing());
        for (name, expected) in &self.expect.headers {
            self.compare(&format!("header {name}"), Some(expected.words()), nothing());
        }
    }

    fn header(&mut self, what: &str, expected: &HeaderExpectation, sent: Option<SentHeader<'_>>) {
        let is_met = match (expected, &sent) {
            (HeaderExpectation::Present, Some(_)) | (HeaderExpectation::Absent, None) => true,
            (HeaderExpectation::Is(expected), Some(SentHeader::Value(value))) => expected == value,
            _ => false,
        };
        if !is_met {
            let found = match sent {
                None => "absent".to_owned(),
                Some(SentHeader::Value(value)) => value.to_owned(),
                Some(SentHeader::Token) => "the caller's token".to_owned(),
            };
            self.mismatches.push(Mismatch { what: what.to_owned(), expected: expected.words(), found });
        }
    }
}

/// The values of a header, as one (RFC 9110 §5.3).
fn all<'h>(headers: impl Iterator<Item = (&'h str, &'h String)>, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The value of a header that the origin receives.
enum SentHeader<'t> {
    Value(&'t str),
    /// The token that is made for a caller with claims.
    Token,
}

/// The value of a header that the caller sends.
fn sent_by_caller<'t>(test: &'t PolicyTest, name: &str, token_header: &str) -> Option<SentHeader<'t>> {
    if name == token_header && test.claims.is_some() {
        return Some(SentHeader::Token);
    }
    test.request.header(name).map(SentHeader::Value)
}

impl HeaderExpectation {
    fn words(&self) -> String {
        match self {
            Self::Present => "present".to_owned(),
            Self::Absent => "absent".to_owned(),
            Self::Is(value) => value.clone(),
        }
    }
}
