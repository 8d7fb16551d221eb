//! What another policy would have decided: a candidate is compared with the policy in force on the same requests.

use super::quota::Quota;
use super::report::Report;
use super::told::{DataPoint, count, in_json};
use crate::decision::{AnswerContext, Decision};
use crate::jose::base64url;
use crate::jose::json::Json;
use crate::policy::{Identity, Log, LoggedDecisions, Route};
use crate::reason::Reason;
use crate::time::UnixMillis;

/// The event of a line about a difference.
const CANDIDATE: &str = "candidate";

/// Claims of an assertion that differ whenever it is signed.
const CLAIMS_OF_SIGNING: [&str; 3] = ["iat", "exp", "jti"];

/// What a policy decides on a request, as far as policies are compared.
#[derive(Clone, Debug)]
pub struct Verdict {
    outcome: Outcome,
    reason: Option<Reason>,
    /// Headers that the origin receives from the gate, if the request is forwarded: names and values.
    headers: Option<Vec<(String, String)>>,
    /// Whether the gate has answered for itself.
    is_own: bool,
    point: DataPoint,
}

/// A decision in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    status: u16,
    code: Option<&'static str>,
    route: Option<String>,
    /// Where the request goes, if it is forwarded.
    origin: Option<String>,
    enforced: bool,
}

impl Verdict {
    /// Of a decision under a policy with this `identity`.
    #[must_use]
    pub fn of(
        decision: &Decision<'_>,
        context: &AnswerContext<'_>,
        report: Option<&Report<'_>>,
        identity: &Identity,
    ) -> Self {
        let status = match (report, decision) {
            (Some(report), _) => report.status,
            (None, Decision::Deny(denial)) => crate::answer::status(denial.reason(), context),
            (None, Decision::Preflight(_)) => 204,
            (None, Decision::Done(status)) => *status,
            (None, Decision::Serve(_) | Decision::Allow(_)) => 200,
        };
        let reason = match decision {
            Decision::Deny(denial) => Some(denial.reason()),
            _ => report.and_then(|report| report.reason),
        };
        let headers = match decision {
            Decision::Allow(forward) => {
                let headers = forward.set.iter().map(|(name, value)| header(name, value, identity));
                Some(headers.collect())
            }
            _ => None,
        };
        let route = report.and_then(|report| report.route);
        let origin = route.filter(|_| headers.is_some()).and_then(Route::forwarding);
        Self {
            outcome: Outcome {
                status,
                code: reason.map(|reason| reason.text().code),
                route: route.map(|route| route.name.clone()),
                origin: origin.map(|forwarding| forwarding.origin.to_string()),
                enforced: report.is_none_or(|report| report.is_enforced),
            },
            reason,
            headers,
            is_own: report.is_none(),
            point: report.map_or_else(|| DataPoint::of_own(reason, status), DataPoint::of),
        }
    }

    /// Why the request is refused, or would be if the route were enforced.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Whether the decision could be made without waiting for keys. A candidate never makes a request wait.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        self.reason != Some(Reason::KeysUnavailable)
    }

    /// The names of headers whose values differ; `None` if there is no difference at all.
    #[must_use]
    pub fn difference(&self, candidate: &Self) -> Option<Vec<String>> {
        let headers = match (&self.headers, &candidate.headers) {
            (Some(own), Some(others)) => differing(own, others),
            _ => Vec::new(),
        };
        let is_any = self.outcome != candidate.outcome
            || self.headers.is_some() != candidate.headers.is_some()
            || !headers.is_empty();
        is_any.then_some(headers)
    }

    /// What is told if the candidate decides this request otherwise, in JSON; `None` if nothing is. `self` is the decision of
    /// the policy in force, whose `log` counts.
    #[must_use]
    pub fn told(&self, candidate: Self, log: &Log, quota: &mut Quota, now: UnixMillis) -> Option<String> {
        // What the gate answers for itself is told nowhere.
        if self.is_own || !candidate.is_judged() {
            return None;
        }
        let headers = self.difference(&candidate)?;
        let Self { outcome, reason, point, .. } = candidate;
        let (is_told, suppressed) = match log.decisions {
            LoggedDecisions::None => (false, None),
            _ => count(CANDIDATE, outcome.route.as_deref(), reason, quota, now),
        };
        let line = is_told.then(|| {
            Json::object([
                ("event", Some(Json::text(CANDIDATE))),
                ("route", outcome.route.as_deref().map(Json::text)),
                ("reason", reason.map(|reason| Json::text(reason.text().word))),
                ("live", Some(self.outcome.line())),
                ("candidate", Some(outcome.line())),
                ("headers", Some(Json::Array(headers.into_iter().map(Json::text).collect()))),
            ])
        });
        let point = log.analytics.as_deref().map(|binding| point.told(binding, CANDIDATE));
        in_json(line, suppressed, point, None)
    }
}

impl Outcome {
    fn line(&self) -> Json<'_> {
        Json::object([
            ("status", Some(Json::number(self.status.into()))),
            ("code", self.code.map(Json::text)),
            ("route", self.route.as_deref().map(Json::text)),
            ("origin", self.origin.as_deref().map(Json::text)),
            ("enforced", Some(Json::Bool(self.enforced))),
        ])
    }
}

/// A header as it is compared. Two assertions are the same if they say the same, whenever they were signed.
fn header(name: &str, value: &str, identity: &Identity) -> (String, String) {
    let is_assertion = identity.assertion.as_ref().is_some_and(|settings| settings.header == name);
    let value = if is_assertion { said(value) } else { None }.unwrap_or_else(|| value.to_owned());
    (name.to_owned(), value)
}

/// What an assertion says, apart from when it was signed.
fn said(assertion: &str) -> Option<String> {
    let (header, rest) = assertion.split_once('.')?;
    let (payload, _) = rest.split_once('.')?;
    let payload = String::from_utf8(base64url::decode(payload)?).ok()?;
    let payload = Json::parse(&payload).ok()?;
    let claims = payload.as_object()?.iter().filter(|(name, _)| !CLAIMS_OF_SIGNING.contains(name));
    let claims: Vec<String> = claims.map(|(name, value)| format!("{name}={value}")).collect();
    Some(format!("{header} {}", claims.join(" ")))
}

/// The names of headers that differ, or that only one of both has.
fn differing(one: &[(String, String)], other: &[(String, String)]) -> Vec<String> {
    let lacks = |headers: &[(String, String)], header: &(String, String)| !headers.contains(header);
    let mut names: Vec<String> = Vec::new();
    let differing =
        one.iter().filter(|header| lacks(other, header)).chain(other.iter().filter(|header| lacks(one, header)));
    for (name, _) in differing {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}
