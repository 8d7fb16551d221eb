//! What a route checks of a token, so that the checks of two policies can be compared.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::policy::{Audience, Organization, Requirement, Scopes};
use portcullis::route::header::AUTHORIZATION;

use super::change::{Change, Leaning};
use super::claims::{ClaimCheck, claim_leaning};
use super::issuers::{IssuerId, Issuers};
use super::symbols::SymbolicRequest;

/// The checks of a token. Maps have values of templates as keys, and what the policy says for them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TokenCheck {
    pub(super) header: String,
    pub(super) max_bytes: usize,
    pub(super) issuers: BTreeSet<IssuerId>,
    /// `None` for any audience.
    pub(super) audience: Option<BTreeMap<String, String>>,
    pub(super) organization: OrganizationCheck,
    pub(super) scopes: ScopeCheck,
    pub(super) claims: BTreeMap<ClaimCheck, String>,
}

/// The organization that a token may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OrganizationCheck {
    Absent,
    Unchecked,
    /// The value, `None` if there is none, and the template.
    Equals(Option<String>, String),
}

/// Scopes, without those that follow from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScopeCheck {
    all: BTreeSet<String>,
    any: BTreeSet<String>,
}

impl TokenCheck {
    pub(super) fn new(
        requirement: &Requirement,
        request: &SymbolicRequest<'_>,
        header: Option<&str>,
        max_bytes: usize,
        ids: &[IssuerId],
    ) -> Self {
        let audience = match &requirement.audience {
            Audience::Unchecked => None,
            Audience::OneOf(templates) => {
                let valued = templates.iter().filter_map(|text| Some((request.value(text)?, text.to_string())));
                Some(valued.collect())
            }
        };
        let organization = match &requirement.organization {
            Organization::Absent => OrganizationCheck::Absent,
            Organization::Unchecked => OrganizationCheck::Unchecked,
            Organization::Equals(text) => OrganizationCheck::Equals(request.value(text), text.to_string()),
        };
        let claims = requirement.claims.iter().flat_map(|rule| ClaimCheck::of(rule, request));
        Self {
            header: header.unwrap_or(AUTHORIZATION).to_owned(),
            max_bytes,
            issuers: requirement.issuers.iter().filter_map(|index| ids.get(*index).copied()).collect(),
            audience,
            organization,
            scopes: ScopeCheck::new(&requirement.scopes),
            claims: claims.collect(),
        }
    }

    /// Which tokens pass, in words.
    pub(super) fn words(&self, issuers: &Issuers) -> String {
        let isses: Vec<&str> = self.issuers.iter().map(|id| issuers.iss(*id)).collect();
        let mut words = format!("of {}", isses.join(" or "));
        if self.header != AUTHORIZATION {
            words.push_str(&format!(" in {}", self.header));
        }
        words.push_str(&format!(" for {}", self.audience_words()));
        match &self.organization {
            OrganizationCheck::Absent => {}
            OrganizationCheck::Unchecked => words.push_str(" in any organization"),
            OrganizationCheck::Equals(_, text) => words.push_str(&format!(" in organization {text}")),
        }
        if !self.scopes.is_empty() {
            words.push_str(&format!(" with {}", self.scopes.words()));
        }
        words.extend(self.claims.values().map(|claim| format!(", claim {claim}")));
        words
    }

    /// What changes for tokens.
    pub(super) fn changes(&self, new: &Self, issuers: &Issuers) -> Vec<Change> {
        let header = Leaning { opens: self.header != new.header, closes: self.header != new.header };
        let size = Leaning { opens: new.max_bytes > self.max_bytes, closes: new.max_bytes < self.max_bytes };
        let bytes = |check: &Self| format!("{} bytes", check.max_bytes);
        let changes = [
            Change::unless_neither("token header", self.header.clone(), new.header.clone(), header),
            Change::unless_neither("maximum size of tokens", bytes(self), bytes(new), size),
        ];
        let required = [
            Change::unless_neither(
                "audience",
                self.audience_words(),
                new.audience_words(),
                audience_leaning(self.audience.as_ref(), new.audience.as_ref()),
            ),
            Change::unless_neither(
                "organization",
                self.organization.words(),
                new.organization.words(),
                self.organization.leaning(&new.organization),
            ),
            Change::unless_neither("scopes", self.scopes.words(), new.scopes.words(), self.scopes.leaning(&new.scopes)),
            Change::unless_neither(
                "claims",
                claim_words(&self.claims),
                claim_words(&new.claims),
                claim_leaning(&self.claims, &new.claims),
            ),
        ];
        let of_issuers = issuers.changes(&self.issuers, &new.issuers);
        changes.into_iter().flatten().chain(of_issuers).chain(required.into_iter().flatten()).collect()
    }

