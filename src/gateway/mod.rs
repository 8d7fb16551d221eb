//! A gateway: a policy with all that it takes to decide by it. `decide.rs` is the pipeline.

mod bearer;
mod decide;
mod feeds;
mod grants;
mod logout;
mod own;
mod place;
mod proof;
pub mod repeat;
mod revoked;
pub mod verified;

use std::cell::RefCell;
use std::rc::Rc;

use crate::credentials::Credentials;
use crate::jwks::keyring::Keyring;
use crate::platform::Platform;
use crate::policy::template::Template;
use crate::policy::{Policy, Route};
use crate::revocation::Revocations;
use crate::revocation::webhook::LOGTO_SIGNATURE;
use crate::route::header::AUTHORIZATION;
use grants::Grants;
use verified::VerifiedTokens;

/// Maximum number of tokens in the memory of a policy that is only tried, and of their bytes.
const MAX_TRIED_TOKENS: usize = 2000;
const MAX_TRIED_BYTES: usize = 4 * 1024 * 1024;

/// A policy, the keys of its issuers, and its verified tokens.
pub struct Gateway<P: Platform> {
    policy: Rc<Policy>,
    keyring: Rc<Keyring<P::Key>>,
    verified: RefCell<VerifiedTokens<P::Key>>,
    credentials: Credentials<P::SigningKey>,
    grants: RefCell<Grants>,
    /// The authority of the last request that was forwarded by a grant, and the host in it.
    last_host: RefCell<Option<(String, Rc<str>)>>,
    /// The list of revocations, if the policy has one.
    revocations: Option<Rc<Revocations>>,
    keeps_encoded_slashes: bool,
    /// Whether the policy is in force. One that is only tried gives no grants and changes nothing.
    is_in_force: bool,
}

impl<P: Platform> Gateway<P> {
    /// A gateway that enforces this policy, without keys yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with(policy, VerifiedTokens::default())
    }

    /// The same with this cache of verified tokens.
    #[must_use]
    pub fn with(policy: Policy, verified: VerifiedTokens<P::Key>) -> Self {
        let keyring = Keyring::new(&policy);
        Self::of(policy, keyring, verified, None)
    }

    /// A gateway for the policy that replaces this one's. Keys of issuers that stay the same stay cached. Tokens are
    /// verified and assertions signed again, since they were accepted under the former policy.
    #[must_use]
    pub fn succeeded_by(&self, policy: Policy) -> Self {
        let keyring = self.keyring.succeeded_by(&policy);
        Self::of(policy, keyring, VerifiedTokens::default(), Some(self))
    }

    /// A gateway for a policy that is tried beside this one's: it never fetches keys of issuers that both have, it makes no
    /// request wait for keys, and it gives no grants. `former` are the keys of one that was tried before.
    #[must_use]
    pub fn tried_with(&self, policy: Policy, former: Option<&Keyring<P::Key>>) -> Self {
        let keyring = self.keyring.tried_with(&policy, former);
        let verified = VerifiedTokens::bounded(MAX_TRIED_TOKENS, MAX_TRIED_BYTES);
        Self { is_in_force: false, ..Self::of(policy, keyring, verified, Some(self)) }
    }

    /// `other` may have the list of revocations in memory already.
    fn of(policy: Policy, keyring: Keyring<P::Key>, verified: VerifiedTokens<P::Key>, other: Option<&Self>) -> Self {
        let revocations = policy.revocation.as_ref().map(|settings| {
            let has_same =
                |other: &&Self| other.policy.revocation.as_ref().is_some_and(|own| own.store == settings.store);
            other.filter(has_same).and_then(|other| other.revocations.clone()).unwrap_or_default()
        });
        Self {
            revocations,
            is_in_force: true,
            keeps_encoded_slashes: policy.keeps_encoded_slashes(),
            policy: Rc::new(policy),
            keyring: Rc::new(keyring),
            verified: RefCell::new(verified),
            credentials: Credentials::default(),
            grants: RefCell::default(),
            last_host: RefCell::default(),
        }
    }

    /// The policy that it enforces.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys of the policy's issuers.
    #[must_use]
    pub fn keyring(&self) -> &Rc<Keyring<P::Key>> {
        &self.keyring
    }

    /// The list of revocations in memory, if the policy has one.
    #[must_use]
    pub fn revocations(&self) -> Option<&Rc<Revocations>> {
        self.revocations.as_ref()
    }

    /// The number of verified tokens, and their approximate size in bytes.
    #[must_use]
    pub fn verified_size(&self) -> (usize, usize) {
        self.verified.borrow().size()
    }

    /// The names of the headers whose values decisions depend on, in lower case.
    pub fn needed_headers(&self) -> impl Iterator<Item = &str> {
        let templates = self.policy.routes.iter().flat_map(Route::templates).flat_map(Template::headers);
        let of_pages = if self.policy.depends_on_page_origin() {
            ["origin", "access-control-request-method"].as_slice()
        } else {
            &[]
        };
        let of_tokens = self.policy.routes.iter().filter_map(|route| route.forwarding()?.token_header.as_deref());
        let always = [AUTHORIZATION, "connection", "host", "upgrade"];
        let is_signed = self.policy.revocation.as_ref().is_some_and(|settings| settings.logto.is_some());
        let of_webhooks = is_signed.then_some(LOGTO_SIGNATURE);
        always.into_iter().chain(of_webhooks).chain(of_pages.iter().copied()).chain(of_tokens).chain(templates)
    }
}
