//! Decisions that are repeated: which requests are given a grant, and whether a grant applies to a request and holds.

use std::rc::Rc;

use super::Gateway;
use super::bearer::Bearer;
use super::decide::Matched;
use super::grants::{ANONYMOUS, Captured, KeyVersion, Terms};
use crate::platform::Platform;
use crate::policy::template::Template;
use crate::policy::url::Origin;
use crate::policy::{Access, Forwarding};
use crate::route::header::{self, AUTHORIZATION};
use crate::route::host::in_lower_case;
use crate::route::path::RequestPath;
use crate::route::url::{Url, host_of, is_authority};
use crate::time::UnixMillis;
use crate::trace::Observer;
use crate::upstream::Granted;

/// Where the gate's own documents are.
const WELL_KNOWN: &str = "/.well-known/";

/// A request as far as a grant depends on it, besides its headers: see [`Gateway::header_rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again<'r> {
    /// The number of the caller; 0 for one that is unknown or has no token.
    pub caller: u32,
    /// Whether it has an `Authorization` header.
    pub has_authorization: bool,
    /// The method, as received.
    pub method: &'r str,
    /// The URL as the platform joined it.
    pub url: &'r str,
}

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

impl<P: Platform + Observer> Gateway<P> {
    /// Gives a grant for requests like the one that was just allowed, if nothing of their heads but method, URL, page origin
    /// and the caller's token decides. The page origin is no part of it: who forwards requests by grants repeats one for
    /// page origins only with which a request was allowed, since the headers of the response differ too.
    pub(super) fn grant(
        &self,
        matched: &Matched<'_>,
        forwarding: &Forwarding,
        bearer: Option<&Bearer<'_>>,
        proof_until: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<Granted> {
        // Who forwards requests by grants knows callers by their `Authorization`.
        if forwarding.token_header.is_some() || !self.is_in_force {
            return None;
        }
        let Matched { host, index, route, captures, .. } = matched;
        let mut verified = self.verified.borrow_mut();
        let (known, keys, until) = match bearer {
            None => (None, None, proof_until?),
            Some(Bearer { token, issuer, permit }) => {
                let entry = verified.peek(token).filter(|entry| entry.is_used_again)?;
                let keys = self.keyring.issuer(entry.issuer)?;
                let version = KeyVersion { issuer: entry.issuer, version: keys.version(), list: entry.unrevoked_in };
                let until =
                    proof_until?.min(keys.fresh_until(&entry.set)?).min(permit.claims().valid_until(issuer).millis());
                (entry.caller, Some(version), until)
            }
        };
        if now >= until || route.templates().any(Template::reads_request) {
            return None;
        }
        // Without a token, no template is read.
        let reads_captures = bearer.is_some() && route.templates().any(Template::reads_captures);
        let captured = Captured { captures, host_label_name: route.pattern.host_label_name(host) };
        let terms = Terms { route: *index, captures: reads_captures.then(|| captured.kept()), from: now, until };
        let grant = self.grants.borrow_mut().give(known, keys, terms)?;
        if let Some(Bearer { token, .. }) = bearer {
            verified.keep_caller(token, grant.caller);
        }
        let base = match &forwarding.origin {
            Origin::Url { root, base } => [root.as_str(), base].concat(),
            Origin::Service(_) | Origin::Passthrough => String::new(),
        };
        let prefix = forwarding.forwarded_prefix.clone();
        Some(Granted { caller: grant.caller, number: grant.number, base, prefix })
    }

    /// The caller's grant that applies to a request and holds now.
    #[must_use]
    pub fn repeat(&self, again: Again<'_>, now: UnixMillis) -> Option<Repeat> {
        let Again { caller, has_authorization, method, url } = again;
        let target = Url::split(url);
        let Url { scheme, authority, path, .. } = target;
        // Who forwards the request takes the authority to end at the first slash.
        if !url.get(scheme.len() + "://".len() + authority.len()..)?.starts_with('/') {
            return None;
        }
        // A preflight, or a document of the gate's own, perhaps.
        if method == "OPTIONS" || path.starts_with(WELL_KNOWN) || !target.has_unambiguous_query() {
            return None;
        }
        let path = RequestPath::parse(path).ok()?;
        let host = self.host(authority)?;
        let table = &self.policy.table;
        let index = table.find_route(&host, &path, method)?;
        if self.policy.refuses_case_variants && table.find_ignoring_case(&host, &path, method, index).is_some() {
            return None;
        }
        let route = self.policy.routes.get(index)?;
        let forwarding = route.action.forwarding()?;
        let caller = match &forwarding.access {
            Access::Nobody => return None,
            Access::Public => ANONYMOUS,
            Access::Token(_) | Access::Optional(_) if caller == ANONYMOUS && has_authorization => return None,
            Access::Token(_) | Access::Optional(_) => caller,
        };
        let grants = self.grants.borrow();
        let (given, keys) = grants.of(caller, index);
        let (grant, terms) = match given {
            [only] if only.1.captures.is_none() => only,
            several => {
                let (_, captures) = table.place(&host, &path)?;
                let host_label_name = route.pattern.host_label_name(&host);
                let captured = Captured { captures: &captures, host_label_name };
                several.iter().find(|(_, terms)| terms.captures.as_ref().is_none_or(|kept| kept.are(captured)))?
            }
        };
        let is_current = |keys: KeyVersion| {
            self.keyring.issuer(keys.issuer).is_some_and(|own| own.is_version(keys.version, now))
                && self.has_list(keys.list, now)
        };
        if now < terms.from || now >= terms.until || !keys.is_none_or(is_current) {
            return None;
        }
        let rest = path.strip_prefix(&forwarding.strip_prefix);
        // What is sent for an empty path depends on the origin.
        if rest.is_some_and(str::is_empty) {
            return None;
        }
        Some(Repeat { grant: *grant, cut: rest.map(|rest| path.raw().len() - rest.len()) })
    }

    /// The host in an authority, in lower case; `None` if it is ambiguous. The last one is kept: few gates have many.
    fn host(&self, authority: &str) -> Option<Rc<str>> {
        let mut last = self.last_host.borrow_mut();
        if let Some((known, host)) = last.as_ref()
            && known == authority
        {
            return Some(Rc::clone(host));
        }
        let host = is_authority(authority).then(|| in_lower_case(host_of(authority)).into())?;
        *last = Some((authority.to_owned(), Rc::clone(&host)));
        Some(host)
    }

    /// What a header with this lower-case name means for a request that is forwarded by a grant.
    #[must_use]
    pub fn header_rule(&self, name: &str) -> HeaderRule {
        let identity = &self.policy.identity;
        match name {
            "connection" => HeaderRule::Connection,
            "host" => HeaderRule::Host,
            // The first may be a WebSocket handshake, and `Connection` may name the second.
            "upgrade" | "close" => HeaderRule::Decide,
            AUTHORIZATION if !identity.forward_token => HeaderRule::Remove,
            _ if header::is_removed(name, &identity.prefix) => HeaderRule::Remove,
            _ => HeaderRule::Forward,
        }
    }
}
