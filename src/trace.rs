//! Reports the steps of a decision to an observer, for tools that explain decisions. The edge does not observe, so
//! there this compiles to nothing.

use crate::policy::template::RequestValues;
use crate::policy::{Audience, ClaimRule, Issuer, Organization, Requirement, Route, Scopes};
use crate::route::path::RequestPath;
use crate::route::table::{Captures, RouteIndex, RouteMatch};
use crate::token::claims::Claims;

/// Receives the steps of the pipeline.
pub trait Observer {
    /// The pipeline takes this step next.
    fn observe(&self, _step: Step<'_>) {}
}

/// A step of the pipeline (`gateway`), reported before it is taken: if a request is refused, the last reported step
/// refused it, and it passed all before. A step carries what a token is compared with; of the token itself it carries
/// nothing before the signature is verified. For a verified token, steps 5 and 6 are omitted.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// 1. The host is unambiguous.
    Host,
    /// 1. The path is unambiguous.
    Path,
    /// 1. The query is unambiguous. Reported only if it is not.
    Query,
    /// 1. The request has one of the methods that a path of the gate's own takes.
    Own(&'static [&'static str]),
    /// 1. A page may send the request that its browser asks about.
    Preflight,
    /// 1. There is a route.
    Route {
        /// In lower case, without port and trailing dot.
        host: &'a str,
        /// The path, decoded.
        path: &'a RequestPath<'a>,
    },
    /// 1. The path has the same route for an origin that ignores case. Reported only if it has another.
    Case {
        /// The route that matches, as an index into those of the policy.
        index: RouteIndex,
        /// What the path matches if case is ignored.
        otherwise: &'a RouteMatch<'a>,
    },
    /// 1. The route keeps the encoded slashes in the path, and the path has no other route once they are decoded.
    EncodedSlash {
        /// The route that matches, as an index into those of the policy.
        index: RouteIndex,
        /// What the path matches if slashes are decoded first, and perhaps case is ignored, where that is not allowed.
        otherwise: Option<&'a RouteMatch<'a>>,
    },
    /// 1. The route does not deny all requests.
    Access {
        /// The index of the route in the policy.
        index: RouteIndex,
        /// The route that matches.
        route: &'a Route,
        /// The values that its path and host patterns captured.
        captures: &'a Captures,
    },
    /// 1. The page that sends the request is one that the route's `cors` allows. Reported only if the gate enforces it.
    PageOrigin(&'a str),
    /// 2. The `Authorization` header holds one bearer token, or none.
    Authorization {
        /// The header that the route names instead, which holds the token without a scheme.
        header: Option<&'a str>,
    },
    /// 3. The token is a compact JWS whose header has an algorithm that the gate knows.
    Form,
    /// 4. The route accepts the token's issuer.
    Issuer(&'a Requirement),
    /// 4. The token's algorithm and type are accepted from the issuer; its claims have the right types; its times are
    ///    right.
    Claims(&'a Issuer),
    /// 5. The issuer has the token's key.
    Key(&'a Issuer),
    /// 6. The signature is valid under one of this many keys.
    Signature(usize),
    /// 6. The token is not revoked. Reported only if the policy has a list of revocations.
    Revocation(&'a Claims),
    /// 7. The token is for one of these audiences.
    Audience(&'a Audience, Caller<'a>),
    /// 7. The token is for this organization.
    Organization(&'a Organization, Caller<'a>),
    /// 7. The token has these scopes.
    Scopes(&'a Scopes, Caller<'a>),
    /// 7. A claim is what it must be.
    Claim(&'a ClaimRule, Caller<'a>),
    /// 8. The request can be forwarded to the origin, with proof of the gate.
    Origin,
}

/// The caller, once the token is verified.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The claims of the verified token.
    pub claims: &'a Claims,
    /// The values of the request that templates read.
    pub request: &'a dyn RequestValues,
}
