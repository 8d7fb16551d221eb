//! Finds the policies in a file: the file is a policy itself, or it configures a Worker with policies.

use std::borrow::Cow;
use std::path::Path;

use portcullis::policy::{Place, PlaceStep};

use super::json::{self, Dialect};
use super::source::{ParsedSource, Source, Syntax};
use super::text::{Span, SyntaxError};
use super::value::{MAX_DEPTH, ProblemKind, SourceValue};
use crate::configuration::has_its_name;
use crate::exit::Failure;
use crate::output::printable;

/// The Worker variable that contains the policy.
const VARIABLE: &str = "POLICY";

/// A policy in a file.
#[derive(Clone, Debug)]
pub(crate) struct PolicyValue<'d> {
    /// Its environment, unless it is the default one.
    pub(crate) environment: Option<&'d str>,
    /// Its place in the file.
    pub(crate) place: Place,
    /// The policy. The error is for a string that is not valid JSON.
    pub(crate) value: Result<Cow<'d, SourceValue>, Vec<SyntaxError>>,
}

/// The policies of a file: the file itself, or `[vars.POLICY]` and `[env.NAME.vars.POLICY]` of a wrangler
/// configuration.
pub(crate) fn policies(document: &ParsedSource) -> Result<Vec<PolicyValue<'_>>, Failure> {
    if !is_configuration(&document.source, &document.root) {
        let (place, value) = (Place::default(), Ok(Cow::Borrowed(&document.root)));
        return Ok(vec![PolicyValue { environment: None, place, value }]);
    }
    let default = policy_variable(&document.root).map(|value| policy(document, None, value));
    let environments = document.root.get("env").map(SourceValue::entries).unwrap_or_default();
    let others = environments
        .iter()
        .filter_map(|(name, worker)| Some(policy(document, Some(&name.name), policy_variable(worker)?)));
    let found: Vec<_> = default.into_iter().chain(others).collect();
    if found.is_empty() {
        let name = printable(&document.source.name);
        let place = match document.source.syntax {
            Syntax::Toml => format!("the table [vars.{VARIABLE}]"),
            Syntax::Json | Syntax::Jsonc | Syntax::Yaml => format!("`{VARIABLE}` in `vars`"),
        };
        let in_store = document
            .root
            .list("kv_namespaces")
            .iter()
            .any(|bound| bound.get("binding").and_then(SourceValue::as_str) == Some("POLICY_KV"));
        let file = if in_store { "; for a policy in Workers KV, name the file that you push" } else { "" };
        return Err(Failure::new(format!("{name} contains no policy: expected {place}{file}")));
    }
    Ok(found)
}

/// Keys that make any file the configuration of a Worker, whatever else it contains.
const ONLY_OF_WORKERS: [&str; 4] = ["vars", "env", "main", "compatibility_date"];

/// Keys of policies that configurations do not have.
const ONLY_OF_POLICIES: [&str; 5] = ["version", "issuers", "origin", "identity", "paths"];

/// Other keys of configurations that policies do not have. (`routes` and `limits` are keys of both.)
const OF_WORKERS: [&str; 36] = [
    "account_id",
    "ai",
    "analytics_engine_datasets",
    "assets",
    "base_dir",
    "browser",
    "build",
    "compatibility_flags",
    "containers",
    "d1_databases",
    "define",
    "dev",
    "dispatch_namespaces",
    "durable_objects",
    "hyperdrive",
    "keep_vars",
    "kv_namespaces",
    "logpush",
    "migrations",
    "minify",
    "name",
    "no_bundle",
    "observability",
    "pages_build_output_dir",
    "placement",
    "preview_urls",
    "queues",
    "r2_buckets",
    "route",
    "rules",
    "send_metrics",
    "services",
    "site",
    "tail_consumers",
    "triggers",
    "workers_dev",
];

/// Whether this is the configuration of a Worker, by its keys, or else by its name.
pub(crate) fn is_configuration(source: &Source, root: &SourceValue) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| root.get(key).is_some());
    has(&ONLY_OF_WORKERS) || (!has(&ONLY_OF_POLICIES) && (has_its_name(Path::new(&source.name)) || has(&OF_WORKERS)))
}

/// The part of a configuration that is for an environment, or for the default one.
pub(crate) fn worker_of<'d>(root: &'d SourceValue, environment: Option<&str>) -> Option<&'d SourceValue> {
    match environment {
        None => Some(root),
        Some(name) => root.get("env")?.get(name),
    }
}

/// Duplicate keys of a configuration. wrangler silently uses the last one, so the policy that was checked might not be
/// the one that is deployed. Those within a policy are reported with its other errors.
pub(crate) fn repeated_keys(source: &Source, root: &SourceValue) -> Vec<SyntaxError> {
    if !is_configuration(source, root) {
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

/// The Worker variable that contains the policy of a Worker or of an environment.
pub(crate) fn policy_variable(worker: &SourceValue) -> Option<&SourceValue> {
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

/// The policy in a string. Positions within it are known only if the file contains it verbatim, without escapes.
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
