//! An edition: a policy text and the gateway built from it.

use std::cell::Cell;

use crate::gateway::Gateway;
use crate::platform::Platform;
use crate::policy::{Policy, PolicyError};

/// Maximum size of a policy text in bytes. An isolate has 128 MB; while one policy of 10,000 routes and 2.2 MB replaces
/// another, the two take 46 MiB of the instance's memory. A policy of only the smallest routes takes 40 times its size.
pub const MAX_POLICY_BYTES: usize = 3 * 1024 * 1024;

/// A policy text, and the gateway that enforces it or what is wrong with it.
pub struct Edition<P: Platform> {
    text: String,
    gateway: Result<Gateway<P>, String>,
    has_checked_static_keys: Cell<bool>,
    is_known_bad: Cell<bool>,
}

impl<P: Platform> Edition<P> {
    /// Reads a policy in JSON. Cached keys of issuers that are the same in `former` are kept.
    #[must_use]
    pub fn read(text: String, former: Option<&Self>) -> Self {
        let former = former.and_then(|former| former.gateway.as_ref().ok());
        let gateway = parse(&text).map(|policy| match former {
            Some(former) => former.succeeded_by(policy),
            None => Gateway::new(policy),
        });
        Self { text, gateway, has_checked_static_keys: Cell::new(false), is_known_bad: Cell::new(false) }
    }

    /// The gateway that enforces the policy, if the platform can import the keys in it.
    ///
    /// # Errors
    /// All errors of the policy, as a message for the operator's log.
    pub async fn gateway(&self, platform: &P) -> Result<&Gateway<P>, String> {
        let gateway = self.gateway.as_ref().map_err(Clone::clone)?;
        if !self.has_checked_static_keys.get() {
            gateway.keyring().check_static_keys(platform).await.map_err(|issuers| unusable_keys(&issuers))?;
            self.has_checked_static_keys.set(true);
        }
        Ok(gateway)
    }

    /// The gateway, if [`Edition::gateway`] has given it before.
    #[must_use]
    pub fn checked_gateway(&self) -> Option<&Gateway<P>> {
        self.gateway.as_ref().ok().filter(|_| self.has_checked_static_keys.get())
    }

    /// The names of the headers whose values decisions depend on, in lower case; none if the policy is invalid.
    pub fn needed_headers(&self) -> impl Iterator<Item = &str> {
        self.gateway.iter().flat_map(Gateway::needed_headers)
    }

    /// The text that the edition was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Records that the policy was found invalid; true the first time.
    pub(super) fn is_news(&self) -> bool {
        !self.is_known_bad.replace(true)
    }
}

fn parse(text: &str) -> Result<Policy, String> {
    if text.len() > MAX_POLICY_BYTES {
        return Err(format!("invalid policy: expected at most {MAX_POLICY_BYTES} bytes"));
    }
    Policy::parse(text).map_err(|errors| invalid(errors.iter().map(PolicyError::to_string)))
}

fn unusable_keys(issuers: &[String]) -> String {
    invalid(issuers.iter().map(|name| format!("issuers.{name}.jwks: expected a key that WebCrypto can import")))
}

fn invalid(errors: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = errors.map(|error| format!("\n  {error}")).collect();
    format!("invalid policy:{}", lines.concat())
}
