//! From an unverified token to claims that its issuer's key vouches for.

use std::rc::Rc;

use super::claims::Claims;
use super::jws::Unverified;
use crate::decision::{Denial, InvalidToken};
use crate::platform::Crypto;
use crate::policy::Issuer;

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
    pub(super) fn trusted(claims: Claims) -> Self {
        Self(Rc::new(claims))
    }
}

/// A token that would be valid if its signature held.
#[derive(Debug)]
pub struct Candidate<'t> {
    token: Unverified<'t>,
    claims: Claims,
}

impl<'t> Candidate<'t> {
    /// Checks all that needs no key: the header, the types of the claims, the times.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of the contract.
    pub fn new(mut token: Unverified<'t>, issuer: &Issuer, now: u64) -> Result<Self, Denial> {
        token.check_form(issuer)?;
        let claims = token.claims(issuer)?;
        claims.check_times(issuer, now)?;
        Ok(Self { token, claims })
    }

    /// The token, to choose keys by its header.
    #[must_use]
    pub fn token(&self) -> &Unverified<'t> {
        &self.token
    }

    /// Checks the signature with these keys, one of which must be its maker's.
    ///
    /// # Errors
    /// [`InvalidToken::Signature`] if it holds under none of them.
    pub async fn verify<C: Crypto>(self, keys: &[Rc<C::Key>], crypto: &C) -> Result<VerifiedClaims, InvalidToken> {
        let Unverified { header, signature, signed, .. } = &self.token;
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
