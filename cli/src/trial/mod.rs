//! Trials of requests: the gate's own code decides them, and each of its steps is recorded.

mod caller;
pub(crate) mod candidates;
pub(crate) mod check;
pub(crate) mod claims;
mod near;
mod peek;
mod platform;
mod record;
mod request;
pub(crate) mod revocations;
mod secrets;
pub(crate) mod time;
mod words;

use std::rc::Rc;

use portcullis::answer::{Answer, answer, done, preflight, serve};
use portcullis::cors::AnswerKind;
use portcullis::decision::{AnswerContext, Decision};
use portcullis::gateway::Gateway;
use portcullis::gateway::verified::VerifiedTokens;
use portcullis::log::{Report, Verdict};
use portcullis::policy::{Issuer, KeySource, Policy};
use portcullis::reason::Reason;
use portcullis::request::Request;
use portcullis::route::header::{AUTHORIZATION, is_rewritten};
use portcullis::route::host::in_lower_case;
use portcullis::route::path::RequestPath;
use portcullis::route::table::{Captures, RouteIndex};
use portcullis::time::UnixSeconds;
use portcullis::upstream::Forward;

use crate::exit::Failure;
use caller::TokenForm;
use check::Check;
use platform::LocalPlatform;
use record::{RequestFacts, StepRecord};
pub(crate) use request::{TrialRequest, check_method};
use secrets::StandIns;

/// A gate that finds the routes of requests, and decides nothing else.
pub(crate) type Router = Gateway<LocalPlatform>;

/// A gate with a policy, in this process.
pub(crate) struct LocalGate {
    gateway: Gateway<LocalPlatform>,
    /// The forms of made-up tokens, if claims are taken as verified.
    forms: Option<Vec<TokenForm>>,
    secrets: StandIns,
    /// The list of revocations, if one was given.
    revocations: Option<Rc<str>>,
    issuers: Vec<Rc<Issuer>>,
    max_token_bytes: usize,
}

/// How a request was decided.
pub(crate) struct Trial {
    pub(crate) verdict: TrialDecision,
    /// Why the request is refused, or is forwarded only because its route is not enforced.
    pub(crate) reason: Option<Reason>,
    pub(crate) checks: Vec<Check>,
    pub(crate) route: Option<(RouteIndex, Captures)>,
    /// The header where the route looks for the token.
    pub(crate) token_header: String,
    /// Names of the request's headers that the origin receives unchanged; none unless the request is allowed.
    pub(crate) kept: Vec<String>,
    /// Headers that the gate adds to the origin's answer.
    pub(crate) added: Vec<(String, String)>,
    /// What was fetched, and what the gate logged.
    pub(crate) log: Vec<String>,
}

/// The decision on a request.
#[derive(Debug)]
pub(crate) enum TrialDecision {
    Allow(Forward<'static>),
    Deny(Answer),
    /// The gate answers itself, with a document of its own or to a preflight.
    Serve(Answer),
}

impl TrialDecision {
    /// `allow`, `deny` or `serve`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Deny(_) => "deny",
            Self::Serve(_) => "serve",
        }
    }
}

impl LocalGate {
    /// A gate that verifies tokens with its issuers' keys.
    pub(crate) fn of_tokens(policy: Policy) -> Result<Self, Failure> {
        Self::new(policy, None)
    }

    /// A gate that takes each caller's claims as verified.
    pub(crate) fn of_claims(mut policy: Policy) -> Result<Self, Failure> {
        let forms = caller::trust(&mut policy);
        Self::new(policy, Some(forms))
    }

    fn new(policy: Policy, forms: Option<Vec<TokenForm>>) -> Result<Self, Failure> {
        let secrets = StandIns::new(&policy)?;
        let issuers = policy.issuers.clone();
        let max_token_bytes = policy.max_token_bytes;
        // No tokens are remembered: each request must go through all checks.
        let gateway = Gateway::with(policy, VerifiedTokens::bounded(0, 0));
        let gate = Self { gateway, forms, secrets, revocations: None, issuers, max_token_bytes };
        let local = LocalPlatform::new(
            UnixSeconds::default(),
            gate.forms.is_some(),
            gate.secrets.clone(),
            None,
            StepRecord::default(),
        );
        let loaded = local.run(gate.gateway.keyring().check_static_keys(&local));
        loaded.map_err(|names| {
            Failure::new(format!("none of the keys in the policy of issuer {} can be used here", names.join(", ")))
        })?;
        Ok(gate)
    }

    /// The same with this list of revocations, which [`revocations::read`] has read.
    pub(crate) fn with_revocations(self, list: Option<String>) -> Self {
        Self { revocations: list.map(Into::into), ..self }
    }

    /// The `iss` of all tokens, if the policy has one issuer without tenants.
    pub(crate) fn only_iss(&self) -> Option<&str> {
        match self.issuers.as_slice() {
            [only] if only.tenants.is_none() => Some(&only.issuer),
            _ => None,
        }
    }

