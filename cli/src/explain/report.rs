//! An explanation as data: the output of `--format json`, which docs/cli.md describes.

use std::borrow::Cow;
use std::num::NonZeroU32;

use portcullis::time::UnixSeconds;
use portcullis::upstream::Forward;
use serde::Serialize;

use crate::trial::candidates::{RouteCandidate, RouteText};
use crate::trial::check::Check;
use crate::trial::{Trial, TrialDecision, TrialRequest};

/// Changes when the meaning of a field changes. New fields may be added without a change.
const VERSION: u32 = 1;

/// How a request was decided, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Explanation {
    version: u32,
    pub(super) method: String,
    pub(super) url: String,
    /// In seconds since 1970.
    pub(super) now: u64,
    pub(super) caller: CallerKind,
    /// The claims that the caller was given by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) added_claims: Vec<&'static str>,
    pub(super) route: Option<ExplainedRoute>,
    pub(super) candidates: Vec<RouteCandidate>,
    pub(super) checks: Vec<Check>,
    pub(super) log: Vec<String>,
    /// Why the request is refused, or would be if its route were enforced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<ExplainedReason>,
    #[serde(flatten)]
    pub(super) decision: ExplainedDecision,
}

/// What the caller's identity is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CallerKind {
    Anonymous,
    Token,
    Claims,
}

/// The route of the request.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedRoute {
    pub(super) index: usize,
    pub(super) captures: Vec<NamedValue>,
    /// The label that a `{name}.host` pattern captured.
    pub(super) host_label: Option<String>,
}

/// A name and its value.
#[derive(Debug, Serialize)]
pub(super) struct NamedValue {
    pub(super) name: String,
    pub(super) value: String,
}

/// A reason as in the log of decisions.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedReason {
    pub(super) word: &'static str,
    pub(super) advice: &'static str,
}

/// The decision.
#[derive(Debug, Serialize)]
#[serde(tag = "decision", content = "effect", rename_all = "lowercase")]
pub(super) enum ExplainedDecision {
    Allow(ToOrigin),
    Deny(ExplainedAnswer),
    Serve(ExplainedAnswer),
}

/// The answer of the gate itself.
#[derive(Debug, Serialize)]
pub(super) struct ExplainedAnswer {
    pub(super) status: u16,
    pub(super) headers: Vec<NamedValue>,
    pub(super) body: String,
}

/// What the origin receives.
#[derive(Debug, Serialize)]
pub(super) struct ToOrigin {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) service: Option<String>,
    pub(super) timeout_ms: Option<NonZeroU32>,
    /// Whether Cloudflare's cache may answer instead of the origin.
    pub(super) cache: bool,
    pub(super) route: String,
    pub(super) set: Vec<NamedValue>,
    /// Names of the request's headers that are removed.
    pub(super) removed: Vec<String>,
    /// Names of the request's headers that are forwarded unchanged.
    pub(super) kept: Vec<String>,
    /// Headers that the gate adds to the origin's answer.
    pub(super) added: Vec<NamedValue>,
}

impl Explanation {
    pub(super) fn new(
        request: &TrialRequest,
        caller: CallerKind,
        now: UnixSeconds,
        candidates: Vec<RouteCandidate>,
        routes: &[RouteText],
        trial: Trial,
    ) -> Self {
        let route = trial.route.map(|(index, captures)| {
            let text = routes.iter().find(|route| route.index() == index);
            let names = text.into_iter().flat_map(RouteText::captures);
            let captured = names.zip(captures.path).map(|(name, value)| NamedValue { name: name.to_owned(), value });
            ExplainedRoute { index, captures: captured.collect(), host_label: captures.host_label }
        });
        let decision = match trial.verdict {
            TrialDecision::Allow(forward) => {
                ExplainedDecision::Allow(to_origin(request, forward, trial.kept, trial.added))
            }
            TrialDecision::Deny(answer) => ExplainedDecision::Deny(ExplainedAnswer::new(answer)),
            TrialDecision::Serve(answer) => ExplainedDecision::Serve(ExplainedAnswer::new(answer)),
        };
        Self {
            version: VERSION,
            method: request.method.clone(),
            url: request.url.clone(),
            now: now.0,
            caller,
            added_claims: Vec::new(),
            route,
            candidates,
            checks: trial.checks,
            log: trial.log,
            reason: trial.reason.map(|reason| ExplainedReason { word: reason.text().word, advice: reason.advice() }),
            decision,
        }
    }

    pub(super) fn with_added_claims(self, added_claims: Vec<&'static str>) -> Self {
        Self { added_claims, ..self }
    }

    /// The status of the gate's own answer.
    pub(super) fn status(&self) -> Option<u16> {
        match &self.decision {
            ExplainedDecision::Allow(_) => None,
            ExplainedDecision::Deny(answer) | ExplainedDecision::Serve(answer) => Some(answer.status),
        }
    }
}

impl ExplainedAnswer {
    fn new(answer: portcullis::answer::Answer) -> Self {
        let portcullis::answer::Answer { status, headers, body } = answer;
        Self { status, headers: named(headers.into_iter().map(|(name, value)| (name.to_owned(), value))), body }
    }
}

fn to_origin(
    request: &TrialRequest,
    forward: Forward<'_>,
    kept: Vec<String>,
    added: Vec<(String, String)>,
) -> ToOrigin {
    ToOrigin {
        method: request.method.clone(),
        url: forward.url,
        service: forward.service.map(Cow::into_owned),
        timeout_ms: forward.timeout_ms,
        cache: forward.cache,
        route: forward.route.into_owned(),
        set: named(forward.set.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()))),
        removed: forward.remove.into_iter().map(Cow::into_owned).collect(),
        kept,
        added: named(added.into_iter()),
    }
}

fn named(headers: impl Iterator<Item = (String, String)>) -> Vec<NamedValue> {
    headers.map(|(name, value)| NamedValue { name, value }).collect()
}
