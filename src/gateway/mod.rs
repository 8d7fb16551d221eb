//! The way of a request, from the path to the decision.

mod own;
mod proof;
pub mod verified;

use std::cell::RefCell;
use std::rc::Rc;

use crate::assertion::kept::Kept;
use crate::authorize::{Permit, authorize};
use crate::cors::Sharing;
use crate::credentials::Credentials;
use crate::decision::{Context, Decision};
use crate::denial::{Denial, InvalidToken};
use crate::jose::jws::Unverified;
use crate::jwks::keyring::Keyring;
use crate::jwks::set::Wanted;
use crate::platform::Platform;
use crate::policy::template::Template;
use crate::policy::url::Origin;
use crate::policy::{Access, Issuer, Policy, Requirement, Route};
use crate::request::{Request, Routed};
use crate::route::path::RequestPath;
use crate::route::table::{Captures, RouteIndex, RouteMatch};
use crate::token::bearer;
use crate::token::verify::{Candidate, VerifiedClaims};
use crate::trace::{Observer, Step};
use crate::upstream::{Forward, Proof};
use verified::{Verified, VerifiedTokens};

/// A request that is not refused.
enum Admission<'a> {
    /// It may pass.
    Pass {
        path: RequestPath<'a>,
        route: &'a Route,
        origin: &'a Origin,
        /// `None` where the route needs none and the caller has none.
        permit: Option<Permit>,
        proof: Proof<'a>,
    },
    /// The gate answers it by itself.
    Own(Decision<'a>),
}

/// Who calls with a token.
struct Bearer<'a> {
    token: &'a str,
    issuer: &'a Issuer,
    permit: Permit,
}

/// A policy, the keys that it needs, and the tokens that were found good.
pub struct Gateway<P: Platform> {
    policy: Rc<Policy>,
    keyring: Rc<Keyring<P::Key>>,
    verified: RefCell<VerifiedTokens<P::Key>>,
    credentials: Credentials<P::SigningKey>,
}

impl<P: Platform> Gateway<P> {
    /// A gateway that enforces this policy, without keys yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with(policy, VerifiedTokens::default())
    }

    /// The same with room of its own for verified tokens.
    #[must_use]
    pub fn with(policy: Policy, verified: VerifiedTokens<P::Key>) -> Self {
        let policy = Rc::new(policy);
        let keyring = Rc::new(Keyring::new(Rc::clone(&policy)));
        Self { policy, keyring, verified: RefCell::new(verified), credentials: Credentials::default() }
    }

    /// A gateway for the policy that follows this one's. Keys of issuers that stay the same stay at hand; tokens are
    /// verified and assertions signed anew, since what was found good was found by the former policy.
    #[must_use]
    pub fn succeeded_by(&self, policy: Policy) -> Self {
        let policy = Rc::new(policy);
        let keyring = Rc::new(self.keyring.succeeded_by(Rc::clone(&policy)));
        Self { policy, keyring, verified: RefCell::default(), credentials: Credentials::default() }
    }

    /// The keys.
    #[must_use]
    pub fn keyring(&self) -> &Rc<Keyring<P::Key>> {
        &self.keyring
    }

    /// How many verified tokens are kept, and how many bytes they take, about.
    #[must_use]
    pub fn verified_size(&self) -> (usize, usize) {
        self.verified.borrow().size()
    }

    /// The names of the headers whose values decide something, in lower case.
    pub fn asks_for(&self) -> impl Iterator<Item = &str> {
        let templates = self.policy.routes.iter().flat_map(Route::templates).flat_map(Template::headers);
        let of_pages =
            if self.policy.answers_pages() { ["origin", "access-control-request-method"].as_slice() } else { &[] };
        ["authorization", "connection", "host", "upgrade"].iter().chain(of_pages).copied().chain(templates)
    }
}

impl<P: Platform + Observer> Gateway<P> {
    /// Decides what becomes of a request. `take` makes what the caller needs of the decision, which refers to the request,
    /// the policy and the token's claims: nothing of them is copied on the way.
    pub async fn decide<T>(
        &self,
        request: &Request<'_>,
        platform: &P,
        take: impl FnOnce(Decision<'_>, &Context<'_>) -> T,
    ) -> T {
        let mut context = Context::at(request.url.host());
        match self.admit(request, platform, &mut context).await {
            Ok(Admission::Pass { path, route, origin, permit, proof }) => {
                let identity = &self.policy.identity;
                let forward = Forward::new(request, &path, route, origin, identity, permit.as_ref(), &proof);
                take(Decision::Allow(forward), &context)
            }
            Ok(Admission::Own(decision)) => take(decision, &context),
            Err(denial) => take(Decision::Deny(denial), &context),
        }
    }

