//! The caller of a request: a token that satisfies a requirement. It is verified once, and then known.

use super::Gateway;
use super::verified::Verified;
use crate::assertion::kept::Kept;
use crate::authorize::{Permit, authorize};
use crate::denial::{Denial, InvalidToken};
use crate::jose::jws::Unverified;
use crate::jwks::keyring::IssuerKeys;
use crate::jwks::set::KeyQuery;
use crate::log::Seen;
use crate::platform::Platform;
use crate::policy::{Issuer, Requirement, Route};
use crate::request::{Request, Routed};
use crate::revocation::list::UNREAD;
use crate::route::header::AUTHORIZATION;
use crate::token::bearer;
use crate::token::verify::{Candidate, VerifiedClaims};
use crate::trace::{Observer, Step};

/// A caller whose token satisfies the route's requirement.
pub(super) struct Bearer<'a> {
    pub(super) token: &'a str,
    pub(super) issuer: &'a Issuer,
    pub(super) permit: Permit,
}

impl<P: Platform + Observer> Gateway<P> {
    /// The caller, whose token satisfies the requirement; `None` without a token. `header` is where the token is, if not in
    /// `Authorization`; `seen` receives what is found out.
    pub(super) async fn bearer<'a>(
        &'a self,
        request: &'a Request<'_>,
        header: Option<&str>,
        requirement: &Requirement,
        routed: &Routed<'_>,
        seen: &mut Seen<'a>,
        platform: &P,
    ) -> Result<Option<Bearer<'a>>, Denial> {
        // 2. One token.
        platform.observe(Step::Authorization { header });
        let Some(token) = token_in(request, header)? else { return Ok(None) };
        let (claims, issuer) = self.verify(token, requirement, seen, platform).await?;
        seen.claims = Some(claims.clone());
        self.check_revoked(token, &claims, issuer, platform).await?;
        // 7. Audience, organization, scopes, claims.
        let permit = authorize(claims, requirement, routed, platform)?;
        Ok(Some(Bearer { token, issuer, permit }))
    }

    async fn verify<'a>(
        &'a self,
        token: &str,
        requirement: &Requirement,
        seen: &mut Seen<'a>,
        platform: &P,
    ) -> Result<(VerifiedClaims, &'a Issuer), Denial> {
        // 3. A compact JWS.
        platform.observe(Step::Form);
        if token.len() > self.policy.max_token_bytes {
            return Err(InvalidToken::TooLong.into());
        }
        if let Some(known) = self.known(token, requirement, seen, platform)? {
            return Ok(known);
        }
        let text = token;
        let token = Unverified::parse(text)?;
        // 4. An issuer that the route accepts, and the claims: their types, then their times.
        platform.observe(Step::Issuer(requirement));
        let (index, keys) = self.issuer(token.issuer(), &requirement.issuers).ok_or(InvalidToken::Issuer)?;
        let issuer = keys.issuer();
        seen.issuer = Some(issuer);
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
            unrevoked_in: UNREAD,
            assertions: Kept::default(),
            caller: None,
            is_used_again: false,
        };
        self.verified.borrow_mut().keep(text, verified);
        Ok((claims, issuer))
    }

    /// The claims of a verified token. What may have changed since, or depends on the route, is checked as for a new
    /// token, in the same order.
    fn known<'a>(
        &'a self,
        token: &str,
        requirement: &Requirement,
        seen: &mut Seen<'a>,
        platform: &P,
    ) -> Result<Option<(VerifiedClaims, &'a Issuer)>, Denial> {
        let mut verified = self.verified.borrow_mut();
        let Some(Verified { issuer: index, set, claims, .. }) = verified.find(token) else { return Ok(None) };
        platform.observe(Step::Issuer(requirement));
        let is_accepted = requirement.issuers.contains(index);
        let keys = self.keyring.issuer(*index).filter(|_| is_accepted).ok_or(InvalidToken::Issuer)?;
        let issuer = keys.issuer();
        seen.issuer = Some(issuer);
        platform.observe(Step::Claims(issuer));
        let now = platform.now();
        if let Err(denial) = claims.claims().check_times(issuer, now.seconds()) {
            seen.claims = Some(claims.clone());
            return Err(denial);
        }
        Ok(keys.is_current(set, now, platform).then(|| (claims.clone(), issuer)))
    }

    /// The issuer with this `iss`, if it is one of the accepted ones: its index in the policy, and its keys.
    pub(super) fn issuer(&self, iss: Option<&str>, accepted: &[usize]) -> Option<(usize, &IssuerKeys<P::Key>)> {
        let mut taken = accepted.iter().filter_map(|index| Some((*index, self.keyring.issuer(*index)?)));
        taken.find(|(_, keys)| iss.is_some_and(|iss| keys.issuer().has_iss(iss)))
    }

    /// The caller of a request that was decided before, if its token is still in memory.
    pub(super) fn caller_in_memory<'a>(&'a self, route: &Route, request: &Request<'_>) -> Option<Seen<'a>> {
        route.requirement()?;
        let token = token_in(request, route.forwarding()?.token_header.as_deref());
        let verified = self.verified.borrow();
        let known = verified.peek(token.ok()??)?;
        let issuer = self.keyring.issuer(known.issuer)?.issuer();
        Some(Seen { issuer: Some(issuer), claims: Some(known.claims.clone()) })
    }
}

/// The token in this header, or in `Authorization`.
fn token_in<'r>(request: &'r Request<'_>, header: Option<&str>) -> Result<Option<&'r str>, Denial> {
    match header {
        None => bearer::extract(request.header(AUTHORIZATION)),
        Some(name) => bearer::extract_bare(&request.headers, name),
    }
}
