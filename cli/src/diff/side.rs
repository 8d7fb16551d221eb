//! One of the two policies, and what it does with requests.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use portcullis::denial::Denial;
use portcullis::gateway::verified::VerifiedTokens;
use portcullis::policy::{
    AccessKind, Audience, Issuer, KEY_SET_PATH, LogoutTokens, LogtoWebhooks, Policy, Requirement, Route, Scopes,
};
use portcullis::revocation::{API_PATH, LOGOUT_PATH, LOGTO_PATH};
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{HostPattern, PathPattern};
use portcullis::route::table::{Captures, RouteIndex};
use portcullis::status::STATUS_PATH;
use portcullis::trace::Observer;

use super::effect::Effect;
use super::issuers::{IssuerId, Issuers};
use super::symbols::{SymbolicRequest, Symbols};
use crate::area::{Area, AreaHost};
use crate::trial::Router;

/// A policy, and the code that finds the routes of its requests.
pub(super) struct Side {
    router: Router,
    ids: Vec<IssuerId>,
    documents: Vec<OwnDocument>,
}

/// A document that the gate serves itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OwnDocument {
    pub(super) area: Area,
    /// `None` for every host.
    host: Option<String>,
    path: String,
    /// What it says, or what it is made of.
    pub(super) content: String,
    /// Who may read it.
    pub(super) access: AccessKind,
    /// What the content does not say and yet decides who may.
    hidden: String,
}

/// The methods of the gate's own documents.
const READ_METHODS: [&str; 2] = ["GET", "HEAD"];

/// What happens to a request before a token counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict<'s> {
    Refused(Refusal),
    /// The gate serves a document of its own.
    Served(&'s OwnDocument),
    Routed(RouteIndex, Captures),
}

/// Why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    BadPath,
    NoRoute,
    MethodNotAllowed,
}

/// Nobody looks at the steps.
struct Unobserved;

impl Observer for Unobserved {}

impl Refusal {
    pub(super) fn status(self) -> u16 {
        match self {
            Self::BadPath => 400,
            Self::NoRoute => 404,
            Self::MethodNotAllowed => 405,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::BadPath => "refused (400, ambiguous path)",
            Self::NoRoute => "refused (404, no route)",
            Self::MethodNotAllowed => "refused (405, only for other methods)",
        }
    }
}

impl Side {
    pub(super) fn new(policy: Policy, issuers: &mut Issuers) -> Self {
        let ids = policy.issuers.iter().map(|issuer| issuers.id(issuer)).collect();
        let documents = OwnDocument::all(&policy);
        Self { router: Router::with(policy, VerifiedTokens::bounded(0, 0)), ids, documents }
    }

    pub(super) fn policy(&self) -> &Policy {
        self.router.policy()
    }

    pub(super) fn route(&self, index: RouteIndex) -> Option<&Route> {
        self.policy().routes.get(index)
    }

    pub(super) fn documents(&self) -> &[OwnDocument] {
        &self.documents
    }

    /// What becomes of a request. The path is as received.
    pub(super) fn verdict(&self, host: &str, path: &str, method: &str) -> Verdict<'_> {
        let Some(parsed) = self.router.path(path) else { return Verdict::Refused(Refusal::BadPath) };
        if let Some(document) = self.documents.iter().find(|document| document.is_at(host, path)) {
            let is_read = READ_METHODS.contains(&method);
            return if is_read { Verdict::Served(document) } else { Verdict::Refused(Refusal::MethodNotAllowed) };
        }
        match self.router.route(host, &parsed, method, &Unobserved) {
            Ok((index, _, captures)) => Verdict::Routed(index, captures),
            Err(Denial::NoRoute) => Verdict::Refused(Refusal::NoRoute),
            Err(Denial::MethodNotAllowed { .. }) => Verdict::Refused(Refusal::MethodNotAllowed),
            Err(_) => Verdict::Refused(Refusal::BadPath),
        }
    }

    /// Whether a path with encoded slashes may be more than ambiguous: a route of its place keeps them.
    pub(super) fn may_keep_slashes(&self, host: &str, path: &str) -> bool {
        let keeps = |index: RouteIndex| self.route(index).is_some_and(|route| route.keeps_encoded_slashes);
        let place = |path| self.policy().table.place(host, &path).map(|(methods, _)| methods.routes().any(keeps));
        self.policy().keeps_encoded_slashes() && self.router.path(path).and_then(place).unwrap_or_default()
    }

    /// The area of the place that takes a path, or of the document there.
    pub(super) fn place(&self, host: &str, path: &str) -> Option<Area> {
        if let Some(document) = self.documents.iter().find(|document| document.is_at(host, path)) {
            return Some(document.area.clone());
        }
        let parsed = RequestPath::parse(path).ok()?;
        let (methods, captures) = self.policy().table.place(host, &parsed)?;
        let pattern = &self.route(methods.routes().next()?)?.pattern;
        let suffix = host.split_once('.').map(|(_, suffix)| suffix.to_owned());
        let host = match (&captures.host_label, suffix) {
            _ if pattern.hosts.is_empty() => AreaHost::Any,
            (Some(_), Some(suffix)) => AreaHost::Label(suffix),
            _ => AreaHost::Exact(host.to_owned()),
        };
        Some(Area { host, ..Area::of(&pattern.path, None) })
    }

    /// What a route does with requests that have these captures, at a host.
    pub(super) fn effect(
        &self,
        index: RouteIndex,
        captures: &Captures,
        host: &str,
        symbols: &Symbols,
    ) -> Option<Effect> {
        let route = self.route(index)?;
        let request = SymbolicRequest::new(symbols, route, captures, host);
        Some(Effect::new(route, self.policy(), &self.ids, &request))
    }

    /// Each place with its routes by method; the empty method is every other one.
    pub(super) fn places(&self) -> HashMap<Area, BTreeMap<&str, RouteIndex>> {
        let mut places: HashMap<Area, BTreeMap<&str, RouteIndex>> = HashMap::new();
        for (index, route) in self.policy().routes.iter().enumerate() {
            let all = route.pattern.methods.is_empty().then_some("");
            for area in areas(route) {
                let methods = route.pattern.methods.iter().map(String::as_str).chain(all);
                places.entry(area).or_default().extend(methods.map(|method| (method, index)));
            }
        }
        places
    }

    /// What a route does at one of its areas, whatever it captures.
    pub(super) fn effect_at(&self, area: &Area, index: RouteIndex, symbols: &Symbols) -> Option<Effect> {
        let host = area.host.example(&symbols.host());
        let captures = symbols.captures(self.route(index)?);
        let host_label = captures.host_label.clone().filter(|_| matches!(area.host, AreaHost::Label(_)));
        self.effect(index, &Captures { host_label, ..captures }, &host, symbols)
    }
}

