//! Authorization: checks verified claims against the requirement of a route and the values of a request. Audience,
//! organization, scopes and claims are checked in this order.

use std::slice;

use serde_json::Number;

use crate::denial::Denial;
use crate::jose::json::{Json, MAX_EXACT, Object};
use crate::policy::template::RequestValues;
use crate::policy::{Audience, ClaimRule, ClaimTest, Expected, Organization, Requirement, Scopes};
use crate::token::claims::Claims;
use crate::token::verify::VerifiedClaims;
use crate::trace::{Caller, Observer, Step};

/// The prefix of the audience of a Logto organization token; the organization's id follows.
pub const ORGANIZATION_AUDIENCE: &str = "urn:logto:organization:";

/// Proof that verified claims satisfy a requirement. Only [`authorize`] creates one.
#[derive(Clone, Debug, PartialEq)]
pub struct Permit {
    claims: VerifiedClaims,
    /// The organization in the first of the route's audiences that the token has.
    audience_organization: Option<String>,
}

impl Permit {
    /// The caller's claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        self.claims.claims()
    }

    /// The OAuth client of the caller: `client_id`, else `azp`.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        client_of(self.claims())
    }

    /// The organization that the caller acts in: `organization_id`, else the one in the matched audience.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        self.claims().text("organization_id").or(self.audience_organization.as_deref())
    }
}

/// The OAuth client that a token was issued to: `client_id` (RFC 9068 §2.2), else `azp`.
#[must_use]
pub fn client_of(claims: &Claims) -> Option<&str> {
    claims.text("client_id").or_else(|| claims.text("azp"))
}

/// Checks whether verified claims satisfy a requirement.
///
/// # Errors
/// The first check that fails, as a 403 of the contract.
pub fn authorize(
    claims: VerifiedClaims,
    requirement: &Requirement,
    request: &impl RequestValues,
    observer: &impl Observer,
) -> Result<Permit, Denial> {
    let caller = Caller { claims: claims.claims(), request };
    observer.observe(Step::Audience(&requirement.audience, caller));
    let audience_organization = check_audience(claims.claims(), &requirement.audience, request)?;
    observer.observe(Step::Organization(&requirement.organization, caller));
    check_organization(claims.claims(), &requirement.organization, request)?;
    observer.observe(Step::Scopes(&requirement.scopes, caller));
    check_scopes(claims.claims(), &requirement.scopes)?;
    for rule in &requirement.claims {
        observer.observe(Step::Claim(rule, caller));
        check_claim(claims.claims(), rule, request)?;
    }
    Ok(Permit { claims, audience_organization })
}

/// Gives the organization in the first audience that matches.
fn check_audience(
    claims: &Claims,
    audience: &Audience,
    request: &impl RequestValues,
) -> Result<Option<String>, Denial> {
    let Audience::OneOf(templates) = audience else {
        return Ok(None);
    };
    for template in templates {
        if let Ok(expected) = template.resolve(request)
            && claims.audiences().any(|audience| audience == expected)
        {
            return Ok(expected.strip_prefix(ORGANIZATION_AUDIENCE).map(str::to_owned));
        }
    }
    let wants_organization =
        templates.iter().any(|template| template.leading_literal().starts_with(ORGANIZATION_AUDIENCE));
    let names_organization = claims.audiences().any(|audience| audience.starts_with(ORGANIZATION_AUDIENCE));
    Err(if wants_organization && names_organization { Denial::OrganizationMismatch } else { Denial::InvalidAudience })
}

fn check_organization(
    claims: &Claims,
    organization: &Organization,
    request: &impl RequestValues,
) -> Result<(), Denial> {
    let actual = claims.text("organization_id");
    let is_met = match organization {
        Organization::Unchecked => true,
        Organization::Absent => actual.is_none(),
        Organization::Equals(template) => {
            template.resolve(request).is_ok_and(|expected| actual == Some(expected.as_ref()))
        }
    };
    if is_met { Ok(()) } else { Err(Denial::OrganizationMismatch) }
}

fn check_scopes(claims: &Claims, Scopes { all, any }: &Scopes) -> Result<(), Denial> {
    let has = |scope: &String| claims.scopes().contains(scope);
    if all.iter().all(has) && (any.is_empty() || any.iter().any(has)) {
        return Ok(());
    }
    Err(Denial::InsufficientScope { scopes: all.iter().chain(any).cloned().collect() })
}

fn check_claim(claims: &Claims, rule: &ClaimRule, request: &impl RequestValues) -> Result<(), Denial> {
    let claim = rule.claim.find(claims.all(), request);
    if claim.is_some_and(|claim| passes(claim, &rule.test, request)) { Ok(()) } else { Err(Denial::ClaimMismatch) }
}

fn passes(claim: &Json<'_>, test: &ClaimTest, request: &impl RequestValues) -> bool {
    match test {
        ClaimTest::Is(expected) => is_equal(claim, expected, request),
        ClaimTest::Any(values) => {
            let candidates = claim.as_array().unwrap_or(slice::from_ref(claim));
            candidates.iter().any(|actual| values.iter().any(|expected| is_equal(actual, expected, request)))
        }
        ClaimTest::Contains(values) => values.iter().all(|expected| contains(claim, expected, request)),
        ClaimTest::Has(name) => {
            let has = |object: &Object<'_>| name.resolve(request).is_ok_and(|name| object.get(&name).is_some());
            claim.as_object().is_some_and(has)
        }
    }
}

fn contains(claim: &Json<'_>, expected: &Expected, request: &impl RequestValues) -> bool {
    match (claim, expected) {
        (Json::Array(items), _) => items.iter().any(|item| is_equal(item, expected, request)),
        (Json::String(text), Expected::Text(template)) => {
            template.resolve(request).is_ok_and(|expected| text.split(' ').any(|word| word == expected))
        }
        _ => false,
    }
}

/// A template without a value for this request equals nothing.
fn is_equal(actual: &Json<'_>, expected: &Expected, request: &impl RequestValues) -> bool {
    match (actual, expected) {
        (Json::String(text), Expected::Text(template)) => {
            template.resolve(request).is_ok_and(|expected| *text == expected)
        }
        // What a request names by its digits, tokens often name by a number.
        (Json::Number(number), Expected::Text(template)) if template.literal().is_none() => {
            template.resolve(request).is_ok_and(|expected| digits(number).is_some_and(|digits| digits == expected))
        }
        // JSON has one kind of number (RFC 8259 §6): 1 and 1.0 are equal.
        (Json::Number(actual), Expected::Literal(Json::Number(expected))) if actual.is_f64() != expected.is_f64() => {
            actual.as_f64() == expected.as_f64()
        }
        (_, Expected::Literal(expected)) => actual == expected,
        (_, Expected::Text(_)) => false,
    }
}

/// The decimal digits of a number that is an integer, with a `-` if it is negative. One that is written as a float and
/// beyond the range in which floats represent every integer has none: it may stand for another.
fn digits(number: &Number) -> Option<String> {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return Some(number.to_string());
    };
    #[expect(clippy::cast_possible_truncation, reason = "the float is whole and in range")]
    let whole = (float.fract() == 0.0 && float.abs() <= MAX_EXACT).then_some(float as i64);
    whole.map(|whole| whole.to_string())
}
