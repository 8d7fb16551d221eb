//! How the origin can tell that a request came through the gate: an assertion about the caller, and the shared secret.

use std::rc::Rc;

use super::Gateway;
use super::bearer::Bearer;
use crate::assertion::Assertion;
use crate::decision::Document;
use crate::denial::Denial;
use crate::platform::Platform;
use crate::policy::url::Origin;
use crate::policy::{Assertions, Identity, KEY_SET_PATH};
use crate::request::Request;
use crate::time::{UnixMillis, UnixSeconds};
use crate::upstream::Proof;

impl<P: Platform> Gateway<P> {
    /// The settings of assertions, if their keys are published at this path.
    pub(super) fn publishes_keys_at(&self, path: &str) -> Option<&Assertions> {
        self.policy.identity.assertion.as_ref().filter(|_| path == KEY_SET_PATH)
    }

    /// The key set that assertions are verified with.
    pub(super) async fn key_set(&self, settings: &Assertions, platform: &P) -> Result<Document<'_>, Denial> {
        let signer = self.credentials.signer(settings, platform).await?;
        Ok(Document { media_type: "application/jwk-set+json", body: signer.key_set().into(), is_public: true })
    }

    /// What the policy wants forwarded with a request as proof.
    pub(super) async fn proof(
        &self,
        bearer: Option<&Bearer<'_>>,
        origin: &Origin,
        request: &Request<'_>,
        platform: &P,
    ) -> Result<Proof<'_>, Denial> {
        let Identity { assertion, secret, .. } = &self.policy.identity;
        let secret = secret.as_ref().map(|settings| self.credentials.secret(settings, platform)).transpose()?;
        let (Some(settings), Some(bearer)) = (assertion, bearer) else {
            return Ok(Proof { assertion: None, secret, until: Some(UnixMillis(u64::MAX)) });
        };
        let audience = settings.audience(origin, &request.url);
        let (text, fresh_until) = self.assertion(settings, bearer, &audience, platform).await?;
        let until = settings.has_one_audience(origin).then(|| fresh_until.millis());
        Ok(Proof { assertion: Some(text), secret, until })
    }

    /// The assertion about a caller: the one cached for exactly this token, or a new one.
    async fn assertion(
        &self,
        settings: &Assertions,
        Bearer { token, issuer, permit }: &Bearer<'_>,
        audience: &str,
        platform: &P,
    ) -> Result<(Rc<str>, UnixSeconds), Denial> {
        let said = |assertion: &Assertion| (Rc::clone(assertion.text()), assertion.fresh_until());
        let now = platform.now().seconds();
        let kept = self.verified.borrow().assertion(token, audience, permit.organization(), now).map(said);
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let signer = self.credentials.signer(settings, platform).await?;
        // Loading the key may have taken a while.
        permit.claims().check_times(issuer, platform.now().seconds())?;
        let Some(assertion) = Assertion::sign(permit, issuer, audience, settings, signer, platform).await else {
            platform.log("identity.assertion: the platform's cryptography failed to sign");
            return Err(Denial::Misconfigured);
        };
        let text = said(&assertion);
        let mut verified = self.verified.borrow_mut();
        verified.keep_assertion(token, assertion);
        // It replaces one that is not fresh now. Grants with that one do not hold now, and must not later.
        if let Some(caller) = verified.peek(token).and_then(|known| known.caller) {
            self.grants.borrow_mut().forget_all_but_held(caller, platform.now());
        }
        Ok(text)
    }
}