    /// Decides a request at a time. `claims` are the caller's, taken as verified; without them the request's own token
    /// counts.
    pub(crate) fn decide(&self, request: &TrialRequest, claims: Option<&str>, now: UnixSeconds) -> Trial {
        let made = claims.zip(self.forms.as_deref()).map(|(claims, forms)| caller::token(claims, forms));
        let token_header = self.named_token_header(&request.bare());
        let value = made.as_deref().or(request.token()).map(|token| match token_header {
            Some(_) => token.to_owned(),
            None => format!("Bearer {token}"),
        });
        let token_header = token_header.unwrap_or(AUTHORIZATION);
        let received = request.as_received(value.as_deref().map(|value| (token_header, value)));
        let given = RequestFacts {
            authority: received.url.authority.to_owned(),
            host: received.header("host").map(str::to_owned),
            path: received.url.path.to_owned(),
            query: received.url.query.map(str::to_owned),
            method: received.method.to_owned(),
            headers: received.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            preflight: request::describe_preflight(&received),
            now,
            max_token_bytes: self.max_token_bytes,
            trusts: claims.is_some(),
            issuers: self.issuers.iter().map(|issuer| words::issuer(issuer)).collect(),
        };
        let (secrets, revocations) = (self.secrets.clone(), self.revocations.clone());
        let local = LocalPlatform::new(now, self.forms.is_some(), secrets, revocations, StepRecord::new(given));
        let take = |decision: Decision<'_>, context: &AnswerContext<'_>, report: Option<&Report<'_>>| {
            let judged = Verdict::of(&decision, context, report, &self.gateway.policy().identity);
            let reason = judged.reason();
            let (verdict, kept, added) = match decision {
                Decision::Allow(mut forward) => {
                    self.secrets.show(&mut forward);
                    let kept = kept(&forward, &received);
                    keep_from_caches(&mut forward, &kept);
                    (TrialDecision::Allow(forward.into_owned()), kept, added(context))
                }
                Decision::Serve(document) => (TrialDecision::Serve(serve(&document, context)), vec![], vec![]),
                Decision::Done(status) => (TrialDecision::Serve(done(status)), vec![], vec![]),
                Decision::Preflight(granted) => (TrialDecision::Serve(preflight(&granted, context)), vec![], vec![]),
                Decision::Deny(denial) => (TrialDecision::Deny(answer(&denial, context)), vec![], vec![]),
            };
            (reason, verdict, kept, added)
        };
        let (reason, verdict, kept, added) = local.run(self.gateway.decide(&received, &local, take));
        let mut record = local.take_record();
        let (route, log) = (record.route.take(), std::mem::take(&mut record.log));
        let token_header = token_header.to_owned();
        Trial { verdict, reason, checks: record.into_checks(reason), route, token_header, kept, added, log }
    }

    /// The header where the request's route looks for the token, in lower case.
    pub(crate) fn token_header(&self, request: &TrialRequest) -> &str {
        self.named_token_header(&request.bare()).unwrap_or(AUTHORIZATION)
    }

    /// The path of a request as the gate reads it; `None` if it is ambiguous.
    pub(crate) fn path<'r>(&self, request: &Request<'r>) -> Option<RequestPath<'r>> {
        self.gateway.path(request.url.path)
    }

    /// The header that the request's route names for the token, if it names one.
    fn named_token_header(&self, request: &Request<'_>) -> Option<&str> {
        let policy = self.gateway.policy();
        let path = self.path(request)?;
        let index = policy.table.find_route(&in_lower_case(request.url.host()), &path, request.method)?;
        policy.routes.get(index)?.forwarding()?.token_header.as_deref()
    }
}

/// The names of a request's headers that its origin receives unchanged. The URL contains the host of a server; a service
/// receives the caller's `Host`.
fn kept(forward: &Forward<'_>, request: &Request<'_>) -> Vec<String> {
    let is_kept = |name: &&str| {
        !forward.remove.iter().any(|removed| removed == name) && (forward.service.is_some() || !is_rewritten(name))
    };
    request.headers.iter().map(|(name, _)| *name).filter(is_kept).map(str::to_owned).collect()
}

/// Adds the headers that the platform adds when no cache may answer (Fetch standard §4.6, cache mode `no-store`),
/// unless the origin receives those of the request.
fn keep_from_caches(forward: &mut Forward<'_>, kept: &[String]) {
    if forward.cache || forward.service.is_some() {
        return;
    }
    for name in ["cache-control", "pragma"] {
        if !kept.iter().any(|kept| kept == name) {
            forward.set.push((name.into(), "no-cache".into()));
        }
    }
}

fn added(context: &AnswerContext<'_>) -> Vec<(String, String)> {
    let fields = context.sharing.iter().flat_map(|sharing| sharing.fields(AnswerKind::Content));
    fields.map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
}

/// Replaces every issuer's keys by these.
pub(crate) fn replace_keys(policy: &mut Policy, keys: &[portcullis::jose::public_key::PublicKey]) {
    for issuer in &mut policy.issuers {
        Rc::make_mut(issuer).keys = KeySource::Static(keys.to_vec());
    }
}
