//! The gate's credentials: its own keys, and the secret that it shares with origins. Each is read when it is first
//! needed and cached with the policy, since the secrets of an isolate never change; an invalid one is read again.

use std::cell::OnceCell;

use crate::assertion::signer::Signer;
use crate::denial::Denial;
use crate::jose::json::Json;
use crate::platform::Platform;
use crate::policy::{Assertions, SharedSecret};

/// The gate's own keys and the shared secret. It has no `Debug`, so that no log can contain them.
pub struct Credentials<S> {
    signer: OnceCell<Signer<S>>,
    secret: OnceCell<String>,
}

impl<S> Default for Credentials<S> {
    fn default() -> Self {
        Self { signer: OnceCell::new(), secret: OnceCell::new() }
    }
}

impl<S> Credentials<S> {
    /// The keys that sign assertions. Requests that arrive while they are imported import them too: none awaits a future
    /// of another request.
    ///
    /// # Errors
    /// [`Denial::Misconfigured`] if one of them is unusable; the log says which and why.
    pub async fn signer<P: Platform<SigningKey = S>>(
        &self,
        settings: &Assertions,
        platform: &P,
    ) -> Result<&Signer<S>, Denial> {
        if let Some(signer) = self.signer.get() {
            return Ok(signer);
        }
        let loaded = Signer::load(settings, platform).await.map_err(|problem| misconfigured(&problem, platform))?;
        Ok(self.signer.get_or_init(|| loaded))
    }

    /// The shared secret, from the binding that the policy names.
    ///
    /// # Errors
    /// [`Denial::Misconfigured`] if it is absent or not valid in a header; the log says what is wrong.
    pub fn secret<P: Platform<SigningKey = S>>(&self, settings: &SharedSecret, platform: &P) -> Result<&str, Denial> {
        if let Some(secret) = self.secret.get() {
            return Ok(secret);
        }
        let about = |problem| format!("identity.secret: the secret {} {problem}", settings.binding);
        let read = match platform.secret(&settings.binding) {
            None => Err("is absent"),
            Some(secret) if secret.is_empty() => Err("is empty"),
            Some(secret) if !is_header_value(&secret) => Err("is not a valid header value (visible ASCII only)"),
            Some(secret) if is_private_key(&secret) => Err("is a private key, which must not be sent"),
            Some(secret) => Ok(secret),
        };
        let secret = read.map_err(|problem| misconfigured(&about(problem), platform))?;
        Ok(self.secret.get_or_init(|| secret))
    }
}

fn misconfigured(problem: &str, platform: &impl Platform) -> Denial {
    platform.log(problem);
    Denial::Misconfigured
}

/// A JWK with a private or symmetric key (RFC 7518 §6), which a policy could name by mistake or to disclose it.
fn is_private_key(text: &str) -> bool {
    matches!(Json::parse(text), Ok(Json::Object(jwk)) if jwk.get("d").is_some() || jwk.get("k").is_some())
}

/// RFC 9110 §5.5 allows more; all servers agree only on this.
fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
