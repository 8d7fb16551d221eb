//! Routes for the URLs of the gate's own documents.

use portcullis::policy::KEY_SET_PATH;
use portcullis::revocation::{API_PATH, LOGOUT_PATH, LOGTO_PATH};
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::HostPattern;
use portcullis::status::STATUS_PATH;

use super::linter::{Linter, route_key};
use super::matcher::RouteMatcher;
use crate::finding::rule::UNREACHABLE;

/// A document that the gate serves before it matches routes.
struct OwnDocument<'p> {
    /// `None` for all hosts.
    host: Option<&'p str>,
    path: RequestPath<'p>,
    /// A description for messages.
    what: String,
}

pub(super) fn lint(lint: &mut Linter<'_>, matchers: &[RouteMatcher]) {
    let policy = lint.policy;
    let keys = policy.identity.assertion.iter().map(|_| (None, KEY_SET_PATH, "the keys of its assertions".to_owned()));
    let resources = policy.resources.iter().map(|resource| {
        (
            Some(resource.host.as_str()),
            resource.path.as_str(),
            format!("the metadata of a resource, {}", resource.metadata_url),
        )
    });
    let status = policy.status.iter().map(|_| (None, STATUS_PATH, "its status".to_owned()));
    let feeds = policy.revocation.iter().flat_map(|settings| {
        let api = settings.api.as_ref().map(|_| (API_PATH, "the list of revocations"));
        let logto = settings.logto.as_ref().map(|_| (LOGTO_PATH, "what it makes of Logto's webhooks"));
        let logout = settings.logout.as_ref().map(|_| (LOGOUT_PATH, "what it makes of logout tokens"));
        [api, logto, logout].into_iter().flatten().map(|(path, what)| (None, path, what.to_owned()))
    });
    let own = keys.chain(resources).chain(status).chain(feeds);
    let documents: Vec<OwnDocument<'_>> = own.filter_map(OwnDocument::new).collect();
    if documents.is_empty() {
        return;
    }
    for (index, matcher) in matchers.iter().enumerate() {
        if let Some(document) = documents.iter().find(|document| document.hides(matcher)) {
            let message = format!("the gate answers these requests itself, with {}", document.what);
            lint.note(&UNREACHABLE, &route_key(index, "path"), message);
        }
    }
}

impl<'p> OwnDocument<'p> {
    fn new((host, path, what): (Option<&'p str>, &'p str, String)) -> Option<Self> {
        Some(Self { host, path: RequestPath::parse(path).ok()?, what })
    }

    /// Whether the route matches only requests for this document.
    fn hides(&self, matcher: &RouteMatcher) -> bool {
        let is_host = |host: &HostPattern| matches!(host, HostPattern::Exact(own) if self.host == Some(own.as_str()));
        let is_there = !matcher.hosts.is_empty() && matcher.hosts.iter().all(is_host);
        matcher.is_at(&self.path) && (self.host.is_none() || is_there)
    }
}
