//! From an unverified token to verified claims.

use std::rc::Rc;

use super::claims::Claims;
use crate::denial::{Denial, InvalidToken};
use crate::jose::jws::{Header, Jws, Unverified};
use crate::platform::Crypto;
use crate::policy::Issuer;
use crate::time::UnixSeconds;

/// Claims of a token with a valid signature. Only [`Candidate::verify`] creates them, and a token can satisfy a route's
/// requirement only through them.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedClaims(Rc<Claims>);

impl VerifiedClaims {
    /// The claims of the token, which its issuer signed.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn trusted(claims: Claims) -> Self {
        Self(Rc::new(claims))
    }
}

/// A token that is valid if its signature is.
#[derive(Debug)]
pub struct Candidate<'t> {
    jws: Jws<'t>,
    claims: Claims,
}

impl<'t> Candidate<'t> {
    /// Checks everything that needs no key: the header, the types of the claims, the times.
    ///
    /// # Errors
    /// The first problem, in the order of the contract.
    pub fn new(token: Unverified<'t>, issuer: &Issuer, now: UnixSeconds) -> Result<Self, Denial> {
        let is_of_issuer = |typ: &str| issuer.types.iter().any(|known| known == typ);
        Self::of_type(token, issuer, |typ| typ.map_or(!issuer.type_required, is_of_issuer), now)
    }

    /// The same for a token whose `typ` need not be one of the issuer's `types`, but one that `is_taken`.
    ///
    /// # Errors
    /// As [`Candidate::new`].
    pub fn of_type(
        token: Unverified<'t>,
        issuer: &Issuer,
        is_taken: impl Fn(Option<&str>) -> bool,
        now: UnixSeconds,
    ) -> Result<Self, Denial> {
        let Unverified { jws, claims } = token;
        // RFC 8725 §3.1, then §3.11.
        if !issuer.algorithms.contains(&jws.header.algorithm) {
            return Err(InvalidToken::Algorithm.into());
        }
        if !is_taken(jws.header.typ.as_deref()) {
            return Err(InvalidToken::Type.into());
        }
        let claims = Claims::new(claims, jws.payload, issuer)?;
        claims.check_times(issuer, now)?;
        Ok(Self { jws, claims })
    }

    /// The header of the token, by which keys are selected.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.jws.header
    }

    /// Verifies the signature with these keys, one of which must be the signer's.
    ///
    /// # Errors
    /// [`InvalidToken::Signature`] if it is valid under none of them.
    pub async fn verify<C: Crypto>(self, keys: &[Rc<C::Key>], crypto: &C) -> Result<VerifiedClaims, InvalidToken> {
        let Jws { header, signature, signed, .. } = &self.jws;
        if header.algorithm.signature_bytes().is_some_and(|bytes| bytes != signature.len()) {
            return Err(InvalidToken::Signature);
        }
        for key in keys {
            if crypto.verify(key, header.algorithm, signature, signed.as_bytes()).await {
                return Ok(VerifiedClaims(Rc::new(self.claims)));
            }
        }
        Err(InvalidToken::Signature)
    }
}
