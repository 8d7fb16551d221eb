//! What there is to tell of a decision.

use crate::authorize::client_of;
use crate::policy::{Issuer, Route};
use crate::reason::Reason;
use crate::token::claims::Claims;
use crate::token::verify::VerifiedClaims;

/// The status of a decision to forward a request. What the origin answers is another matter.
const ALLOWED: u16 = 200;

/// What a decision found out about the caller, also if it refused the request.
#[derive(Clone, Debug, Default)]
pub struct Seen<'a> {
    /// The issuer that the token names, verified or not.
    pub issuer: Option<&'a Issuer>,
    /// The claims of the token, once its signature held.
    pub claims: Option<VerifiedClaims>,
}

/// What there is to tell of a decision on a request that a route handles, or that has no route.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The route, if there is one.
    pub route: Option<&'a Route>,
    /// Why the request is refused, or would be if the route were enforced; `None` if it is allowed.
    pub reason: Option<Reason>,
    /// The status of the decision: that of the refusal, enforced or not.
    pub status: u16,
    /// Whether the decision has its effect.
    pub is_enforced: bool,
    /// Who calls.
    pub seen: Seen<'a>,
}

impl<'a> Report<'a> {
    /// Of a request that is forwarded, since the route allows it.
    #[must_use]
    pub fn allowed(route: &'a Route, seen: Seen<'a>) -> Self {
        Self { route: Some(route), reason: None, status: ALLOWED, is_enforced: route.is_enforced, seen }
    }

    /// Of a request that is refused.
    #[must_use]
    pub fn refused(route: Option<&'a Route>, reason: Reason, status: u16, seen: Seen<'a>) -> Self {
        Self { route, reason: Some(reason), status, is_enforced: true, seen }
    }

    /// Of a request that is forwarded although the route does not allow it.
    #[must_use]
    pub fn not_enforced(self) -> Self {
        Self { is_enforced: false, ..self }
    }

    /// The name of the route.
    #[must_use]
    pub fn route_name(&self) -> Option<&'a str> {
        self.route.map(|route| route.name.as_str())
    }

    /// The policy's name of the issuer.
    #[must_use]
    pub fn issuer_name(&self) -> Option<&'a str> {
        self.seen.issuer.map(|issuer| issuer.name.as_str())
    }

    /// The claims of the caller, whose token is verified.
    #[must_use]
    pub fn claims(&self) -> Option<&Claims> {
        self.seen.claims.as_ref().map(VerifiedClaims::claims)
    }

    /// The OAuth client of the caller.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        client_of(self.claims()?)
    }

    /// The scopes that are why the request is refused: those of `all` that the token lacks, then all of `any` if it has
    /// none of them.
    #[must_use]
    pub fn scopes_missing(&self) -> Vec<&'a str> {
        let is_reason = self.reason == Some(Reason::InsufficientScope);
        let required = self.route.filter(|_| is_reason).and_then(Route::requirement);
        let (Some(required), Some(claims)) = (required, self.claims()) else { return Vec::new() };
        let scopes = &required.scopes;
        let lacks = |scope: &&String| !claims.scopes().contains(scope);
        let any = if scopes.any.iter().all(|scope| lacks(&scope)) { scopes.any.as_slice() } else { &[] };
        scopes.all.iter().filter(lacks).chain(any).map(String::as_str).collect()
    }
}