    async fn admit<'a>(
        &'a self,
        request: &'a Request<'_>,
        platform: &P,
        context: &mut Context<'a>,
    ) -> Result<Admission<'a>, Denial> {
        // 1. Host, path and query have one reading, and a route.
        context.sharing = self.policy.cors.as_ref().map(|cors| Sharing::new(cors, request));
        platform.observe(Step::Host);
        if !request.has_plain_host() {
            return Err(Denial::BadPath);
        }
        platform.observe(Step::Path);
        let path = RequestPath::parse(request.url.path).map_err(|_| Denial::BadPath)?;
        if !request.url.has_plain_query() {
            platform.observe(Step::Query);
            return Err(Denial::BadPath);
        }
        let host = request.url.host().to_ascii_lowercase();
        if let Some(answer) = self.own(&host, &path, request, platform, context).await {
            return answer.map(Admission::Own);
        }
        platform.observe(Step::Route { host: &host, path: &path });
        let (index, route, captures) = self.route(&host, &path, request.method, platform)?;
        context.sharing = route.cors.as_ref().map(|cors| Sharing::new(cors, request));
        context.resource_metadata =
            route.resource.and_then(|index| self.policy.resources.get(index)).map(|own| own.metadata_url.as_str());
        let routed = Routed::new(request, route, &captures, &host);

        // 2. to 7. The caller may pass.
        platform.observe(Step::Access { index, route, captures: &captures });
        let bearer = match &route.access {
            Access::Deny => return Err(Denial::Denied),
            Access::Public => None,
            Access::Token(requirement) => {
                Some(self.bearer(request, &routed, requirement, platform).await?.ok_or(Denial::MissingAuthorization)?)
            }
            Access::Optional(requirement) => self.bearer(request, &routed, requirement, platform).await?,
        };

        // 8. It goes somewhere.
        platform.observe(Step::Origin);
        let origin = route.origin.as_ref().ok_or(Denial::Misconfigured)?;

        // 9. It can prove that it came through the gate.
        let proof = self.proof(bearer.as_ref(), origin, request, platform).await?;
        Ok(Admission::Pass { path, route, origin, permit: bearer.map(|bearer| bearer.permit), proof })
    }

    fn route(
        &self,
        host: &str,
        path: &RequestPath<'_>,
        method: &str,
        platform: &P,
    ) -> Result<(RouteIndex, &Route, Captures), Denial> {
        let table = &self.policy.table;
        match table.find(host, path, method) {
            RouteMatch::Route(index, captures) => {
                if self.policy.refuses_look_alikes
                    && let Some(otherwise) = table.find_otherwise(host, path, method, index)
                {
                    platform.observe(Step::Case { index, otherwise: &otherwise });
                    return Err(Denial::BadPath);
                }
                self.policy.routes.get(index).map(|route| (index, route, captures)).ok_or(Denial::Misconfigured)
            }
            RouteMatch::MethodNotAllowed(methods) => {
                Err(Denial::MethodNotAllowed { allow: methods.allow().into_iter().map(str::to_owned).collect() })
            }
            RouteMatch::NoRoute => Err(Denial::NoRoute),
        }
    }

    /// The caller, whose token opens the route; `None` without one.
    async fn bearer<'a>(
        &'a self,
        request: &'a Request<'_>,
        routed: &Routed<'_>,
        requirement: &Requirement,
        platform: &P,
    ) -> Result<Option<Bearer<'a>>, Denial> {
        // 2. One bearer token.
        platform.observe(Step::Authorization);
        let Some(token) = bearer::extract(request.header("authorization"))? else {
            return Ok(None);
        };
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
        // 4. An issuer that the route takes, and its claims: their types, then their times.
        platform.observe(Step::Issuer(requirement));
        let (index, issuer) = self.issuer(token.issuer(), requirement).ok_or(InvalidToken::Issuer)?;
        platform.observe(Step::Claims(issuer));
        let candidate = Candidate::new(token, issuer, platform.now())?;
        // 5. Its key.
        platform.observe(Step::Key(issuer));
        let found = self.keyring.find(index, &Wanted::by(candidate.header()), platform).await?;
        // 6. Its signature.
        platform.observe(Step::Signature(found.keys.len()));
        let claims = candidate.verify(&found.keys, platform).await?;
        let verified = Verified { issuer: index, set: found.set, claims: claims.clone(), assertions: Kept::default() };
        self.verified.borrow_mut().keep(text, verified);
        Ok((claims, issuer))
    }

    /// The claims of a token whose form, claims and signature were found good before. What may have changed since, or
    /// depends on the route, is looked at as for a new token, in the same order.
    fn known(
        &self,
        token: &str,
        requirement: &Requirement,
        platform: &P,
    ) -> Result<Option<(VerifiedClaims, &Issuer)>, Denial> {
        let mut verified = self.verified.borrow_mut();
        let Some(Verified { issuer: index, set, claims, .. }) = verified.find(token) else { return Ok(None) };
        platform.observe(Step::Issuer(requirement));
        let taken = requirement.issuers.iter().find(|taken| *taken == index);
        let issuer = taken.and_then(|index| self.policy.issuers.get(*index)).ok_or(InvalidToken::Issuer)?;
        platform.observe(Step::Claims(issuer));
        claims.claims().check_times(issuer, platform.now())?;
        Ok(self.keyring.still_uses(*index, set, platform).then(|| (claims.clone(), issuer)))
    }

    fn issuer(&self, iss: Option<&str>, requirement: &Requirement) -> Option<(usize, &Issuer)> {
        let mut taken = requirement.issuers.iter().filter_map(|index| Some((*index, self.policy.issuers.get(*index)?)));
        taken.find(|(_, issuer)| iss == Some(&issuer.issuer))
    }
}
