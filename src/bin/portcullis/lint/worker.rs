//! What wrangler's configuration says, or does not say, around the policy.

use portcullis::policy::url::Origin;
use portcullis::policy::{Place, Step};

use super::{ENVIRONMENT_WITHOUT_POLICY, TOO_LARGE, UNBOUND_SERVICE};
use crate::document::{Document, Value, is_configuration};
use crate::finding::Finding;
use crate::policy::Examined;

/// The most bytes of a variable of a Worker.
const MAX_VARIABLE: usize = 5 * 1024;

/// What is suspicious about a Worker's configuration. Its places are those of the file, not of a policy.
pub(crate) fn worker(document: &Document, examined: &[Examined<'_>]) -> Vec<Finding> {
    if !is_configuration(&document.root) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for policy in examined {
        findings.extend(too_large(document, policy));
        findings.extend(unbound_services(document, policy));
    }
    if examined.iter().any(|policy| policy.environment.is_none()) {
        findings.extend(without_policy(document));
    }
    findings
}

fn too_large(document: &Document, policy: &Examined<'_>) -> Option<Finding> {
    let size = serde_json::to_string(policy.value.as_deref()?).ok()?.len();
    let located = document.root.locate(&policy.place);
    let span = located.key.map_or(located.value.span.clone(), |key| key.span.clone());
    let message = format!("the policy has {size} bytes; a variable of a Worker takes {MAX_VARIABLE}");
    (size > MAX_VARIABLE).then(|| {
        let mut finding = Finding::new(&TOO_LARGE, span, message).of(policy.environment);
        finding.help("keep it in Workers KV: `portcullis push`");
        finding
    })
}

/// Origins that are services of which the Worker has no binding.
fn unbound_services(document: &Document, policy: &Examined<'_>) -> Vec<Finding> {
    let Some(value) = policy.value.as_deref() else { return Vec::new() };
    let worker = match policy.environment {
        None => Some(&document.root),
        Some(name) => document.root.get("env").and_then(|environments| environments.get(name)),
    };
    let services = worker.and_then(|worker| worker.get("services")).map(Value::items).unwrap_or_default();
    let is_bound =
        |name: &str| services.iter().any(|service| service.get("binding").and_then(Value::as_str) == Some(name));
    let routes = value.get("routes").map(Value::items).unwrap_or_default();
    let of_routes =
        routes.iter().enumerate().map(|(index, route)| (vec![Step::Key("routes"), Step::Index(index)], route));
    let origins = [(Vec::new(), value)].into_iter().chain(of_routes).filter_map(|(place, table)| {
        let origin = table.get("origin")?;
        Some(([place, vec![Step::Key("origin")]].concat(), origin))
    });
    let unbound = origins.filter_map(|(place, origin)| {
        let Ok(Origin::Service(name)) = Origin::parse(origin.as_str()?) else { return None };
        let message = format!("no [[services]] of this file has the binding {name:?}");
        let finding =
            Finding { place: Place::at(&place), ..Finding::new(&UNBOUND_SERVICE, origin.span.clone(), message) };
        (!is_bound(&name)).then(|| finding.of(policy.environment))
    });
    unbound.collect()
}

/// Environments inherit no variables.
fn without_policy(document: &Document) -> Vec<Finding> {
    let environments = document.root.get("env").map(Value::entries).unwrap_or_default();
    let has_policy =
        |worker: &Value| worker.get("vars").is_some_and(|vars| vars.get("POLICY").is_some()) || has_store(worker);
    let lacking = environments.iter().filter(|(_, worker)| !has_policy(worker));
    let findings = lacking.map(|(name, _)| {
        let message = format!("the environment {:?} has no policy: environments inherit no variables", name.name);
        Finding::new(&ENVIRONMENT_WITHOUT_POLICY, name.span.clone(), message)
    });
    findings.collect()
}

/// Whether the Worker may have its policy in KV.
fn has_store(worker: &Value) -> bool {
    let namespaces = worker.get("kv_namespaces").map(Value::items).unwrap_or_default();
    namespaces.iter().any(|namespace| namespace.get("binding").and_then(Value::as_str) == Some("POLICY_KV"))
}