/// The areas of a route, one for each of its hosts.
pub(super) fn areas(route: &Route) -> impl Iterator<Item = Area> {
    let all = route.pattern.hosts.is_empty().then_some(None);
    let hosts = all.into_iter().chain(route.pattern.hosts.iter().map(Some));
    hosts.map(|host| Area::of(&route.pattern.path, host))
}

impl OwnDocument {
    fn all(policy: &Policy) -> Vec<Self> {
        let metadata = policy.resources.iter().map(|resource| {
            let host = Some(resource.host.clone());
            Self::new(host, &resource.path, resource.metadata.clone())
        });
        let keys = policy.identity.assertion.iter().map(|assertion| {
            let content = format!("{} keys {}", assertion.algorithm.name(), assertion.keys.join(", "));
            Self::new(None, KEY_SET_PATH, content)
        });
        let status = policy.status.iter().map(|own| Self::for_tokens(policy, own, STATUS_PATH, "its status"));
        let revocation = policy.revocation.iter();
        let api = revocation.clone().filter_map(|settings| settings.api.as_ref());
        let api = api.map(|own| Self::for_tokens(policy, own, API_PATH, "the list of revocations"));
        let name = |index: usize| policy.issuers.get(index).map_or("", |issuer| issuer.issuer.as_str());
        let logto = revocation.clone().filter_map(|settings| settings.logto.as_ref()).map(
            |LogtoWebhooks { secret, issuer }| {
                Self::new(None, LOGTO_PATH, format!("what webhooks signed with {secret} revoke of {}", name(*issuer)))
            },
        );
        let logout =
            revocation.filter_map(|settings| settings.logout.as_ref()).map(|LogoutTokens { audiences, issuers }| {
                let isses = issuers.iter().map(|index| name(*index)).collect::<Vec<_>>().join(", ");
                Self::new(
                    None,
                    LOGOUT_PATH,
                    format!("what logout tokens of {isses} for {} revoke", audiences.join(", ")),
                )
            });
        metadata.chain(keys).chain(status).chain(api).chain(logto).chain(logout).collect()
    }

    /// A path of the gate's own for callers whose token satisfies a requirement; `what` they get there.
    fn for_tokens(policy: &Policy, requirement: &Requirement, path: &str, what: &str) -> Self {
        let taken = requirement.issuers.iter().filter_map(|index| policy.issuers.get(*index));
        // The policy's names of issuers make no difference.
        let nameless = |issuer: &Rc<Issuer>| Issuer { name: String::new(), ..issuer.as_ref().clone() };
        let mut settings: Vec<String> = taken.clone().map(|issuer| format!("{:?}", nameless(issuer))).collect();
        settings.sort_unstable();
        let sorted = |mut words: Vec<String>| {
            words.sort_unstable();
            words.join(" or ")
        };
        let isses = sorted(taken.map(|issuer| issuer.issuer.clone()).collect());
        let audience = match &requirement.audience {
            Audience::Unchecked => "any audience".to_owned(),
            Audience::OneOf(templates) => sorted(templates.iter().map(ToString::to_string).collect()),
        };
        let Scopes { all, any } = &requirement.scopes;
        let (all, any) = (sorted(all.clone()).replace(" or ", " and "), sorted(any.clone()));
        let scopes = [all, any].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", and one of ");
        let content = format!("{what}, for tokens of {isses} for {audience} with {scopes}");
        let hidden = format!("{settings:?} {}", policy.max_token_bytes);
        Self { access: AccessKind::Token, hidden, ..Self::new(None, path, content) }
    }

    fn new(host: Option<String>, path: &str, content: String) -> Self {
        // What has no pattern (an encoded path) is at the root of its host.
        let decoded = RequestPath::parse(path).map(|path| format!("/{}", path.rest(0))).unwrap_or_default();
        let pattern = PathPattern::parse(&decoded).unwrap_or(PathPattern { segments: Vec::new(), rest: None });
        let own = host.clone().map(HostPattern::Exact);
        Self {
            area: Area::of(&pattern, own.as_ref()),
            host,
            path: path.to_owned(),
            content,
            access: AccessKind::Public,
            hidden: String::new(),
        }
    }

    fn is_at(&self, host: &str, path: &str) -> bool {
        self.path == path && self.host.as_ref().is_none_or(|own| own == host)
    }
}