    fn audience_words(&self) -> String {
        self.audience.as_ref().map_or_else(
            || "any audience".to_owned(),
            |audience| if audience.is_empty() { "none".to_owned() } else { joined(audience.values(), " or ") },
        )
    }
}

fn claim_words(claims: &BTreeMap<ClaimCheck, String>) -> String {
    if claims.is_empty() { "unchecked".to_owned() } else { joined(claims.values(), ", ") }
}

fn joined<'t>(words: impl IntoIterator<Item = &'t String>, with: &str) -> String {
    words.into_iter().map(String::as_str).collect::<Vec<_>>().join(with)
}

fn audience_leaning(old: Option<&BTreeMap<String, String>>, new: Option<&BTreeMap<String, String>>) -> Leaning {
    match (old, new) {
        (None, None) => Leaning::NEITHER,
        (None, Some(_)) => Leaning::CLOSES,
        (Some(_), None) => Leaning::OPENS,
        (Some(old), Some(new)) => {
            let lacks = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
                other.keys().any(|value| !one.contains_key(value))
            };
            Leaning { opens: lacks(old, new), closes: lacks(new, old) }
        }
    }
}

impl OrganizationCheck {
    fn words(&self) -> String {
        match self {
            Self::Absent => "none allowed".to_owned(),
            Self::Unchecked => "any".to_owned(),
            Self::Equals(_, text) => text.clone(),
        }
    }

    fn leaning(&self, new: &Self) -> Leaning {
        match (self, new) {
            (Self::Absent, Self::Absent) | (Self::Unchecked, Self::Unchecked) => Leaning::NEITHER,
            (Self::Equals(old, _), Self::Equals(new, _)) if old == new => Leaning::NEITHER,
            (Self::Unchecked, _) | (_, Self::Equals(None, _)) => Leaning::CLOSES,
            (_, Self::Unchecked) | (Self::Equals(None, _), _) => Leaning::OPENS,
            (Self::Absent | Self::Equals(..), _) => Leaning::BOTH,
        }
    }
}

impl ScopeCheck {
    fn new(Scopes { all, any }: &Scopes) -> Self {
        let mut all: BTreeSet<String> = all.iter().cloned().collect();
        let mut any: BTreeSet<String> = any.iter().cloned().collect();
        if any.len() == 1 {
            all.append(&mut any);
        }
        if !any.is_disjoint(&all) {
            any.clear();
        }
        Self { all, any }
    }

    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty()
    }

    fn words(&self) -> String {
        let any = joined(&self.any, " or ");
        match (self.all.is_empty(), self.any.is_empty()) {
            (true, true) => "none".to_owned(),
            (false, true) => joined(&self.all, " and "),
            (true, false) => any,
            (false, false) => format!("{} and ({any})", joined(&self.all, " and ")),
        }
    }

    fn leaning(&self, new: &Self) -> Leaning {
        Leaning { opens: !new.implies(self), closes: !self.implies(new) }
    }

    /// Whether a token that meets this meets the other: the smallest tokens that meet this do.
    fn implies(&self, other: &Self) -> bool {
        let meets = |extra: Option<&String>| {
            let has = |scope: &String| self.all.contains(scope) || extra == Some(scope);
            other.all.iter().all(has) && (other.any.is_empty() || other.any.iter().any(has))
        };
        if self.any.is_empty() { meets(None) } else { self.any.iter().all(|scope| meets(Some(scope))) }
    }
}
