//! The pipeline of a request, from the path to the decision.

mod grants;
mod own;
mod place;
mod proof;
pub mod repeat;
pub mod verified;

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use crate::assertion::kept::Kept;
use crate::authorize::{Permit, authorize};
use crate::cors::Sharing;
use crate::credentials::Credentials;
use crate::decision::{AnswerContext, Decision, ResourceHint};
use crate::denial::{Denial, InvalidToken};
use crate::jose::jws::Unverified;
use crate::jwks::keyring::{IssuerKeys, Keyring};
use crate::jwks::set::KeyQuery;
use crate::platform::Platform;
use crate::policy::template::Template;
use crate::policy::{Access, Action, Forwarding, Issuer, Policy, Requirement, Route};
use crate::request::{Request, Routed};
use crate::route::header::AUTHORIZATION;
use crate::route::host::in_lower_case;
use crate::route::path::RequestPath;
use crate::route::table::{Captures, RouteIndex};
use crate::token::bearer;
use crate::token::verify::{Candidate, VerifiedClaims};
use crate::trace::{Observer, Step};
use crate::upstream::{Forward, ForwardTarget, Granted, Proof};
use grants::Grants;
use verified::{Verified, VerifiedTokens};

/// What handles a request: the gate's own documents and preflights, or a route.
enum Handler<'a> {
    /// The gate responds itself, without the origin.
    Gate(OwnAnswer<'a>),
    /// The route that the request matches; it may forward the request.
    Route(Matched<'a>),
}

/// A response of the gate's own, and which pages of other origins may use it.
struct OwnAnswer<'a> {
    decision: Result<Decision<'a>, Denial>,
    sharing: Sharing<'a>,
}

/// A request's route, and what it was found by.
struct Matched<'a> {
    host: Cow<'a, str>,
    path: RequestPath<'a>,
    index: RouteIndex,
    route: &'a Route,
    captures: Captures,
}

/// A request that may be forwarded.
struct Admission<'a> {
    forwarding: &'a Forwarding,
    /// `None` if the route needs none and the caller has none.
    permit: Option<Permit>,
    proof: Proof<'a>,
    grant: Option<Granted>,
}

/// A caller whose token satisfies the route's requirement.
struct Bearer<'a> {
    token: &'a str,
    issuer: &'a Issuer,
    permit: Permit,
}

/// A policy, the keys of its issuers, and its verified tokens.
pub struct Gateway<P: Platform> {
    policy: Rc<Policy>,
    keyring: Rc<Keyring<P::Key>>,
    verified: RefCell<VerifiedTokens<P::Key>>,
    credentials: Credentials<P::SigningKey>,
    grants: RefCell<Grants>,
    /// The authority of the last request that was forwarded by a grant, and the host in it.
    last_host: RefCell<Option<(String, Rc<str>)>>,
    keeps_encoded_slashes: bool,
}

impl<P: Platform> Gateway<P> {
    /// A gateway that enforces this policy, without keys yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with(policy, VerifiedTokens::default())
    }

    /// The same with this cache of verified tokens.
    #[must_use]
    pub fn with(policy: Policy, verified: VerifiedTokens<P::Key>) -> Self {
        let keyring = Keyring::new(&policy);
        Self::of(policy, keyring, verified)
    }

    /// A gateway for the policy that replaces this one's. Keys of issuers that stay the same stay cached. Tokens are
    /// verified and assertions signed again, since they were accepted under the former policy.
    #[must_use]
    pub fn succeeded_by(&self, policy: Policy) -> Self {
        let keyring = self.keyring.succeeded_by(&policy);
        Self::of(policy, keyring, VerifiedTokens::default())
    }

    fn of(policy: Policy, keyring: Keyring<P::Key>, verified: VerifiedTokens<P::Key>) -> Self {
        Self {
            keeps_encoded_slashes: policy.keeps_encoded_slashes(),
            policy: Rc::new(policy),
            keyring: Rc::new(keyring),
            verified: RefCell::new(verified),
            credentials: Credentials::default(),
            grants: RefCell::default(),
            last_host: RefCell::default(),
        }
    }

    /// The policy that it enforces.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys of the policy's issuers.
    #[must_use]
    pub fn keyring(&self) -> &Rc<Keyring<P::Key>> {
        &self.keyring
    }

    /// The number of verified tokens, and their approximate size in bytes.
    #[must_use]
    pub fn verified_size(&self) -> (usize, usize) {
        self.verified.borrow().size()
    }

    /// The names of the headers whose values decisions depend on, in lower case.
    pub fn needed_headers(&self) -> impl Iterator<Item = &str> {
        let templates = self.policy.routes.iter().flat_map(Route::templates).flat_map(Template::headers);
        let of_pages = if self.policy.depends_on_page_origin() {
            ["origin", "access-control-request-method"].as_slice()
        } else {
            &[]
        };
        let of_tokens = self.policy.routes.iter().filter_map(|route| route.forwarding()?.token_header.as_deref());
        let always = [AUTHORIZATION, "connection", "host", "upgrade"];
        always.into_iter().chain(of_pages.iter().copied()).chain(of_tokens).chain(templates)
    }
}

