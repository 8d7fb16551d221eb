//! Routes of the policy.

use std::rc::Rc;

use super::action::{Access, AccessKind, Action, ActionReader, Defaults, Forwarding};
use super::cors::Cors;
use super::methods::read_methods;
use super::reader::{Field, Table};
use super::requirement::{Referents, Requirement};
use super::template::{Template, TemplateScope};
use crate::jose::json::Json;
use crate::route::pattern::{HostPattern, PathPattern, RoutePattern};

/// One rule of the policy: which requests it matches, and what it requires.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name in logs.
    pub name: String,
    /// Which requests it matches.
    pub pattern: RoutePattern,
    /// Whether it forwards them, where to, and what it requires for that.
    pub action: Action,
    /// Whether it refuses requests that it does not allow. Otherwise it forwards them, without the caller's identity.
    pub is_enforced: bool,
    /// Whether an encoded slash may be part of what it captures.
    pub keeps_encoded_slashes: bool,
    /// Which pages of other origins may use it.
    pub cors: Option<Rc<Cors>>,
    /// The resource that it is part of, as an index into those of the policy.
    pub resource: Option<usize>,
}

impl Route {
    /// How its requests are forwarded; `None` if it denies them.
    #[must_use]
    pub fn forwarding(&self) -> Option<&Forwarding> {
        self.action.forwarding()
    }

    /// Who may use it, without what is required of tokens.
    #[must_use]
    pub fn access(&self) -> AccessKind {
        match self.forwarding().map(|forwarding| &forwarding.access) {
            None | Some(Access::Nobody) => AccessKind::Deny,
            Some(Access::Token(_)) => AccessKind::Token,
            Some(Access::Optional(_)) => AccessKind::Optional,
            Some(Access::Public) => AccessKind::Public,
        }
    }

    /// The `cors` that the gate enforces itself, whatever the client; `None` if only browsers do. Browsers do not after a
    /// DNS rebinding: they take the resource for the page's own origin, so the server must check `Origin` (Model Context
    /// Protocol 2026-07-28, Transports).
    #[must_use]
    pub fn enforced_cors(&self) -> Option<&Cors> {
        self.resource.and(self.cors.as_deref())
    }

    /// What it requires of a token; `None` if it checks none.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        self.action.requirement()
    }

    /// The templates of its requirement.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.requirement().into_iter().flat_map(Requirement::templates)
    }
}

/// An entry of `routes`, as far as it could be read. Its errors are recorded, and its valid parts are still checked
/// against the rest of the policy.
pub(super) struct RouteEntry<'d> {
    pub(super) field: Field<'d>,
    pub(super) pattern: Option<RoutePattern>,
    pub(super) terms: Option<RouteTerms>,
    /// Whether the route accepts tokens and checks them.
    pub(super) takes_tokens: bool,
}

/// A route without its pattern.
pub(super) struct RouteTerms {
    name: String,
    action: Action,
    is_enforced: bool,
    keeps_encoded_slashes: bool,
    cors: Option<Rc<Cors>>,
}

impl RouteTerms {
    pub(super) fn requirement(&self) -> Option<&Requirement> {
        self.action.requirement()
    }

    pub(super) fn with(self, pattern: RoutePattern, resource: Option<usize>) -> Route {
        let Self { name, action, is_enforced, keeps_encoded_slashes, cors } = self;
        Route { name, pattern, action, is_enforced, keeps_encoded_slashes, cors, resource }
    }
}

impl<'d> RouteEntry<'d> {
    pub(super) fn read(field: Field<'d>, defaults: &Defaults<'_>) -> Self {
        let Some(table) = field.table() else {
            return Self { field, pattern: None, terms: None, takes_tokens: false };
        };
        let path_field = table.required("path");
        let path = path_field.as_ref().and_then(|field| field.read(PathPattern::parse));
        let methods = table.or("methods", Vec::new(), read_methods);
        let hosts = table.or("hosts", Vec::new(), |field| field.list(|field| field.read(HostPattern::parse)));
        let name = table.optional("name", |field| field.read(read_name));
        let labels = host_labels(hosts.as_deref().unwrap_or_default());
        let names: Vec<String> = labels.iter().map(|(_, name)| (*name).to_owned()).collect();
        let templates =
            TemplateScope { path: path.as_ref(), host_labels: &names, identity_prefix: defaults.identity_prefix };
        let kind = table.or("access", AccessKind::Token, |field| field.one_of(&AccessKind::words()));
        let is_enforced = table.or("enforce", true, Field::boolean);
        let serves_all_hosts = hosts.as_ref().is_some_and(Vec::is_empty);
        let reader = ActionReader { table: &table, serves_all_hosts, is_enforced: is_enforced.unwrap_or(true) };
        let action = reader.read(kind, Referents { templates, issuers: defaults.issuers }, defaults);
        let slashes = table.or("encoded_slashes", false, |field| field.one_of(&[("refuse", false), ("keep", true)]));
        let cors = table.or("cors", defaults.cors.cloned(), read_cors);
        refuse_repeated_names(&table, path.as_ref(), &labels);
        table.refuse_unknown_keys();

        let path_text = path_field.and_then(|field| field.value.as_str()).unwrap_or_default();
        let pattern = || Some(RoutePattern { hosts: hosts?, path: path?, methods: methods? });
        let terms = || {
            let name = name?.unwrap_or_else(|| path_text.to_owned());
            Some(RouteTerms {
                name,
                action: action?,
                is_enforced: is_enforced?,
                keeps_encoded_slashes: slashes?,
                cors: cors?,
            })
        };
        let takes_tokens = matches!(kind, Some(AccessKind::Token | AccessKind::Optional));
        Self { pattern: pattern(), terms: terms(), takes_tokens, field }
    }
}

/// The suffix and the name of each host pattern that captures a label.
fn host_labels(hosts: &[HostPattern]) -> Vec<(&str, &str)> {
    let labels = hosts.iter().filter_map(|host| match host {
        HostPattern::Exact(_) => None,
        HostPattern::Label { name, suffix } => Some((suffix.as_str(), name.as_str())),
    });
    labels.collect()
}

fn refuse_repeated_names(table: &Table<'_>, path: Option<&PathPattern>, host_labels: &[(&str, &str)]) {
    let in_path = |name: &str| path.is_some_and(|path| path.names().any(|known| known == name));
    for (index, (suffix, name)) in host_labels.iter().enumerate() {
        if in_path(name) {
            table.fail("hosts", format!("expected each capture once, {{{name}}} is also in the path"));
        }
        if host_labels.iter().take(index).any(|(known, other)| known == suffix && other != name) {
            table.fail("hosts", format!("expected one name for the first label of .{suffix}"));
        }
    }
}

/// `false` turns off the policy's `cors` for this route.
fn read_cors(field: &Field<'_>) -> Option<Option<Rc<Cors>>> {
    match field.value {
        Json::Bool(false) => Some(None),
        Json::Object(_) => Cors::read(field).map(|cors| Some(Rc::new(cors))),
        _ => field.fail("expected a table, or false"),
    }
}

/// Names appear in log lines.
fn read_name(text: &str) -> Result<String, String> {
    if text.contains(char::is_control) { Err("expected no control character".to_owned()) } else { Ok(text.to_owned()) }
}
