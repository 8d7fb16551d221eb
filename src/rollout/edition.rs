//! An edition: a policy text and the gateway built from it.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::digest::digest;
use crate::gateway::Gateway;
use crate::jwks::keyring::Keyring;
use crate::platform::Platform;
use crate::policy::{Policy, PolicyError};

/// Maximum size of a policy text in bytes. An isolate has 128 MB; while one policy of 10,000 routes and 2.2 MB replaces
/// another, the two take 46 MiB of the instance's memory. A policy of only the smallest routes takes 40 times its size.
pub const MAX_POLICY_BYTES: usize = 3 * 1024 * 1024;

/// Maximum size in bytes of a candidate and the policy in force together, for the same reason.
const MAX_BYTES_TOGETHER: usize = MAX_POLICY_BYTES;

/// A policy text, and the gateway that enforces it or what is wrong with it.
pub struct Edition<P: Platform> {
    text: String,
    gateway: Result<Gateway<P>, String>,
    digest: OnceCell<String>,
    has_checked_static_keys: Cell<bool>,
    is_known_bad: Cell<bool>,
    /// Whether it is too large beside the policy in force, and might not be beside another.
    is_too_large_beside: bool,
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
        Self::of(text, gateway)
    }

    /// Reads a policy that is tried beside the one in force. `former` are the keys of one that was tried before.
    #[must_use]
    pub fn tried(text: String, live: &Self, former: Option<&Keyring<P::Key>>) -> Self {
        let is_too_large_beside = text.len() + live.text.len() > MAX_BYTES_TOGETHER;
        let policy = if is_too_large_beside {
            Err(format!("expected at most {MAX_BYTES_TOGETHER} bytes together with the policy in force"))
        } else {
            parse(&text)
        };
        let gateway = policy.map(|policy| match &live.gateway {
            Ok(live) => live.tried_with(policy, former),
            Err(_) => Gateway::new(policy),
        });
        Self { is_too_large_beside, ..Self::of(text, gateway) }
    }

    fn of(text: String, gateway: Result<Gateway<P>, String>) -> Self {
        Self {
            text,
            gateway,
            digest: OnceCell::new(),
            has_checked_static_keys: Cell::new(false),
            is_known_bad: Cell::new(false),
            is_too_large_beside: false,
        }
    }

    /// The digest of its text, by which operators know it.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| digest(&self.text))
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

    /// The keys of its issuers, if the policy is valid.
    pub(super) fn keyring(&self) -> Option<&Rc<Keyring<P::Key>>> {
        self.gateway.as_ref().ok().map(Gateway::keyring)
    }

    /// The policy, if the text is one.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.gateway.as_ref().ok().map(Gateway::policy)
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

    /// Whether the policy was found invalid before, and is so beside any other.
    pub(super) fn is_known_bad(&self) -> bool {
        self.is_known_bad.get() && !self.is_too_large_beside
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
