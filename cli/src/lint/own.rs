//! Routes at the places of the gate's own documents.

use portcullis::policy::KEY_SET_PATH;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::HostPattern;

use super::linter::{Lint, route_key};
use super::location::Location;
use crate::finding::rule::UNREACHABLE;

/// A document that the gate serves before it looks at routes.
struct Document<'p> {
    /// `None` for all hosts.
    host: Option<&'p str>,
    path: RequestPath<'p>,
    /// In words.
    what: String,
}

pub(super) fn lint(lint: &mut Lint<'_>) {
    let policy = lint.policy;
    let keys = policy.identity.assertion.iter().map(|_| (None, KEY_SET_PATH, "the keys of its assertions".to_owned()));
    let resources = policy.resources.iter().map(|resource| {
        (
            Some(resource.host.as_str()),
            resource.path.as_str(),
            format!("the metadata of a resource, {}", resource.metadata_url),
        )
    });
    let documents: Vec<Document<'_>> = keys.chain(resources).filter_map(Document::new).collect();
    if documents.is_empty() {
        return;
    }
    for (index, written) in lint.routes().iter().enumerate() {
        let Some(location) = Location::read(written) else { continue };
        if let Some(document) = documents.iter().find(|document| document.hides(&location)) {
            let message = format!("the gate answers these requests itself, with {}", document.what);
            lint.note(&UNREACHABLE, &route_key(index, "path"), message);
        }
    }
}

impl<'p> Document<'p> {
    fn new((host, path, what): (Option<&'p str>, &'p str, String)) -> Option<Self> {
        Some(Self { host, path: RequestPath::parse(path).ok()?, what })
    }

    /// Whether the route is at its place and nowhere else.
    fn hides(&self, location: &Location) -> bool {
        let is_host = |host: &HostPattern| matches!(host, HostPattern::Exact(own) if self.host == Some(own.as_str()));
        let is_there = !location.hosts.is_empty() && location.hosts.iter().all(is_host);
        location.is_at(&self.path) && (self.host.is_none() || is_there)
    }
}