impl<P: Platform + Observer> Gateway<P> {
    /// Decides on a request. `take` converts the decision, which borrows from the request, the policy and the token's
    /// claims, so that nothing of them is copied.
    pub async fn decide<T>(
        &self,
        request: &Request<'_>,
        platform: &P,
        take: impl FnOnce(Decision<'_>, &AnswerContext<'_>) -> T,
    ) -> T {
        let before_route = AnswerContext::at(request.url.host());
        let matched = match self.handler(request, platform).await {
            Ok(Handler::Route(matched)) => matched,
            Ok(Handler::Gate(OwnAnswer { decision, sharing })) => {
                let context = AnswerContext { sharing: Some(sharing), ..before_route };
                return take(decision.unwrap_or_else(Decision::Deny), &context);
            }
            Err(denial) => {
                let sharing = self.policy.cors.as_ref().map(|cors| Sharing::new(cors, request));
                return take(Decision::Deny(denial), &AnswerContext { sharing, ..before_route });
            }
        };
        let Matched { path, route, .. } = &matched;
        let context = AnswerContext {
            sharing: route.cors.as_ref().map(|cors| Sharing::new(cors, request)),
            resource: self.resource_of(route),
            ..before_route
        };
        match self.admit(request, &matched, platform).await {
            Ok(Admission { forwarding, permit, proof, grant }) => {
                let target = ForwardTarget { request, path, route: &route.name, forwarding };
                let forward = Forward::new(target, &self.policy.identity, permit.as_ref(), &proof);
                take(Decision::Allow(Forward { grant, ..forward }), &context)
            }
            Err(denial) => take(Decision::Deny(denial), &context),
        }
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
        if let Some(own) = self.own(&host, &path, request, platform).await {
            return Ok(Handler::Gate(own));
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
        platform: &P,
    ) -> Result<Admission<'a>, Denial> {
        let Matched { host, index, route, captures, .. } = matched;
        platform.observe(Step::Access { index: *index, route, captures });
        let Action::Forward(forwarding) = &route.action else { return Err(Denial::Denied) };
        check_page_origin(route, request, platform)?;
        let routed = Routed::new(request, route, captures, host);
        let bearer = match &forwarding.access {
            Access::Public => None,
            Access::Token(requirement) => {
                let bearer = self.bearer(request, forwarding, requirement, &routed, platform).await?;
                Some(bearer.ok_or(Denial::MissingAuthorization)?)
            }
            Access::Optional(requirement) => self.bearer(request, forwarding, requirement, &routed, platform).await?,
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

    /// The caller, whose token satisfies the requirement; `None` without a token.
    async fn bearer<'a>(
        &'a self,
        request: &'a Request<'_>,
        forwarding: &Forwarding,
        requirement: &Requirement,
        routed: &Routed<'_>,
        platform: &P,
    ) -> Result<Option<Bearer<'a>>, Denial> {
        // 2. One token.
        let header = forwarding.token_header.as_deref();
        platform.observe(Step::Authorization { header });
        let token = match header {
            None => bearer::extract(request.header(AUTHORIZATION))?,
            Some(name) => bearer::extract_bare(&request.headers, name)?,
        };
        let Some(token) = token else { return Ok(None) };
        let (claims, issuer) = self.verify(token, requirement, platform).await?;
        // 7. Audience, organization, scopes, claims.
        let permit = authorize(claims, requirement, routed, platform)?;
        Ok(Some(Bearer { token, issuer, permit }))
    }

