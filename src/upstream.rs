//! What the origin receives. A request with identity headers can only be built from a [`Permit`].

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::rc::Rc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::authorize::Permit;
use crate::jose::json::Json;
use crate::policy::url::Origin;
use crate::policy::{Forwarding, Identity};
use crate::request::Request;
use crate::route::header::{self, AUTHORIZATION, FORWARDED_HOST, FORWARDED_PREFIX, FORWARDED_PROTO};
use crate::route::path::RequestPath;
use crate::time::UnixMillis;

/// What is encoded in the value of an identity header; non-ASCII characters always are.
const IN_VALUES: &AsciiSet = &CONTROLS.add(b'%');

/// What is encoded in the element of a list.
const IN_ELEMENTS: &AsciiSet = &IN_VALUES.add(b',');

/// A space, encoded.
const SPACE: &str = "%20";

/// The changes to an allowed request before it is forwarded. Method, body and all other headers stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward<'a> {
    /// The URL that it is sent to.
    pub url: String,
    /// The service binding that receives it, instead of the network.
    pub service: Option<Cow<'a, str>>,
    /// Timeout in milliseconds until the response headers; `None` leaves it to the platform, and no timer is paid for.
    pub timeout_ms: Option<NonZeroU32>,
    /// Whether Cloudflare's cache may respond instead of the origin.
    pub cache: bool,
    /// The route's name, for the log.
    pub route: Cow<'a, str>,
    /// What later requests may be forwarded by without another decision.
    pub grant: Option<Granted>,
    /// Headers to remove, before any is set.
    pub remove: Vec<Cow<'a, str>>,
    /// Headers to set.
    pub set: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// How the origin can tell that a request came through the gate, as far as the policy wants it.
#[derive(Default)]
pub struct Proof<'a> {
    /// The assertion about the caller; `None` if the request has no token.
    pub assertion: Option<Rc<str>>,
    /// The shared secret; `None` if the policy has none.
    pub secret: Option<&'a str>,
    /// Until when it may be sent with other requests of the caller on the route; `None` if it depends on the request.
    pub until: Option<UnixMillis>,
}

/// A request, and where its route sends it.
#[derive(Clone, Copy)]
pub struct ForwardTarget<'t, 'a> {
    /// The request as received.
    pub request: &'t Request<'a>,
    /// Its path.
    pub path: &'t RequestPath<'a>,
    /// The name of its route, for the log.
    pub route: &'a str,
    /// Where its requests go.
    pub forwarding: &'a Forwarding,
}

/// A grant, and what is the same in all its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The number of the caller.
    pub caller: u32,
    /// The number of the grant.
    pub number: u32,
    /// The URL of the origin with its base; empty for the request's own.
    pub base: String,
    /// The value of `x-forwarded-prefix`, for requests from whose path the prefix is removed.
    pub prefix: String,
}

impl<'a> Forward<'a> {
    /// Builds the changes for a route's origin. `permit` is `None` if the route needs none and the caller has none.
    #[must_use]
    pub fn new(
        target: ForwardTarget<'_, 'a>,
        identity: &'a Identity,
        permit: Option<&'a Permit>,
        proof: &'a Proof<'a>,
    ) -> Self {
        let mut set = Vec::with_capacity(3 + 7 + identity.claims.len() + 2);
        target.describe_request(&mut set);
        if let Some(permit) = permit {
            set.extend(identity_headers(permit, identity));
        }
        set.extend(proof_headers(proof, identity));
        Self::with(target, removals(target, identity, !identity.forward_token), set)
    }

    /// The same for a request that the route does not allow, but does not refuse either: the origin learns nothing from the
    /// gate about the caller, and receives the token as it came.
    #[must_use]
    pub fn without_identity(target: ForwardTarget<'_, 'a>, identity: &'a Identity) -> Self {
        let mut set = Vec::new();
        target.describe_request(&mut set);
        Self::with(target, removals(target, identity, false), set)
    }

    /// The same without a grant.
    #[must_use]
    pub fn without_grant(self) -> Self {
        Self { grant: None, ..self }
    }

    fn with(
        ForwardTarget { request, path, route, forwarding }: ForwardTarget<'_, 'a>,
        remove: Vec<Cow<'a, str>>,
        set: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    ) -> Self {
        let origin = &forwarding.origin;
        let rest = path.strip_prefix(&forwarding.strip_prefix);
        let service = match origin {
            Origin::Service(binding) => Some(binding.into()),
            Origin::Url { .. } | Origin::Passthrough => None,
        };
        Self {
            url: target(request, rest.unwrap_or(path.raw()), origin),
            service,
            timeout_ms: forwarding.timeout_ms,
            cache: forwarding.cache,
            route: route.into(),
            grant: None,
            remove,
            set,
        }
    }

    /// The same, independent of the request and the policy.
    #[must_use]
    pub fn into_owned(self) -> Forward<'static> {
        fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        let Self { url, service, timeout_ms, cache, route, grant, remove, set } = self;
        Forward {
            url,
            service: service.map(owned),
            timeout_ms,
            cache,
            route: owned(route),
            grant,
            remove: remove.into_iter().map(owned).collect(),
            set: set.into_iter().map(|(name, value)| (owned(name), owned(value))).collect(),
        }
    }
}

