//! The pipeline of a request, from the path to the decision.

use std::borrow::Cow;

use super::Gateway;
use super::own::{Own, OwnAnswer};
use crate::answer;
use crate::authorize::Permit;
use crate::cors::Sharing;
use crate::decision::{AnswerContext, Decision, ResourceHint};
use crate::denial::Denial;
use crate::log::{Report, Seen};
use crate::platform::Platform;
use crate::policy::{Access, Action, Forwarding, Route};
use crate::reason::Reason;
use crate::request::{Request, Routed};
use crate::route::host::in_lower_case;
use crate::route::path::RequestPath;
use crate::route::table::{Captures, RouteIndex};
use crate::trace::{Observer, Step};
use crate::upstream::{Forward, ForwardTarget, Granted, Proof};

/// What handles a request: the gate's own documents and preflights, or a route.
enum Handler<'a> {
    /// The gate responds itself, without the origin.
    Gate(OwnAnswer<'a>),
    /// The route that the request matches; it may forward the request.
    Route(Matched<'a>),
    /// The route of a request that a page must not send, which its preflight announces.
    PreflightDenied { matched: Matched<'a>, is_enforced: bool },
}

/// A request's route, and what it was found by.
pub(super) struct Matched<'a> {
    pub(super) host: Cow<'a, str>,
    pub(super) path: RequestPath<'a>,
    pub(super) index: RouteIndex,
    pub(super) route: &'a Route,
    pub(super) captures: Captures,
}

/// A request that may be forwarded.
struct Admission<'a> {
    forwarding: &'a Forwarding,
    /// `None` if the route needs none and the caller has none.
    permit: Option<Permit>,
    proof: Proof<'a>,
    grant: Option<Granted>,
}

