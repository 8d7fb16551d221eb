//! What a decision turns on, told step by step to an observer, for tools that explain decisions. The edge does not observe,
//! and there this compiles to nothing.

use crate::policy::template::RequestValues;
use crate::policy::{Audience, ClaimRule, Issuer, Organization, Requirement, Route, Scopes};
use crate::route::path::RequestPath;
use crate::route::table::{Captures, RouteIndex, RouteMatch};
use crate::token::claims::Claims;

/// Hears of the steps of the pipeline.
pub trait Observer {
    /// The pipeline takes this step next.
    fn observe(&self, _step: Step<'_>) {}
}

/// A step of the pipeline (`gateway`), told before it is taken: of a request that is refused, the last step that was
/// told is the one that refused it, and all before it were passed. A step carries what a token is compared with; of the
/// token itself it carries nothing before the signature holds. Of a token that was verified before, steps 5 and 6 are left
/// out.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// 1. The host has one reading.
    Host,
    /// 1. The path has one reading.
    Path,
    /// 1. The query has one reading. Told only if it has none.
    Query,
    /// 1. A document of the gate's own is only read.
    Document,
    /// 1. A page may send the request that its browser asks about.
    Preflight,
    /// 1. There is a route.
    Route {
        /// In lower case, without port and trailing dot.
        host: &'a str,
        /// The path, decoded.
        path: &'a RequestPath<'a>,
    },
    /// 1. The path has the same route for an origin that ignores case. Told only if it has another.
    Case {
        /// The route.
        index: RouteIndex,
        /// What the path would fall under.
        otherwise: &'a RouteMatch<'a>,
    },
    /// 1. The route is not one that denies.
    Access {
        /// Where the route stands in the policy.
        index: RouteIndex,
        /// The route.
        route: &'a Route,
        /// What its patterns captured.
        captures: &'a Captures,
    },
    /// 2. The `Authorization` header holds one bearer token, or none.
    Authorization,
    /// 3. The token is a compact JWS whose header has an algorithm that the gate knows.
    Form,
    /// 4. The token's issuer is one that the route takes.
    Issuer(&'a Requirement),
    /// 4. The issuer takes the token's algorithm and type; its claims have the right types; its times are right.
    Claims(&'a Issuer),
    /// 5. The issuer has the token's key.
    Key(&'a Issuer),
    /// 6. The signature holds under one of so many keys.
    Signature(usize),
    /// 7. The token is for one of these audiences.
    Audience(&'a Audience, Caller<'a>),
    /// 7. The token is for this organization.
    Organization(&'a Organization, Caller<'a>),
    /// 7. The token has these scopes.
    Scopes(&'a Scopes, Caller<'a>),
    /// 7. A claim is what it must be.
    Claim(&'a ClaimRule, Caller<'a>),
    /// 8. There is a place for the request to go to.
    Origin,
}

/// Who calls, after the signature was found to hold.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The verified claims.
    pub claims: &'a Claims,
    /// What templates read of the request.
    pub request: &'a dyn RequestValues,
}
