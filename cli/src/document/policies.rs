//! Where a file holds policies: it is one itself, or it configures a Worker that has some.

use std::borrow::Cow;

use portcullis::policy::{Place, PlaceStep};

use super::json::{self, Dialect};
use super::source::ParsedSource;
use super::text::{Span, SyntaxError};
use super::value::{MAX_DEPTH, ProblemKind, SourceValue};
use crate::exit::Failure;
use crate::output::printable;

/// The variable of the Worker that holds the policy.
const VARIABLE: &str = "POLICY";

/// A policy within a file.
#[derive(Clone, Debug)]
pub(crate) struct PolicyValue<'d> {
    /// Whose it is, where it is not the default environment's.
    pub(crate) environment: Option<&'d str>,
    /// Where the file has it.
    pub(crate) place: Place,
    /// The policy; what is wrong with the JSON in a string that should hold one.
    pub(crate) value: Result<Cow<'d, SourceValue>, Vec<SyntaxError>>,
}

/// The policies of a file: one that is a policy itself, or `[vars.POLICY]` and `[env.NAME.vars.POLICY]` of a
/// configuration of wrangler's.
pub(crate) fn policies(document: &ParsedSource) -> Result<Vec<PolicyValue<'_>>, Failure> {
    if !is_configuration(&document.root) {
        let (place, value) = (Place::default(), Ok(Cow::Borrowed(&document.root)));
        return Ok(vec![PolicyValue { environment: None, place, value }]);
    }
    let default = variable(&document.root).map(|value| policy(document, None, value));
    let environments = document.root.get("env").map(SourceValue::entries).unwrap_or_default();
    let others =
        environments.iter().filter_map(|(name, worker)| Some(policy(document, Some(&name.name), variable(worker)?)));
    let found: Vec<_> = default.into_iter().chain(others).collect();
    if found.is_empty() {
        let name = printable(&document.source.name);
        return Err(Failure::new(format!("{name} holds no policy: expected the table [vars.{VARIABLE}]")));
    }
    Ok(found)
}

/// Whether this configures a Worker: it has variables, or what every Worker has, and no routes of a policy.
pub(crate) fn is_configuration(root: &SourceValue) -> bool {
    ["vars", "env", "main", "compatibility_date"].iter().any(|key| root.get(key).is_some())
}

/// Keys of a configuration that are there twice. wrangler takes the last of each and says nothing, so a policy that is
/// shown to be good would not be the one that is deployed. Those of a policy are told with all else that is wrong with it.
pub(crate) fn repeated_keys(root: &SourceValue) -> Vec<SyntaxError> {
    if !is_configuration(root) {
        return Vec::new();
    }
    let problems = root.problems(MAX_DEPTH).into_iter();
    let repeated =
        problems.filter(|problem| problem.kind == ProblemKind::Repeated && !is_within_policy(&problem.place));
    repeated.map(|problem| problem.error).collect()
}

fn is_within_policy(place: &Place) -> bool {
    let steps: Vec<PlaceStep<&str>> = place.steps().iter().map(PlaceStep::borrowed).collect();
    let of_worker = match steps.as_slice() {
        [PlaceStep::Key("env"), PlaceStep::Key(_), of_environment @ ..] => of_environment,
        of_default => of_default,
    };
    matches!(of_worker, [PlaceStep::Key("vars"), PlaceStep::Key(VARIABLE), _, ..])
}

fn variable(worker: &SourceValue) -> Option<&SourceValue> {
    worker.get("vars")?.get(VARIABLE)
}

fn policy<'d>(document: &'d ParsedSource, environment: Option<&'d str>, value: &'d SourceValue) -> PolicyValue<'d> {
    let default = [PlaceStep::Key("vars"), PlaceStep::Key(VARIABLE)];
    let place = match environment {
        None => Place::at(&default),
        Some(name) => Place::at(&[&[PlaceStep::Key("env"), PlaceStep::Key(name)], &default[..]].concat()),
    };
    let value = match value.as_str() {
        None => Ok(Cow::Borrowed(value)),
        Some(text) => within(document, value, text).map(Cow::Owned),
    };
    PolicyValue { environment, place, value }
}

/// The policy in a string. Its places are known where the file has the text as it is, without escapes.
fn within(document: &ParsedSource, value: &SourceValue, text: &str) -> Result<SourceValue, Vec<SyntaxError>> {
    let written = document.source.text.get(value.span.clone()).unwrap_or_default();
    let offset = written.find(text).map(|offset| value.span.start + offset);
    let place = |span: Span| offset.map_or(value.span.clone(), |by| span.start + by..span.end + by);
    let policy = json::parse(text, Dialect::Strict).map_err(|mut errors| {
        errors.iter_mut().for_each(|error| error.span = place(error.span.clone()));
        errors
    })?;
    Ok(policy.placed(&place))
}
