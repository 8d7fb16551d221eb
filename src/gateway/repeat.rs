//! Decisions that are repeated: which ones may be, and whether a grant applies to a request and still holds.

use super::grants::{ANONYMOUS, KeyVersion, Terms};
use super::{Bearer, Gateway, Matched};
use crate::platform::Platform;
use crate::policy::template::Template;
use crate::policy::url::Origin;
use crate::policy::{Access, Action, Forwarding};
use crate::request::Request;
use crate::route::header;
use crate::route::path::RequestPath;
use crate::route::url::Url;
use crate::time::UnixMillis;
use crate::trace::Observer;
use crate::upstream::Granted;

/// Where the gate's own documents are.
const WELL_KNOWN: &str = "/.well-known/";

/// A grant that applies to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The number of the grant.
    pub grant: u32,
    /// How many bytes of the path are removed with the route's `strip_prefix`; `None` if it is not a prefix of the path.
    pub cut: Option<usize>,
}

/// What a header with some name means for a request that is forwarded by a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRule {
    /// It is forwarded.
    Forward,
    /// It is removed.
    Remove,
    /// The request has to be decided anew.
    Decide,
    /// It is removed. If its value names other headers, the request has to be decided anew.
    Connection,
    /// Its value must be the authority of the URL, or the request has to be decided anew.
    Host,
}

/// Nobody observes a repeated decision.
struct Unobserved;

impl Observer for Unobserved {}

impl<P: Platform + Observer> Gateway<P> {
    /// Gives a grant for requests like the one that was just allowed, if their decision depends on nothing but caller,
    /// route, captures and time.
    pub(super) fn grant<'a>(
        &'a self,
        matched: &Matched<'a>,
        forwarding: &'a Forwarding,
        bearer: Option<&Bearer<'_>>,
        proof_until: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<Granted<'a>> {
        let Matched { index, route, captures, .. } = matched;
        if route.cors.is_some() || route.templates().any(Template::reads_request) {
            return None;
        }
        let mut verified = self.verified.borrow_mut();
        let (known, keys, until) = match bearer {
            None => (None, None, proof_until?),
            Some(Bearer { token, issuer, permit }) => {
                let entry = verified.find(token)?;
                let keys = self.keyring.issuer(entry.issuer)?;
                let version = KeyVersion { issuer: entry.issuer, version: keys.version() };
                let until =
                    proof_until?.min(keys.fresh_until(&entry.set)?).min(permit.claims().valid_until(issuer).millis());
                (entry.caller, Some(version), until)
            }
        };
        let captures = route.templates().any(Template::reads_captures).then(|| captures.clone());
        let terms = Terms { number: 0, route: *index, captures, from: now, until };
        let grant = self.grants.borrow_mut().give(known, keys, terms)?;
        if let Some(Bearer { token, .. }) = bearer {
            verified.keep_caller(token, grant.caller);
        }
        let base = match &forwarding.origin {
            Origin::Url { root, base } => [root.as_str(), base].concat(),
            Origin::Service(_) | Origin::Passthrough => String::new(),
        };
        Some(Granted { caller: grant.caller, number: grant.number, base: base.into() })
    }

    /// The caller's grant that applies to a request with this method and URL, if it still holds. Nothing of the
    /// request's headers is known here but whether `Authorization` is one of them: see [`Gateway::header_rule`].
    #[must_use]
    pub fn repeat(
        &self,
        caller: u32,
        has_authorization: bool,
        method: &str,
        url: &str,
        now: UnixMillis,
    ) -> Option<Repeat> {
        let request = Request { method, url: Url::split(url), headers: Vec::new() };
        // JavaScript takes the authority to end at the first slash.
        if !url.get(request.url.scheme.len() + "://".len() + request.url.authority.len()..)?.starts_with('/') {
            return None;
        }
        let url = &request.url;
        // A preflight, or a document of the gate's own, perhaps.
        if method == "OPTIONS" || url.path.starts_with(WELL_KNOWN) {
            return None;
        }
        if !request.has_unambiguous_host() || !url.has_unambiguous_query() {
            return None;
        }
        let path = RequestPath::parse(url.path).ok()?;
        let host = url.host().to_ascii_lowercase();
        let (index, route, captures) = self.route(&host, &path, method, &Unobserved).ok()?;
        let Action::Forward(forwarding) = &route.action else { return None };
        if caller == ANONYMOUS && has_authorization && !matches!(forwarding.access, Access::Public) {
            return None;
        }
        let grants = self.grants.borrow();
        let (terms, keys) = grants.find(caller, index, &captures)?;
        let is_current =
            |keys: KeyVersion| self.keyring.issuer(keys.issuer).is_some_and(|own| own.version() == keys.version);
        if now < terms.from || now >= terms.until || !keys.is_none_or(is_current) {
            return None;
        }
        let rest = path.strip_prefix(&forwarding.strip_prefix);
        // What is sent for an empty path depends on the origin.
        if rest.is_some_and(str::is_empty) {
            return None;
        }
        Some(Repeat { grant: terms.number, cut: rest.map(|rest| url.path.len() - rest.len()) })
    }

    /// What a header with this lower-case name means for a request that is forwarded by a grant.
    #[must_use]
    pub fn header_rule(&self, name: &str) -> HeaderRule {
        let identity = &self.policy.identity;
        match name {
            "connection" => HeaderRule::Connection,
            "host" => HeaderRule::Host,
            // A WebSocket handshake, perhaps.
            "upgrade" => HeaderRule::Decide,
            "authorization" if !identity.forward_token => HeaderRule::Remove,
            _ if header::is_removed(name, &identity.prefix) => HeaderRule::Remove,
            _ => HeaderRule::Forward,
        }
    }
}