impl<'a> ForwardTarget<'_, 'a> {
    /// The headers that say what was requested.
    fn describe_request(&self, set: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) {
        set.push((FORWARDED_HOST.into(), self.request.url.authority.into()));
        set.push((FORWARDED_PROTO.into(), self.request.url.scheme.into()));
        if self.path.strip_prefix(&self.forwarding.strip_prefix).is_some() {
            set.push((FORWARDED_PREFIX.into(), self.forwarding.forwarded_prefix.as_str().into()));
        }
    }
}

/// The origin's base, then the rest of the path and the query as received.
fn target(request: &Request<'_>, rest: &str, origin: &Origin) -> String {
    let url = &request.url;
    let (scheme, slashes, authority, base) = match origin {
        Origin::Url { root, base } => (root.as_str(), "", "", base.as_str()),
        Origin::Service(_) | Origin::Passthrough => (url.scheme, "://", url.authority, ""),
    };
    let rest = if base.is_empty() && rest.is_empty() { "/" } else { rest };
    let (mark, query) = url.query.map_or(("", ""), |query| ("?", query));
    [scheme, slashes, authority, base, rest, mark, query].concat()
}

fn removals<'a>(
    ForwardTarget { request, forwarding, .. }: ForwardTarget<'_, 'a>,
    identity: &Identity,
    removes_token: bool,
) -> Vec<Cow<'a, str>> {
    let connection = request.header("connection").unwrap_or_default().to_ascii_lowercase();
    let named = connection_names(&connection);
    let is_named = |name: &str| named.binary_search(&name).is_ok();
    // A WebSocket handshake is the only upgrade that is forwarded; the platform performs it with the origin itself. It
    // does so whenever the header asks for it, and always by GET (RFC 6455 §4.1): with another method the origin would
    // receive a request that was not checked.
    let is_websocket = request.method == "GET"
        && request.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    let is_token =
        |name: &str| name == AUTHORIZATION || forwarding.token_header.as_deref().is_some_and(|own| name == own);
    let is_removed = |name: &str| {
        let keeps_upgrade = is_websocket && name == "upgrade";
        ((header::is_removed(name, &identity.prefix) || is_named(name)) && !keeps_upgrade)
            || (removes_token && is_token(name))
    };
    request.headers.iter().map(|(name, _)| *name).filter(|name| is_removed(name)).map(Cow::Borrowed).collect()
}

/// The headers that `Connection` names, sorted: a request may name thousands and have thousands.
fn connection_names(connection: &str) -> Vec<&str> {
    let mut names: Vec<&str> = connection.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn identity_headers<'a>(
    permit: &'a Permit,
    identity: &'a Identity,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
    let (claims, headers) = (permit.claims(), &identity.headers);
    let text = |claim: &'a str| encode(claim, false);
    let own = [
        (&headers.subject, claims.text("sub").map(text)),
        (&headers.client_id, permit.client().map(text)),
        (&headers.organization_id, permit.organization().map(text)),
        (&headers.scopes, list(claims.scopes().iter().map(String::as_str), " ")),
        (&headers.audience, list(claims.audiences(), ",")),
        (&headers.issuer, claims.text("iss").map(text)),
        (&headers.claims, identity.payload_header.then(|| claims.payload().into())),
    ];
    let extra = identity.claims.iter().map(|extra| (&extra.header, claims.get(&extra.claim).and_then(claim_value)));
    own.into_iter().chain(extra).filter_map(|(name, value)| Some((name.into(), value?)))
}

fn proof_headers<'a>(
    proof: &'a Proof<'a>,
    identity: &'a Identity,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
    let assertion = identity.assertion.as_ref().map(|settings| &settings.header).zip(proof.assertion.as_deref());
    let secret = identity.secret.as_ref().map(|settings| &settings.header).zip(proof.secret);
    [assertion, secret].into_iter().flatten().map(|(name, value)| (name.into(), value.into()))
}

/// A claim as a header's value: a string as it is, a list of strings joined by commas, anything else as JSON.
fn claim_value<'a>(claim: &'a Json<'_>) -> Option<Cow<'a, str>> {
    if let Json::String(text) = claim {
        return Some(encode(text, false));
    }
    let strings: Option<Vec<&str>> = claim.as_array().and_then(|items| items.iter().map(Json::as_str).collect());
    match strings {
        Some(strings) => list(strings.into_iter(), ","),
        None => Some(encode(&claim.to_string(), false).into_owned().into()),
    }
}

/// `None` for an empty list, which becomes no header.
fn list<'a>(elements: impl Iterator<Item = &'a str>, separator: &str) -> Option<Cow<'a, str>> {
    elements.map(|element| encode(element, true)).reduce(|mut joined, element| {
        let text = joined.to_mut();
        text.push_str(separator);
        text.push_str(&element);
        joined
    })
}

/// Percent-encodes what a header's value cannot carry or what could be misread: `%`, control and non-ASCII characters,
/// commas in the elements of a list, and a space at either end, which HTTP would drop (RFC 9110 §5.5).
fn encode(text: &str, in_list: bool) -> Cow<'_, str> {
    let (leading, rest) = text.strip_prefix(' ').map_or(("", text), |rest| (SPACE, rest));
    let (rest, trailing) = rest.strip_suffix(' ').map_or((rest, ""), |rest| (rest, SPACE));
    let encoded = Cow::from(utf8_percent_encode(rest, if in_list { IN_ELEMENTS } else { IN_VALUES }));
    if leading.is_empty() && trailing.is_empty() { encoded } else { Cow::Owned([leading, &encoded, trailing].concat()) }
}
