//! What the gate answers itself, before a route is looked up: its own documents, and preflights.

use super::Gateway;
use crate::cors::{Sharing, preflight_method};
use crate::decision::{Decision, Document};
use crate::denial::Denial;
use crate::platform::Platform;
use crate::policy::{PUBLIC_DOCUMENTS, Requirement, Resource};
use crate::request::Request;
use crate::route::path::RequestPath;
use crate::route::table::{Captures, RouteIndex};
use crate::status::{STATUS_PATH, status};
use crate::trace::{Observer, Step};

/// What the gate does itself.
pub(super) enum Own<'a> {
    /// It answers.
    Answer(OwnAnswer<'a>),
    /// A page must not send the request that its preflight announces, which has this route.
    PreflightDenied {
        index: RouteIndex,
        captures: Captures,
        /// Whether it is refused. Otherwise it is forwarded, and the origin answers it.
        is_enforced: bool,
    },
}

/// A response of the gate's own, and which pages of other origins may use it.
pub(super) struct OwnAnswer<'a> {
    pub(super) decision: Result<Decision<'a>, Denial>,
    /// Which pages of other origins may use it; `None` for none.
    pub(super) sharing: Option<Sharing<'a>>,
}

/// The methods of the gate's own documents.
const READ_METHODS: [&str; 2] = ["GET", "HEAD"];

impl<P: Platform + Observer> Gateway<P> {
    /// The gate's own response to this request; `None` if a route must handle it.
    pub(super) async fn own<'a>(
        &'a self,
        host: &str,
        path: &RequestPath<'_>,
        request: &'a Request<'_>,
        platform: &P,
    ) -> Option<Own<'a>> {
        let place = request.url.path;
        if let Some(requirement) = self.policy.status.as_ref().filter(|_| place == STATUS_PATH) {
            platform.observe(Step::Own(&READ_METHODS));
            let decision = self.status(requirement, request, platform).await.map(Decision::Serve);
            return Some(Own::Answer(OwnAnswer { decision, sharing: None }));
        }
        if let Some(feed) = self.feed_at(place) {
            let decision = self.feed(feed, request, platform).await;
            return Some(Own::Answer(OwnAnswer { decision, sharing: None }));
        }
        let document = if let Some(resource) = self.policy.resources.iter().find(|own| own.has_metadata_at(host, place))
        {
            platform.observe(Step::Own(&READ_METHODS));
            Ok(metadata_of(resource))
        } else if let Some(settings) = self.publishes_keys_at(place) {
            platform.observe(Step::Own(&READ_METHODS));
            self.key_set(settings, platform).await
        } else {
            let answer = self.preflight(host, path, request)?;
            platform.observe(Step::Preflight);
            return Some(answer);
        };
        Some(Own::Answer(serve(document, request)))
    }

    /// The status of the gate, for callers whose token satisfies the requirement.
    async fn status(
        &self,
        requirement: &Requirement,
        request: &Request<'_>,
        platform: &P,
    ) -> Result<Document<'_>, Denial> {
        if !READ_METHODS.contains(&request.method) {
            return Err(only_reads());
        }
        self.admit_to_own(requirement, request, platform).await?;
        let surroundings = platform.surroundings();
        let now = platform.now();
        let revocations = self.revocation().map(|(revocations, _)| revocations.state(now));
        let text = status(&self.policy, &self.keyring, self.verified_size(), revocations, &surroundings, now);
        Ok(Document { media_type: "application/json", body: text.into(), is_public: false })
    }

    /// Answers a preflight if the route of the announced request has `cors`; `None` for any other request.
    fn preflight<'a>(&'a self, host: &str, path: &RequestPath<'_>, request: &'a Request<'_>) -> Option<Own<'a>> {
        let method = preflight_method(request)?;
        if path.has_encoded_slash() && !self.keeps_slashes(host, path, method) {
            return None;
        }
        let (place, captures) = self.policy.table.place(host, path)?;
        let cors_of = |method: &str| self.policy.routes.get(place.find(method)?)?.cors.as_ref();
        let (index, cors) = (place.find(method)?, cors_of(method)?);
        // A browser applies the response to all methods in it, so methods with other rules are left out.
        let named =
            cors.methods.as_ref().map_or_else(|| place.named(), |methods| methods.iter().map(String::as_str).collect());
        let mut methods: Vec<&str> = named.into_iter().filter(|method| cors_of(method) == Some(cors)).collect();
        // To a browser `*` means all methods, including those with other rules.
        if cors.methods.is_none() && method != "*" && !methods.contains(&method) {
            methods.push(method);
        }
        let sharing = Sharing::new(cors, request);
        Some(match sharing.preflight(method, &methods) {
            Some(granted) => {
                Own::Answer(OwnAnswer { decision: Ok(Decision::Preflight(granted)), sharing: Some(sharing) })
            }
            None => {
                let is_enforced = self.policy.routes.get(index)?.is_enforced;
                let own = place.find(request.method);
                // What is forwarded must have one reading. Whether it has, is decided as for any request.
                let is_ambiguous = self.has_case_variant(host, path, method, index)
                    || own.is_some_and(|own| {
                        self.has_case_variant(host, path, request.method, own)
                            || (path.has_encoded_slash() && !self.keeps_slashes(host, path, request.method))
                    });
                if !is_enforced && is_ambiguous {
                    return None;
                }
                // A request is no preflight to an origin only because it looks like one: a route for it decides.
                let own = own.filter(|own| *own != index).and_then(|own| self.policy.routes.get(own));
                let is_enforced = is_enforced || own.is_some_and(|own| own.is_enforced);
                Own::PreflightDenied { index, captures, is_enforced }
            }
        })
    }
}

/// The refusal of any method that does not read.
fn only_reads() -> Denial {
    Denial::MethodNotAllowed { allow: READ_METHODS.map(str::to_owned).to_vec() }
}

fn metadata_of(resource: &Resource) -> Document<'_> {
    Document { media_type: "application/json", body: resource.metadata.as_str().into(), is_public: true }
}

/// Answers a request for one of the gate's own documents, which everyone may read, including pages of all origins.
fn serve<'a>(document: Result<Document<'a>, Denial>, request: &'a Request<'_>) -> OwnAnswer<'a> {
    let sharing = Sharing::new(&PUBLIC_DOCUMENTS, request);
    let read = |document| {
        if READ_METHODS.contains(&request.method) {
            return Ok(Decision::Serve(document));
        }
        let preflight = preflight_method(request).and_then(|method| sharing.preflight(method, &READ_METHODS));
        preflight.map(Decision::Preflight).ok_or_else(only_reads)
    };
    OwnAnswer { decision: document.and_then(read), sharing: Some(sharing) }
}
