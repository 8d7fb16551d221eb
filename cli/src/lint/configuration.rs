//! Findings about a Worker's configuration itself: what `wrangler deploy` refuses or ignores.

use super::worker::binds;
use crate::document::{ParsedSource, SourceKey, SourceNode, SourceValue, Syntax, is_configuration, worker_of};
use crate::finding::Finding;
use crate::finding::rule::{ENVIRONMENT_WITHOUT_STORE, MISPLACED_KEY, PLACEHOLDER_ID};
use crate::policy::ExaminedPolicy;

/// The namespaces that the gate uses.
const STORES: [&str; 2] = ["JWKS", "POLICY_KV"];

/// The tables in which these keys mean something else, or in which anything may be.
const OTHER_TABLES: [&str; 4] = ["define", "env", "previews", "unsafe"];

pub(super) fn lint(document: &ParsedSource, examined: &[ExaminedPolicy<'_>]) -> Vec<Finding> {
    if !is_configuration(&document.source, &document.root) {
        return Vec::new();
    }
    let environments = document.root.get("env").map(SourceValue::entries).unwrap_or_default();
    let names = environments.iter().map(|(key, _)| Some(key.name.as_str()));
    // With --env, only that environment is looked at.
    let is_looked_at = |name: &Option<&str>| {
        examined.iter().any(|policy| policy.environment == *name)
            || (name.is_some() && examined.iter().any(|policy| policy.environment.is_none()))
    };
    let mut findings = Vec::new();
    for name in std::iter::once(None).chain(names).filter(is_looked_at) {
        let Some(worker) = worker_of(&document.root, name) else { continue };
        let found = placeholders(worker)
            .chain(misplaced(document, name, worker))
            .chain(without_stores(document, name, worker, examined));
        findings.extend(found.map(|finding| finding.of(name)));
    }
    findings
}

/// Words in ids that examples have in place of a real one.
const PLACEHOLDERS: [&str; 7] = ["<", "{", "your", "placeholder", "replace", "todo", "xxx"];

/// KV namespaces with a placeholder as their id.
fn placeholders(worker: &SourceValue) -> impl Iterator<Item = Finding> {
    let namespaces = worker.list("kv_namespaces").iter();
    let ids = namespaces.filter_map(|bound| Some((bound.get("binding")?.as_str()?, bound.get("id")?)));
    ids.filter(|(_, id)| id.as_str().is_some_and(is_placeholder)).map(|(binding, id)| {
        let message = format!("the id of {binding} is a placeholder: no KV namespace has it");
        let mut finding = Finding::new(&PLACEHOLDER_ID, id.span.clone(), message);
        finding.help(format!("create one with `npx wrangler kv namespace create {binding}`, which prints its id"));
        finding
    })
}

fn is_placeholder(id: &str) -> bool {
    let lower = id.to_ascii_lowercase();
    lower.bytes().all(|b| b == b'0') || PLACEHOLDERS.iter().any(|word| lower.contains(word))
}

/// `routes`, `route` and `workers_dev` within another table. In TOML every key behind a `[table]` is part of it.
fn misplaced(
    document: &ParsedSource,
    environment: Option<&str>,
    worker: &SourceValue,
) -> impl Iterator<Item = Finding> {
    let mut found = Vec::new();
    for (key, value) in worker.entries().iter().filter(|(key, _)| !OTHER_TABLES.contains(&key.name.as_str())) {
        let help = match (document.source.syntax, environment) {
            (Syntax::Toml, None) => "move it above the first table of the file".to_owned(),
            (Syntax::Toml, Some(name)) => format!("move it directly under [env.{}]", toml_key(name)),
            (Syntax::Json | Syntax::Jsonc | Syntax::Yaml, _) => format!("move it out of `{}`", key.name),
        };
        collect_misplaced(key, value, &help, &mut found);
    }
    found.into_iter()
}

/// A key as TOML writes it.
fn toml_key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_bare { name.to_owned() } else { format!("{name:?}") }
}

fn collect_misplaced(table: &SourceKey, value: &SourceValue, help: &str, found: &mut Vec<Finding>) {
    value.items().iter().for_each(|item| collect_misplaced(table, item, help, found));
    for (key, member) in value.entries() {
        if is_of_the_worker(key, member) {
            let message = format!("`{}` is part of {:?}, where wrangler ignores it", key.name, table.name);
            let mut finding = Finding::new(&MISPLACED_KEY, key.span.clone(), message);
            finding.help(help);
            found.push(finding);
        } else {
            collect_misplaced(key, member, help, found);
        }
    }
}

/// Whether this is such a key with a value that wrangler takes, unlike the `routes` of a policy.
fn is_of_the_worker(key: &SourceKey, value: &SourceValue) -> bool {
    let is_route = |route: &SourceValue| route.as_str().is_some() || route.get("pattern").is_some();
    match key.name.as_str() {
        "workers_dev" => matches!(value.node, SourceNode::Bool(_)),
        "routes" => !value.items().is_empty() && value.items().iter().all(is_route),
        "route" => is_route(value),
        _ => false,
    }
}

/// Namespaces that the default environment binds and this one does not. Those that its policy needs are reported
/// already.
fn without_stores<'d>(
    document: &'d ParsedSource,
    name: Option<&'d str>,
    worker: &'d SourceValue,
    examined: &'d [ExaminedPolicy<'_>],
) -> impl Iterator<Item = Finding> + use<'d> {
    let entries = document.root.get("env").map(SourceValue::entries).unwrap_or_default();
    let key = entries.iter().map(|(key, _)| key).find(|key| Some(key.name.as_str()) == name);
    let has_policy = examined.iter().any(|policy| policy.environment == name);
    let is_lacking = move |store: &&str| {
        let is_reported = *store == "JWKS" && has_policy;
        !is_reported && binds(&document.root, "kv_namespaces", store) && !binds(worker, "kv_namespaces", store)
    };
    let lacking: Vec<&str> = STORES.into_iter().filter(is_lacking).collect();
    key.filter(|_| !lacking.is_empty()).into_iter().map(move |key| {
        let message = format!(
            "the environment {:?} binds no KV namespace as {}: environments do not inherit `kv_namespaces`",
            key.name,
            lacking.join(" and ")
        );
        Finding::new(&ENVIRONMENT_WITHOUT_STORE, key.span.clone(), message)
    })
}
