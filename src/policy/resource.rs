//! Protected resources that tell clients where to get tokens (RFC 9728).

use std::rc::Rc;

use super::issuer::Issuer;
use super::reader::Field;
use super::requirement::{Audience, Requirement};
use super::url::{self, ResourceUrl};
use crate::jose::json::Json;

/// A resource whose metadata the gate serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The URL of the metadata.
    pub metadata_url: String,
    /// The metadata (RFC 9728 §2), in JSON.
    pub metadata: String,
    /// The host of that URL, in lower case and without port.
    pub host: String,
    /// The path of that URL.
    pub path: String,
}

impl Resource {
    /// Whether its metadata is at this host and path. `host` is in lower case and without port, as for routes; `path`
    /// is as received.
    #[must_use]
    pub fn has_metadata_at(&self, host: &str, path: &str) -> bool {
        self.path == path && self.host == host
    }
}

/// A resource of the policy that is not linked with its routes yet.
pub(super) struct UnlinkedResource<'d> {
    field: Field<'d>,
    identifier: &'d str,
    url: ResourceUrl,
    name: Option<&'d str>,
    documentation: Option<&'d str>,
}

/// Reads the table of resources.
pub(super) fn read_all<'d>(field: &Field<'d>) -> Option<Vec<UnlinkedResource<'d>>> {
    field.entries(UnlinkedResource::read)
}

/// The resource that a route with this requirement is part of, as an index.
pub(super) fn index_for(requirement: &Requirement, unlinked: &[UnlinkedResource<'_>]) -> Option<usize> {
    literal_audiences(requirement).find_map(|audience| unlinked.iter().position(|entry| entry.identifier == audience))
}

/// Completes the resources with the requirements of the routes.
pub(super) fn join(
    unlinked: &[UnlinkedResource<'_>],
    requirements: &[&Requirement],
    issuers: &[Rc<Issuer>],
) -> Option<Vec<Resource>> {
    let mut resources: Vec<Resource> = Vec::with_capacity(unlinked.len());
    for entry in unlinked {
        let resource = entry.resource(requirements, issuers)?;
        if resources.iter().any(|known| known.shares_metadata_url(&resource)) {
            return entry.field.fail("has the same metadata URL as another resource; ports are ignored");
        }
        resources.push(resource);
    }
    Some(resources)
}

impl Resource {
    fn shares_metadata_url(&self, other: &Self) -> bool {
        self.has_metadata_at(&other.host, &other.path)
    }
}

impl<'d> UnlinkedResource<'d> {
    fn read(identifier: &'d str, field: Field<'d>) -> Option<Self> {
        let url = ResourceUrl::parse(identifier).map_or_else(|message| field.fail(message), Some);
        let table = field.table()?;
        let name = table.optional("name", Field::text);
        let documentation = table.optional("documentation", |field| field.read(url::check_web_url));
        table.refuse_unknown_keys();
        Some(Self { identifier, url: url?, name: name?, documentation: documentation?, field })
    }

    fn resource(&self, requirements: &[&Requirement], issuers: &[Rc<Issuer>]) -> Option<Resource> {
        let is_own = |one: &&&Requirement| literal_audiences(one).any(|audience| audience == self.identifier);
        let own: Vec<&Requirement> = requirements.iter().filter(is_own).copied().collect();
        if own.is_empty() {
            return self.field.fail("expected a resource that is the audience of a route");
        }
        let mut servers: Vec<&str> = Vec::new();
        for issuer in own.iter().flat_map(|own| &own.issuers).filter_map(|index| issuers.get(*index)) {
            // Metadata for everyone must not say who the tenants are; it need not list all issuers (RFC 9728 §2).
            if issuer.tenants.is_some() {
                continue;
            }
            if url::check_key_url(&issuer.issuer).is_err() {
                return self.field.fail(format!(
                    "expected routes whose issuers clients can look up, {:?} has no https URL",
                    issuer.name
                ));
            }
            push_new(&mut servers, &issuer.issuer);
        }
        if servers.is_empty() {
            return self.field.fail("expected a route with an issuer that clients can look up: one without tenants");
        }
        let mut scopes: Vec<&str> = Vec::new();
        for scope in own.iter().flat_map(|own| own.scopes.to_advertise()) {
            push_new(&mut scopes, scope);
        }
        let ResourceUrl { root, host, path } = &self.url;
        let path = format!("/.well-known/oauth-protected-resource{path}");
        let metadata = self.metadata(&servers, &scopes);
        Some(Resource { metadata_url: format!("{root}{path}"), metadata, host: host.clone(), path })
    }

    /// RFC 9728 §2. Empty members are omitted (§3.2).
    fn metadata(&self, servers: &[&str], scopes: &[&str]) -> String {
        let members = [
            ("resource", Some(Json::text(self.identifier))),
            ("authorization_servers", Some(Json::texts(servers))),
            ("scopes_supported", (!scopes.is_empty()).then(|| Json::texts(scopes))),
            ("bearer_methods_supported", Some(Json::texts(&["header"]))),
            ("resource_name", self.name.map(Json::text)),
            ("resource_documentation", self.documentation.map(Json::text)),
        ];
        Json::object(members).to_string()
    }
}

fn literal_audiences(requirement: &Requirement) -> impl Iterator<Item = &str> {
    let templates = match &requirement.audience {
        Audience::OneOf(templates) => templates.as_slice(),
        Audience::Unchecked => &[],
    };
    templates.iter().filter_map(|template| template.literal())
}

fn push_new<'t>(list: &mut Vec<&'t str>, text: &'t str) {
    if !list.contains(&text) {
        list.push(text);
    }
}
