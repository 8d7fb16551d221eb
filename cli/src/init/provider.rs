//! Reads a provider's metadata.

use std::cell::RefCell;

use futures_util::FutureExt;
use portcullis::jose::json::Json;
use portcullis::jwks::discovery::key_set_url;
use portcullis::platform::{Fault, Fetch, Fetched, Get};
use portcullis::policy::Issuer;

use crate::output::{printable, wrap};
use crate::web::Web;

/// A provider that the gate can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Provider {
    issuer: String,
    jwks_uri: String,
    algorithms: Vec<String>,
    scopes: Vec<String>,
}

/// The network, with a copy of the last document.
#[derive(Default)]
struct Listening(RefCell<String>);

impl Fetch for Listening {
    async fn get(&self, get: Get<'_>) -> Result<Fetched, Fault> {
        let fetched = Web.get(get).await?;
        if let Fetched::Document { body, .. } = &fetched {
            body.clone_into(&mut self.0.borrow_mut());
        }
        Ok(fetched)
    }
}

/// Reads an issuer's metadata with the gate's own code.
///
/// # Errors
/// Why the gate could not use the provider.
pub(super) fn discover(issuer: &Issuer) -> Result<Provider, String> {
    let network = Listening::default();
    // The network call blocks, so the future is ready at the first poll.
    let found = key_set_url(issuer, &network).now_or_never();
    let document = network.0.into_inner();
    let metadata = Json::parse(&document);
    match found.unwrap_or_else(|| Err(Fault("no answer".to_owned()))) {
        Ok(jwks_uri) => {
            let metadata = metadata.map_err(|error| format!("the metadata is not JSON: {error}"))?;
            Ok(Provider {
                issuer: issuer.issuer.clone(),
                jwks_uri,
                algorithms: texts(&metadata, "id_token_signing_alg_values_supported"),
                scopes: texts(&metadata, "scopes_supported"),
            })
        }
        // If the metadata is absent or not JSON, that is the fault.
        Err(fault) => match metadata.ok().as_ref().and_then(|metadata| member(metadata, "issuer")?.as_str()) {
            Some(other) if other != issuer.issuer => Err(format!("{fault}: {other:?}, not {:?}", issuer.issuer)),
            _ => Err(fault.to_string()),
        },
    }
}

fn texts(metadata: &Json<'_>, name: &str) -> Vec<String> {
    let items = member(metadata, name).and_then(Json::as_array).unwrap_or_default();
    items.iter().filter_map(Json::as_str).map(printable).collect()
}

fn member<'m, 'd>(metadata: &'m Json<'d>, name: &str) -> Option<&'m Json<'d>> {
    metadata.as_object()?.get(name)
}

impl Provider {
    /// The description for people.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let rows = [
            ("keys", self.jwks_uri.clone()),
            ("algorithms", self.algorithms.join(" ")),
            ("scopes", self.scopes.join(" ")),
        ];
        let rows = rows.iter().filter(|(_, text)| !text.is_empty());
        let row = |(name, text): &(&str, String)| {
            let indent = " ".repeat(14);
            format!("  {}", wrap(&format!("{name:<11} {text}"), width.saturating_sub(2), &indent))
        };
        std::iter::once(self.issuer.clone()).chain(rows.map(row)).collect()
    }
}
