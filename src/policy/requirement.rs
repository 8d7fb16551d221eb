//! What a route requires of a token.

use super::claim_rule::ClaimRule;
use super::identity::DEFAULT_PREFIX;
use super::issuer::Issuer;
use super::reader::{Field, Table};
use super::template::{Template, TemplateScope};
use crate::jose::json::Json;

/// The scope that asks for a refresh token (OpenID Connect Core 1.0 §11). Whether to ask for one is the client's decision,
/// so nothing of a resource names it (Model Context Protocol 2026-07-28, Authorization).
const OFFLINE_ACCESS: &str = "offline_access";

/// What a route requires of a token.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// Accepted issuers, as indices into those of the policy.
    pub issuers: Vec<usize>,
    /// Required audience.
    pub audience: Audience,
    /// Required scopes.
    pub scopes: Scopes,
    /// Required organization.
    pub organization: Organization,
    /// Required values of other claims.
    pub claims: Vec<ClaimRule>,
}

/// Required audience (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `aud` is not checked.
    Unchecked,
    /// `aud` must contain one of these.
    OneOf(Vec<Template>),
}

/// Required scopes (RFC 6749 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// All of these.
    pub all: Vec<String>,
    /// At least one of these, unless the list is empty.
    pub any: Vec<String>,
}

/// Required organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Organization {
    /// The token must carry no `organization_id`.
    Absent,
    /// `organization_id` is not checked.
    Unchecked,
    /// `organization_id` must equal this.
    Equals(Template),
}

/// What a requirement may refer to.
#[derive(Clone, Copy)]
pub(super) struct Referents<'r> {
    /// The captures, headers and parameters that templates may name.
    pub(super) templates: TemplateScope<'r>,
    /// The policy's issuers.
    pub(super) issuers: Option<&'r [(String, Option<Issuer>)]>,
}

impl Requirement {
    /// Its templates.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let audience = match &self.audience {
            Audience::OneOf(templates) => templates.as_slice(),
            Audience::Unchecked => &[],
        };
        let organization = match &self.organization {
            Organization::Equals(template) => Some(template),
            Organization::Absent | Organization::Unchecked => None,
        };
        audience.iter().chain(organization).chain(self.claims.iter().flat_map(ClaimRule::templates))
    }

    /// Reads what one of the gate's own paths requires: a token for an API, without an organization.
    pub(super) fn read_own(field: &Field<'_>, issuers: Option<&[(String, Option<Issuer>)]>) -> Option<Self> {
        let table = field.table()?;
        let issuers = read_issuers(table.field("issuers"), issuers);
        let audience = table.required("audience").and_then(|field| read_literal_audience(&field));
        let scopes = table.required("scopes").and_then(|field| Scopes::read(&field));
        table.refuse_unknown_keys();
        Some(Self {
            issuers: issuers?,
            audience: audience?,
            scopes: scopes?,
            organization: Organization::Absent,
            claims: Vec::new(),
        })
    }

    pub(super) fn read(table: &Table<'_>, referents: Referents<'_>) -> Option<Self> {
        let templates = referents.templates;
        let issuers = read_issuers(table.field("issuers"), referents.issuers);
        let audience = table.required("audience").and_then(|field| read_audience(&field, templates));
        let scopes = table.or("scopes", Scopes::default(), Scopes::read);
        let organization = table.or("organization", Organization::Absent, |field| match field.value.as_str() {
            Some("*") => Some(Organization::Unchecked),
            _ => Template::read(field, templates).map(Organization::Equals),
        });
        let claims = table.or("claims", Vec::new(), |field| ClaimRule::read_all(field, templates));
        Some(Self {
            issuers: issuers?,
            audience: audience?,
            scopes: scopes?,
            organization: organization?,
            claims: claims?,
        })
    }
}

/// The issuers that a key names, as indices into those of the policy; all if it is absent.
pub(super) fn read_issuers(
    field: Option<Field<'_>>,
    issuers: Option<&[(String, Option<Issuer>)]>,
) -> Option<Vec<usize>> {
    let Some(field) = field else {
        return Some((0..issuers?.len()).collect());
    };
    field.list(|field| read_issuer(&field, issuers))
}

/// The issuer of this name.
pub(super) fn read_issuer(field: &Field<'_>, issuers: Option<&[(String, Option<Issuer>)]>) -> Option<usize> {
    let name = field.text()?;
    let names = issuers?.iter().map(|(known, _)| known.as_str());
    let index = names.clone().position(|known| known == name);
    index.or_else(|| field.fail_name(name, names, format!("the policy has no issuer {name:?}")))
}

fn read_audience(field: &Field<'_>, templates: TemplateScope<'_>) -> Option<Audience> {
    match field.value {
        Json::String(text) if text == "*" => Some(Audience::Unchecked),
        Json::Array(_) => field
            .list(|field| match field.value.as_str() {
                Some("*") => field.fail("expected \"*\" to stand alone, it turns the check off"),
                _ => Template::read(&field, templates),
            })
            .map(Audience::OneOf),
        _ => Template::read(field, templates).map(|template| Audience::OneOf(vec![template])),
    }
}

/// The audience of one of the gate's own paths, which captures nothing and has no reason to trust what a caller sends.
fn read_literal_audience(field: &Field<'_>) -> Option<Audience> {
    let anything = TemplateScope { path: None, host_labels: &[], identity_prefix: DEFAULT_PREFIX };
    let audience = read_audience(field, anything)?;
    let is_literal = match &audience {
        Audience::OneOf(templates) => templates.iter().all(|template| template.literal().is_some()),
        Audience::Unchecked => false,
    };
    if is_literal { Some(audience) } else { field.fail("expected the identifier of an API, without {...} and \"*\"") }
}

impl Scopes {
    /// The scopes that a client of a resource should ask for: `all`, then the first of `any`, since one is enough.
    pub fn to_ask_for(&self) -> impl Iterator<Item = &str> {
        advertised(&self.all).chain(advertised(&self.any).take(1))
    }

    /// All scopes that a resource advertises in its metadata.
    pub(super) fn to_advertise(&self) -> impl Iterator<Item = &str> {
        advertised(&self.all).chain(advertised(&self.any))
    }

    fn read(field: &Field<'_>) -> Option<Self> {
        let list = |field: &Field<'_>| field.list(|field| field.read(read_scope));
        if field.value.as_object().is_none() {
            return Some(Self { all: list(field)?, any: Vec::new() });
        }
        let table = field.table()?;
        let (all, any) = (table.optional("all", list), table.optional("any", list));
        table.refuse_unknown_keys();
        match (all?, any?) {
            (None, None) => field.fail("expected all, any or both"),
            (all, any) => Some(Self { all: all.unwrap_or_default(), any: any.unwrap_or_default() }),
        }
    }
}

fn advertised(scopes: &[String]) -> impl Iterator<Item = &str> {
    scopes.iter().map(String::as_str).filter(|scope| *scope != OFFLINE_ACCESS)
}

/// Whether a text is one scope (RFC 6749 §3.3, `scope-token`). Its characters are also allowed in a quoted string.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

fn read_scope(text: &str) -> Result<String, String> {
    if is_scope(text) {
        Ok(text.to_owned())
    } else {
        Err("expected one scope: printable ASCII without spaces, quotes and backslashes".to_owned())
    }
}
