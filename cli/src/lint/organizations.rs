//! Organizations in a path that are not compared with the token, or not by every alternative.

use portcullis::policy::{Organization, PlaceStep, Requirement};

use super::linter::{Linter, route_key};
use crate::document::SourceValue;
use crate::finding::rule::{ORGANIZATION_ALTERNATIVE, ORGANIZATION_UNUSED};

/// Names of captures for an organization, in lower case and without `_` and `-`.
const NAMES: [&str; 8] =
    ["org", "orgid", "organization", "organizationid", "organisation", "organisationid", "tenant", "tenantid"];

/// Whether the checks of a route compare a capture with the token.
enum Compared<'v> {
    /// For every token.
    Always,
    /// By some alternatives of the check at this place, but not by this one.
    Sometimes {
        at: Vec<PlaceStep<&'v str>>,
        without: String,
    },
    Never,
}

pub(super) fn lint(lint: &mut Linter<'_>) {
    for (index, (route, written)) in lint.policy.routes.iter().zip(lint.routes()).enumerate() {
        let Some(requirement) = route.requirement() else { continue };
        for name in route.pattern.path.names().filter(|name| names_organization(name)) {
            match compared(written, &format!("{{{name}}}")) {
                Compared::Always => {}
                Compared::Never => unused(lint, index, name, requirement),
                Compared::Sometimes { at, without } => alternative(lint, index, name, &at, &without),
            }
        }
    }
}

fn names_organization(name: &str) -> bool {
    NAMES.contains(&name.to_lowercase().replace(['_', '-'], "").as_str())
}

fn unused(lint: &mut Linter<'_>, index: usize, name: &str, requirement: &Requirement) {
    let message = format!(
        "{{{name}}} is not compared with the token: any token that passes gives access to the data of every {name}"
    );
    let finding = lint.note(&ORGANIZATION_UNUSED, &route_key(index, "path"), message);
    finding.help(match requirement.organization {
        Organization::Equals(_) => "compare it in `organization` or `audience`".to_owned(),
        _ => format!("`organization = \"{{{name}}}\"`, or `audience = \"urn:logto:organization:{{{name}}}\"`"),
    });
}

fn alternative(lint: &mut Linter<'_>, index: usize, name: &str, at: &[PlaceStep<&str>], without: &str) {
    let place = [&[PlaceStep::Key("routes"), PlaceStep::Index(index)], at].concat();
    let message = format!(
        "{{{name}}} is one of several alternatives: a token with {without} gives access to the data of every {name}"
    );
    let finding = lint.note(&ORGANIZATION_ALTERNATIVE, &place, message);
    finding.help("compare it in every alternative, or in a check of its own");
}

/// A check that can compare a capture.
struct CaptureCheck<'v> {
    place: Vec<PlaceStep<&'v str>>,
    /// The path of the claim, if the check contains it.
    path: Option<&'v SourceValue>,
    /// A token must meet one of these.
    alternatives: Vec<&'v SourceValue>,
}

/// Whether the checks of a route, all of which a token must meet, compare a capture; `capture` is in braces.
fn compared<'v>(written: &'v SourceValue, capture: &str) -> Compared<'v> {
    let has_it = |value: &&SourceValue| text(value).contains(capture);
    let mut compared = Compared::Never;
    for CaptureCheck { place, path, alternatives } in checks(written) {
        let (with, without): (Vec<&SourceValue>, Vec<&SourceValue>) = alternatives.into_iter().partition(has_it);
        if path.as_ref().is_some_and(has_it) || without.is_empty() {
            return Compared::Always;
        }
        if let (false, Some(without)) = (with.is_empty(), without.first()) {
            compared = Compared::Sometimes { at: place, without: text(without) };
        }
    }
    compared
}

fn checks(written: &SourceValue) -> impl Iterator<Item = CaptureCheck<'_>> {
    let top =
        ["audience", "organization"].into_iter().filter_map(|key| Some((vec![PlaceStep::Key(key)], written.get(key)?)));
    let claims = written.get("claims");
    let named =
        claims.into_iter().flat_map(SourceValue::entries).map(|(key, test)| (PlaceStep::Key(key.name.as_str()), test));
    let listed = claims
        .into_iter()
        .flat_map(SourceValue::items)
        .enumerate()
        .map(|(index, test)| (PlaceStep::Index(index), test));
    let tests = named.chain(listed).map(|(step, test)| (vec![PlaceStep::Key("claims"), step], test));
    top.chain(tests).map(|(place, written)| CaptureCheck::new(place, written))
}

impl<'v> CaptureCheck<'v> {
    fn new(mut place: Vec<PlaceStep<&'v str>>, written: &'v SourceValue) -> Self {
        let any = written.get("any");
        place.extend(any.map(|_| PlaceStep::Key("any")));
        let list = any.unwrap_or(written).items();
        let alternatives = if list.is_empty() { vec![written] } else { list.iter().collect() };
        Self { place, path: written.get("path"), alternatives }
    }
}

fn text(value: &SourceValue) -> String {
    value.to_json().to_string()
}
