//! From an unverified token to claims that its issuer's key vouches for.

use std::rc::Rc;

use super::claims::Claims;
use crate::denial::{Denial, InvalidToken};
use crate::jose::jws::{Header, Jws, Unverified};
use crate::platform::Crypto;
use crate::policy::Issuer;
use crate::time::UnixSeconds;

/// Claims under a signature that holds. Only [`Candidate::verify`] makes them, and only they open a route that takes
/// tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedClaims(Rc<Claims>);

impl VerifiedClaims {
    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn trusted(claims: Claims) -> Self {
        Self(Rc::new(claims))
    }
}

/// A token that would be valid if its signature held.
#[derive(Debug)]
pub struct Candidate<'t> {
    jws: Jws<'t>,
    claims: Claims,
}

impl<'t> Candidate<'t> {
    /// Checks all that needs no key: the header, the types of the claims, the times.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of the contract.
    pub fn new(token: Unverified<'t>, issuer: &Issuer, now: UnixSeconds) -> Result<Self, Denial> {
        let Unverified { jws, claims } = token;
        check_header(&jws.header, issuer)?;
        let claims = Claims::new(claims, jws.payload, issuer)?;
        claims.check_times(issuer, now)?;
        Ok(Self { jws, claims })
    }

    /// The header of the token, to choose keys by.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.jws.header
    }

    /// Checks the signature with these keys, one of which must be its maker's.
    ///
    /// # Errors
    /// [`InvalidToken::Signature`] if it holds under none of them.
    pub async fn verify<C: Crypto>(self, keys: &[Rc<C::Key>], crypto: &C) -> Result<VerifiedClaims, InvalidToken> {
        let Jws { header, signature, signed, .. } = &self.jws;
        if !header.algorithm.takes_signature_of(signature.len()) {
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

/// Checks `alg` (RFC 8725 §3.1) and `typ` (§3.11) against what the issuer's tokens may be.
fn check_header(header: &Header, issuer: &Issuer) -> Result<(), InvalidToken> {
    if !issuer.algorithms.contains(&header.algorithm) {
        return Err(InvalidToken::Algorithm);
    }
    let is_taken = |typ: &String| issuer.types.contains(typ);
    if header.typ.as_ref().map_or(!issuer.type_required, is_taken) { Ok(()) } else { Err(InvalidToken::Type) }
}
