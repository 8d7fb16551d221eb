//! What a policy expects, and what was found, in words.

use portcullis::jose::json::Json;
use portcullis::jose::key_set::usable_keys;
use portcullis::jose::public_key::PublicKey;
use portcullis::policy::template::Template;
use portcullis::policy::{Audience, ClaimRule, ClaimSelector, ClaimTest, Expected, Issuer, Organization, Scopes};
use portcullis::route::table::RouteMatch;
use portcullis::trace::Caller;

use crate::json;

/// Text in quotes, with control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// The result of a route lookup.
pub(super) fn route(found: &RouteMatch<'_>) -> String {
    match found {
        RouteMatch::Route(index, _) => format!("routes[{index}]"),
        RouteMatch::MethodNotAllowed(methods) => format!("a path that takes only {}", methods.allow().join(", ")),
        RouteMatch::NoRoute => "no route".to_owned(),
    }
}

/// A list of alternatives.
pub(super) fn one_of(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [word] => word.clone(),
        words => format!("one of {}", words.join(", ")),
    }
}

/// The `iss` of an issuer's tokens.
pub(super) fn issuer(issuer: &Issuer) -> String {
    let iss = quoted(&issuer.issuer);
    match &issuer.tenants {
        None => iss,
        Some(tenants) if tenants.count() == 1 => format!("{iss} (with 1 tenant)"),
        Some(tenants) => format!("{iss} (with {} tenants)", tenants.count()),
    }
}

/// Whether the issuer's tokens may be bound to a key.
pub(super) fn binding(issuer: &Issuer) -> &'static str {
    if issuer.takes_bound { "anything (bound_tokens = \"ignore\")" } else { "a token that is not bound to a key" }
}

pub(super) fn audience(audience: &Audience, caller: Caller<'_>) -> (String, String) {
    let expected = match audience {
        Audience::Unchecked => "anything (\"*\")".to_owned(),
        Audience::OneOf(templates) => one_of(templates.iter().map(|text| template(text, caller))),
    };
    (expected, list(caller.claims.audiences()))
}

pub(super) fn organization(organization: &Organization, caller: Caller<'_>) -> (String, String) {
    let expected = match organization {
        Organization::Unchecked => "anything (\"*\")".to_owned(),
        Organization::Absent => "no organization_id".to_owned(),
        Organization::Equals(text) => template(text, caller),
    };
    let found = caller.claims.text("organization_id");
    (expected, found.map_or_else(|| "no organization_id".to_owned(), quoted))
}

pub(super) fn scopes(Scopes { all, any }: &Scopes, caller: Caller<'_>) -> (String, String) {
    let all = (!all.is_empty()).then(|| format!("all of {}", list(all.iter().map(String::as_str))));
    let any = (!any.is_empty()).then(|| format!("any of {}", list(any.iter().map(String::as_str))));
    let expected: Vec<String> = all.into_iter().chain(any).collect();
    let expected = if expected.is_empty() { "none".to_owned() } else { expected.join(", and ") };
    (expected, list(caller.claims.scopes().iter().map(String::as_str)))
}

pub(super) fn claim(rule: &ClaimRule, caller: Caller<'_>) -> (String, String) {
    let value = |value: &Expected| match value {
        Expected::Text(text) => template(text, caller),
        Expected::Literal(literal) => shown(literal),
    };
    let expected = match &rule.test {
        ClaimTest::Is(expected) => value(expected),
        ClaimTest::Any(values) => format!("alone or in a list, {}", one_of(values.iter().map(value))),
        ClaimTest::Contains(values) => {
            let values: Vec<String> = values.iter().map(value).collect();
            format!("a list or space-separated words with {}", values.join(" and "))
        }
        ClaimTest::Has(name) => format!("an object with the member {}", template(name, caller)),
    };
    let found = rule.claim.find(caller.claims.all(), caller.request);
    (expected, found.map_or_else(|| no_claim(&rule.claim, caller), shown))
}

/// Why there is no claim: the first name of its path without a value for this request, or the token lacks it.
fn no_claim(claim: &ClaimSelector, caller: Caller<'_>) -> String {
    let names = match claim {
        ClaimSelector::Path(_) => &[],
        ClaimSelector::Names(names) => names.as_slice(),
    };
    let unknown = names.iter().find(|name| name.resolve(caller.request).is_err());
    unknown.map_or_else(|| "no such claim".to_owned(), |name| template(name, caller))
}

/// The value of a template for this request, and the template.
fn template(template: &Template, caller: Caller<'_>) -> String {
    let text = template.to_string();
    match template.resolve(caller.request) {
        Ok(value) if value == text => quoted(&value),
        Ok(value) => format!("{} (from {text:?})", quoted(&value)),
        Err(why) => format!("{text:?}, which has no value for this request: {why}"),
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(quoted).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn shown(value: &Json<'_>) -> String {
    value.as_str().map_or_else(|| json::value(value).to_string(), quoted)
}

/// The keys in a document, if it is a key set.
pub(super) fn keys_of(document: &str) -> String {
    let document = Json::parse(document).ok();
    document.and_then(|document| usable_keys(&document).ok()).map_or_else(String::new, |found| keys(&found))
}

/// A list of keys, by their `kid`.
pub(super) fn keys(keys: &[PublicKey]) -> String {
    let name = |key: &PublicKey| key.kid.as_deref().map_or_else(|| "one without kid".to_owned(), quoted);
    format!(": {}", keys.iter().map(name).collect::<Vec<_>>().join(", "))
}
