//! What the gate answers itself, before a route is looked up: its own documents, and preflights.

use super::{Gateway, OwnAnswer};
use crate::cors::{Sharing, preflight_method};
use crate::decision::{Decision, Document};
use crate::denial::Denial;
use crate::platform::Platform;
use crate::policy::{PUBLIC_DOCUMENTS, Resource};
use crate::request::Request;
use crate::route::path::RequestPath;
use crate::trace::{Observer, Step};

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
    ) -> Option<OwnAnswer<'a>> {
        let place = request.url.path;
        let document = if let Some(resource) = self.policy.resources.iter().find(|own| own.has_metadata_at(host, place))
        {
            platform.observe(Step::Document);
            Ok(metadata_of(resource))
        } else if let Some(settings) = self.publishes_keys_at(place) {
            platform.observe(Step::Document);
            self.key_set(settings, platform).await
        } else {
            let answer = self.preflight(host, path, request)?;
            platform.observe(Step::Preflight);
            return Some(answer);
        };
        Some(serve(document, request))
    }

    /// Answers a preflight if the route of the announced request has `cors`; `None` for any other request.
    fn preflight<'a>(&'a self, host: &str, path: &RequestPath<'_>, request: &'a Request<'_>) -> Option<OwnAnswer<'a>> {
        let method = preflight_method(request)?;
        if path.has_encoded_slash() && !self.keeps_slashes(host, path, method) {
            return None;
        }
        let (place, _) = self.policy.table.place(host, path)?;
        let cors_of = |method: &str| self.policy.routes.get(place.find(method)?)?.cors.as_ref();
        let cors = cors_of(method)?;
        // A browser applies the response to all methods in it, so methods with other rules are left out.
        let named =
            cors.methods.as_ref().map_or_else(|| place.named(), |methods| methods.iter().map(String::as_str).collect());
        let mut methods: Vec<&str> = named.into_iter().filter(|method| cors_of(method) == Some(cors)).collect();
        // To a browser `*` means all methods, including those with other rules.
        if cors.methods.is_none() && method != "*" && !methods.contains(&method) {
            methods.push(method);
        }
        let sharing = Sharing::new(cors, request);
        let decision = sharing.preflight(method, &methods).map(Decision::Preflight).ok_or(Denial::PreflightDenied);
        Some(OwnAnswer { decision, sharing })
    }
}

fn metadata_of(resource: &Resource) -> Document<'_> {
    Document { media_type: "application/json", body: resource.metadata.as_str().into() }
}

/// Answers a request for one of the gate's own documents, which everyone may read, including pages of all origins.
fn serve<'a>(document: Result<Document<'a>, Denial>, request: &'a Request<'_>) -> OwnAnswer<'a> {
    let sharing = Sharing::new(&PUBLIC_DOCUMENTS, request);
    let read = |document| {
        if READ_METHODS.contains(&request.method) {
            return Ok(Decision::Serve(document));
        }
        let preflight = preflight_method(request).and_then(|method| sharing.preflight(method, &READ_METHODS));
        let not_allowed = || Denial::MethodNotAllowed { allow: READ_METHODS.map(str::to_owned).to_vec() };
        preflight.map(Decision::Preflight).ok_or_else(not_allowed)
    };
    OwnAnswer { decision: document.and_then(read), sharing }
}