    async fn verify(
        &self,
        token: &str,
        requirement: &Requirement,
        platform: &P,
    ) -> Result<(VerifiedClaims, &Issuer), Denial> {
        // 3. A compact JWS.
        platform.observe(Step::Form);
        if token.len() > self.policy.max_token_bytes {
            return Err(InvalidToken::TooLong.into());
        }
        if let Some(known) = self.known(token, requirement, platform)? {
            return Ok(known);
        }
        let text = token;
        let token = Unverified::parse(text)?;
        // 4. An issuer that the route accepts, and the claims: their types, then their times.
        platform.observe(Step::Issuer(requirement));
        let (index, keys) = self.issuer(token.issuer(), requirement).ok_or(InvalidToken::Issuer)?;
        let issuer = keys.issuer();
        platform.observe(Step::Claims(issuer));
        let candidate = Candidate::new(token, issuer, platform.now().seconds())?;
        // 5. Its key.
        platform.observe(Step::Key(issuer));
        let found = keys.find(&KeyQuery::by(candidate.header()), platform).await?;
        // 6. Its signature.
        platform.observe(Step::Signature(found.keys.len()));
        let claims = candidate.verify(&found.keys, platform).await?;
        let verified = Verified {
            issuer: index,
            set: found.set,
            claims: claims.clone(),
            assertions: Kept::default(),
            caller: None,
            is_used_again: false,
        };
        self.verified.borrow_mut().keep(text, verified);
        Ok((claims, issuer))
    }

    /// The claims of a verified token. What may have changed since, or depends on the route, is checked as for a new
    /// token, in the same order.
    fn known(
        &self,
        token: &str,
        requirement: &Requirement,
        platform: &P,
    ) -> Result<Option<(VerifiedClaims, &Issuer)>, Denial> {
        let mut verified = self.verified.borrow_mut();
        let Some(Verified { issuer: index, set, claims, .. }) = verified.find(token) else { return Ok(None) };
        platform.observe(Step::Issuer(requirement));
        let is_accepted = requirement.issuers.contains(index);
        let keys = self.keyring.issuer(*index).filter(|_| is_accepted).ok_or(InvalidToken::Issuer)?;
        let issuer = keys.issuer();
        platform.observe(Step::Claims(issuer));
        let now = platform.now();
        claims.claims().check_times(issuer, now.seconds())?;
        Ok(keys.is_current(set, now, platform).then(|| (claims.clone(), issuer)))
    }

    /// The issuer with this `iss`, if the requirement accepts it: its index in the policy, and its keys.
    fn issuer(&self, iss: Option<&str>, requirement: &Requirement) -> Option<(usize, &IssuerKeys<P::Key>)> {
        let mut taken = requirement.issuers.iter().filter_map(|index| Some((*index, self.keyring.issuer(*index)?)));
        taken.find(|(_, keys)| iss.is_some_and(|iss| keys.issuer().has_iss(iss)))
    }
}

/// 1. The request comes from no page, or from one that the route's `cors` allows, if the gate enforces it.
fn check_page_origin(route: &Route, request: &Request<'_>, observer: &impl Observer) -> Result<(), Denial> {
    // The gate's own origin is no exception: after a DNS rebinding, browsers take the attacker's host for it.
    let (Some(cors), Some(origin)) = (route.enforced_cors(), request.header("origin")) else { return Ok(()) };
    observer.observe(Step::PageOrigin(origin));
    if cors.origins.allow(origin) { Ok(()) } else { Err(Denial::PageOriginDenied) }
}
