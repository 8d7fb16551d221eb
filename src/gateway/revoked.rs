//! Whether a verified token is revoked.

use std::rc::Rc;

use super::Gateway;
use crate::denial::Denial;
use crate::platform::Platform;
use crate::policy::{Issuer, Revocation};
use crate::revocation::Revocations;
use crate::revocation::list::UNREAD;
use crate::revocation::store;
use crate::time::UnixMillis;
use crate::token::verify::VerifiedClaims;
use crate::trace::{Observer, Step};

impl<P: Platform + Observer> Gateway<P> {
    /// 6. The token is not revoked. One that was compared with the list at hand is not compared again.
    pub(super) async fn check_revoked(
        &self,
        token: &str,
        claims: &VerifiedClaims,
        issuer: &Issuer,
        platform: &P,
    ) -> Result<(), Denial> {
        let Some((revocations, settings)) = self.revocation() else { return Ok(()) };
        platform.observe(Step::Revocation(claims.claims()));
        if self.is_in_force {
            revocations.ready(settings, platform).await?;
        } else {
            store::check_bound(settings, platform)?;
        }
        let version = revocations.version();
        let mut verified = self.verified.borrow_mut();
        if version == UNREAD || verified.peek(token).is_some_and(|known| known.unrevoked_in == version) {
            return Ok(());
        }
        match revocations.time_of(claims.claims(), issuer) {
            None => verified.keep_unrevoked(token, version),
            Some(before) if before.plus(settings.keep) >= platform.now().seconds() => return Err(Denial::TokenRevoked),
            // The entry is not kept any more. By a clock that is set back, it is.
            Some(_) => {}
        }
        Ok(())
    }

    /// Whether a token that was compared with this version of the list needs no other look at it.
    pub(super) fn has_list(&self, version: u64, now: UnixMillis) -> bool {
        self.revocation().is_none_or(|(revocations, settings)| revocations.is_current(version, settings, now))
    }

    /// The list, and what the policy says of it.
    pub(super) fn revocation(&self) -> Option<(&Rc<Revocations>, &Revocation)> {
        self.revocations.as_ref().zip(self.policy.revocation.as_ref())
    }
}