impl<P: Platform + Observer> Gateway<P> {
    /// Decides on a request. `take` converts the decision, which borrows from the request, the policy and the token's
    /// claims, so that nothing of them is copied. It receives no report where there is nothing to tell: the gate has
    /// answered for itself.
    pub async fn decide<T>(
        &self,
        request: &Request<'_>,
        platform: &P,
        take: impl FnOnce(Decision<'_>, &AnswerContext<'_>, Option<&Report<'_>>) -> T,
    ) -> T {
        let before_route = AnswerContext::at(request.url.host());
        let (matched, denied_preflight) = match self.handler(request, platform).await {
            Ok(Handler::Route(matched)) => (matched, None),
            Ok(Handler::PreflightDenied { matched, is_enforced }) => (matched, Some(is_enforced)),
            Ok(Handler::Gate(OwnAnswer { decision, sharing })) => {
                let context = AnswerContext { sharing, ..before_route };
                return take(decision.unwrap_or_else(Decision::Deny), &context, None);
            }
            Err(denial) => {
                let sharing = self.policy.cors.as_ref().map(|cors| Sharing::new(cors, request));
                let context = AnswerContext { sharing, ..before_route };
                let reason = denial.reason();
                let report = Report::refused(None, reason, answer::status(reason, &context), Seen::default());
                return take(Decision::Deny(denial), &context, Some(&report));
            }
        };
        let Matched { path, route, .. } = &matched;
        let context = AnswerContext {
            sharing: route.cors.as_ref().map(|cors| Sharing::new(cors, request)),
            resource: self.resource_of(route),
            ..before_route
        };
        let mut seen = Seen::default();
        let admitted = match denied_preflight {
            Some(_) => Err(Denial::PreflightDenied),
            None => self.admit(request, &matched, &mut seen, platform).await,
        };
        let target = |forwarding| ForwardTarget { request, path, route: &route.name, forwarding };
        match admitted {
            Ok(Admission { forwarding, permit, proof, grant }) => {
                let forward = Forward::new(target(forwarding), &self.policy.identity, permit.as_ref(), &proof);
                let report = Report::allowed(route, seen);
                let (context, is_left_alone) = context.without_refused_page(route);
                // Later requests of the route may be those of other pages.
                let grant = grant.filter(|_| !is_left_alone);
                take(Decision::Allow(Forward { grant, ..forward }), &context, Some(&report))
            }
            Err(denial) => {
                let reason = denial.reason();
                let report = Report::refused(Some(route), reason, answer::status(reason, &context), seen);
                let is_enforced = denied_preflight.unwrap_or(route.is_enforced);
                let forwarding = route.forwarding().filter(|_| !is_enforced && reason != Reason::Misconfigured);
                let Some(forwarding) = forwarding else {
                    return take(Decision::Deny(denial), &context, Some(&report));
                };
                let forward = Forward::without_identity(target(forwarding), &self.policy.identity);
                let context = match denied_preflight {
                    // The origin says what the page may send.
                    Some(_) => AnswerContext { sharing: None, ..context },
                    None => context.without_refused_page(route).0,
                };
                take(Decision::Allow(forward), &context, Some(&report.not_enforced()))
            }
        }
    }

    /// What there is to tell of a request that was allowed and then failed for this reason. The caller is the one whose
    /// token is in memory.
    pub fn report_failure<'a>(&'a self, request: &'a Request<'_>, reason: Reason) -> Report<'a> {
        let path = self.path(request.url.path);
        let host = in_lower_case(request.url.host());
        let index = path.and_then(|path| self.policy.table.find_route(&host, &path, request.method));
        let route = index.and_then(|index| self.policy.routes.get(index));
        let seen = route.and_then(|route| self.caller_in_memory(route, request)).unwrap_or_default();
        Report::refused(route, reason, reason.text().status, seen)
    }

    /// 1. Host, path and query are unambiguous, and there is a route.
    async fn handler<'a>(&'a self, request: &'a Request<'_>, platform: &P) -> Result<Handler<'a>, Denial> {
        platform.observe(Step::Host);
        if !request.has_unambiguous_host() {
            return Err(Denial::BadPath);
        }
        platform.observe(Step::Path);
        let path = self.path(request.url.path).ok_or(Denial::BadPath)?;
        if !request.url.has_unambiguous_query() {
            platform.observe(Step::Query);
            return Err(Denial::BadPath);
        }
        let host = in_lower_case(request.url.host());
        match self.own(&host, &path, request, platform).await {
            Some(Own::Answer(own)) => return Ok(Handler::Gate(own)),
            Some(Own::PreflightDenied { index, captures, is_enforced }) => {
                let route = self.policy.routes.get(index).ok_or(Denial::Misconfigured)?;
                let matched = Matched { host, path, index, route, captures };
                return Ok(Handler::PreflightDenied { matched, is_enforced });
            }
            None => {}
        }
        platform.observe(Step::Route { host: &host, path: &path });
        let (index, route, captures) = self.route(&host, &path, request.method, platform)?;
        Ok(Handler::Route(Matched { host, path, index, route, captures }))
    }

    /// 1. to 8. The caller may use the route.
    async fn admit<'a>(
        &'a self,
        request: &'a Request<'_>,
        matched: &Matched<'a>,
        seen: &mut Seen<'a>,
        platform: &P,
    ) -> Result<Admission<'a>, Denial> {
        let Matched { host, index, route, captures, .. } = matched;
        platform.observe(Step::Access { index: *index, route, captures });
        let Action::Forward(forwarding) = &route.action else { return Err(Denial::Denied) };
        check_page_origin(route, request, platform)?;
        let routed = Routed::new(request, route, captures, host);
        let header = forwarding.token_header.as_deref();
        let bearer = match &forwarding.access {
            Access::Nobody => return Err(Denial::Denied),
            Access::Public => None,
            Access::Token(requirement) => {
                let bearer = self.bearer(request, header, requirement, &routed, seen, platform).await?;
                Some(bearer.ok_or(Denial::MissingAuthorization)?)
            }
            Access::Optional(requirement) => self.bearer(request, header, requirement, &routed, seen, platform).await?,
        };
        // 8. The proof for the origin that the request came through the gate.
        platform.observe(Step::Origin);
        let proof = self.proof(bearer.as_ref(), &forwarding.origin, request, platform).await?;
        let grant = self.grant(matched, forwarding, bearer.as_ref(), proof.until, platform.now());
        Ok(Admission { forwarding, permit: bearer.map(|bearer| bearer.permit), proof, grant })
    }

    fn resource_of<'a>(&'a self, route: &'a Route) -> Option<ResourceHint<'a>> {
        let resource = self.policy.resources.get(route.resource?)?;
        Some(ResourceHint { metadata_url: &resource.metadata_url, scopes: &route.requirement()?.scopes })
    }
}

/// 1. The request comes from no page, or from one that the route's `cors` allows, if the gate enforces it.
fn check_page_origin(route: &Route, request: &Request<'_>, observer: &impl Observer) -> Result<(), Denial> {
    // The gate's own origin is no exception: after a DNS rebinding, browsers take the attacker's host for it.
    let (Some(cors), Some(origin)) = (route.enforced_cors(), request.header("origin")) else { return Ok(()) };
    observer.observe(Step::PageOrigin(origin));
    if cors.origins.allow(origin) { Ok(()) } else { Err(Denial::PageOriginDenied) }
}
