//! Findings about the wrangler configuration around a policy.

use portcullis::policy::url::Origin;
use portcullis::policy::{KeySource, Place, PlaceStep, RevocationStore};

use crate::document::{ParsedSource, SourceNode, SourceValue, Span, is_configuration, policy_variable, worker_of};
use crate::finding::Finding;
use crate::finding::rule::{
    ENVIRONMENT_WITHOUT_POLICY, OPEN_SECRET, TOO_LARGE, UNBOUND_ANALYTICS, UNBOUND_REVOCATIONS, UNBOUND_SERVICE,
    UNBOUND_STORE, WORKER_ASSETS, WORKER_CACHE,
};
use crate::policy::{ExaminedPolicy, MAX_VARIABLE_BYTES};

/// The key of wrangler's configuration for bindings of Analytics Engine.
const DATASETS: &str = "analytics_engine_datasets";

/// The findings about the configuration of Workers with policies.
pub(super) fn lint(document: &ParsedSource, examined: &[ExaminedPolicy<'_>]) -> Vec<Finding> {
    if !is_configuration(&document.source, &document.root) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for examined in examined {
        if let Some(table) = worker_of(&document.root, examined.environment) {
            let found = WorkerConfiguration { document, table, examined }.findings();
            findings.extend(found.into_iter().map(|finding| finding.of(examined.environment)));
        }
    }
    if examined.iter().any(|policy| policy.environment.is_none()) {
        findings.extend(without_policy(document));
    }
    findings
}

/// The configuration of a Worker with a policy. Environments do not inherit bindings and variables.
struct WorkerConfiguration<'d> {
    document: &'d ParsedSource,
    table: &'d SourceValue,
    examined: &'d ExaminedPolicy<'d>,
}

impl<'d> WorkerConfiguration<'d> {
    fn findings(&self) -> Vec<Finding> {
        let about_it = self.too_large().into_iter().chain(self.unbound_store());
        let about_it = about_it.chain(self.unbound_services()).chain(self.open_secrets());
        about_it
            .chain(self.unbound_analytics())
            .chain(self.unbound_revocations())
            .chain(self.cached())
            .chain(self.assets())
            .collect()
    }

    fn too_large(&self) -> Option<Finding> {
        let size = self.examined.value()?.to_json().to_string().len();
        let message = format!("the policy has {size} bytes; a Worker variable holds {MAX_VARIABLE_BYTES}");
        (size > MAX_VARIABLE_BYTES).then(|| {
            let mut finding = Finding::new(&TOO_LARGE, self.name_of_policy(), message);
            finding.help("store it in Workers KV with `portcullis push`");
            finding
        })
    }

    /// Without a store every isolate fetches the issuers' keys itself, and refuses all tokens while an issuer is down.
    fn unbound_store(&self) -> Option<Finding> {
        let policy = self.examined.policy()?;
        let fetches = policy.issuers.iter().any(|issuer| !matches!(issuer.keys, KeySource::Static(_)));
        // A fragment to be pasted has no `name` and no `main`.
        let is_whole = ["name", "main"].iter().any(|key| self.document.root.get(key).is_some());
        (is_whole && fetches && !self.binds("kv_namespaces", "JWKS")).then(|| {
            let message =
                "no [[kv_namespaces]] entry has the binding \"JWKS\": every isolate asks the issuers for their keys";
            let mut finding = Finding::new(&UNBOUND_STORE, self.name_of_policy(), message);
            finding.help(
                if self.table.get("kv_namespaces").is_none() && binds(&self.document.root, "kv_namespaces", "JWKS") {
                    "environments do not inherit `kv_namespaces`: bind it for this one too"
                } else {
                    "create one with `npx wrangler kv namespace create JWKS`"
                },
            );
            finding
        })
    }

    /// Origins that are services without a binding.
    fn unbound_services(&self) -> impl Iterator<Item = Finding> + use<'_, 'd> {
        let value = self.examined.value();
        let routes = value.map(|value| value.list("routes")).unwrap_or_default();
        let of_routes = routes
            .iter()
            .enumerate()
            .map(|(index, route)| (vec![PlaceStep::Key("routes"), PlaceStep::Index(index)], route));
        let tables = value.map(|value| (Vec::new(), value)).into_iter().chain(of_routes);
        tables.filter_map(|(place, table)| {
            let origin = table.get("origin")?;
            let Ok(Origin::Service(name)) = Origin::parse(origin.as_str()?) else { return None };
            let place = Place::at(&[place, vec![PlaceStep::Key("origin")]].concat());
            let whose = if self.examined.environment.is_some() { "environment" } else { "file" };
            let message = format!("no [[services]] entry of this {whose} has the binding {name:?}");
            let mut finding = Finding { place, ..Finding::new(&UNBOUND_SERVICE, origin.span.clone(), message) };
            if binds(&self.document.root, "services", &name) {
                finding.help("environments do not inherit `services`: bind it for this one too");
            }
            (!self.binds("services", &name)).then_some(finding)
        })
    }

    /// A binding for data points that the Worker does not have: they would be lost, and nothing else would tell.
    fn unbound_analytics(&self) -> Option<Finding> {
        let named = self.examined.value()?.get("log")?.get("analytics")?;
        let name = named.as_str().filter(|name| !self.binds(DATASETS, name))?;
        let message = format!("no [[{DATASETS}]] entry has the binding {name:?}: all data points are lost");
        let place = Place::at(&[PlaceStep::Key("log"), PlaceStep::Key("analytics")]);
        let mut finding = Finding { place, ..Finding::new(&UNBOUND_ANALYTICS, named.span.clone(), message) };
        if binds(&self.document.root, DATASETS, name) {
            finding.help(format!("environments do not inherit `{DATASETS}`: bind it for this one too"));
        }
        Some(finding)
    }

    /// A store of the list of revocations that the Worker does not have: it refuses every token then.
    fn unbound_revocations(&self) -> Option<Finding> {
        let named = self.examined.value()?.get("revocation")?.get("store")?;
        let store = self.examined.policy()?.revocation.as_ref()?.store.clone();
        let has = |table: &SourceValue| match &store {
            RevocationStore::Kv(name) => binds(table, "kv_namespaces", name),
            RevocationStore::Object(name) => binds_object(table, name),
        };
        if has(self.table) {
            return None;
        }
        let (kind, inherited) = match &store {
            RevocationStore::Kv(_) => ("kv_namespaces", "kv_namespaces"),
            RevocationStore::Object(_) => ("durable_objects.bindings", "durable_objects"),
        };
        let message = format!("no [[{kind}]] entry binds {:?}: every token is refused with 500", store.binding());
        let place = Place::at(&[PlaceStep::Key("revocation"), PlaceStep::Key("store")]);
        let mut finding = Finding { place, ..Finding::new(&UNBOUND_REVOCATIONS, named.span.clone(), message) };
        if has(&self.document.root) {
            finding.help(format!("environments do not inherit `{inherited}`: bind it for this one too"));
        }
        Some(finding)
    }

    /// Secrets of the policy that are variables in the file. The finding shows the policy's reference to them, not
    /// their value.
    fn open_secrets(&self) -> impl Iterator<Item = Finding> + use<'_, 'd> {
        let identity = self.examined.value().and_then(|value| value.get("identity"));
        let of = |table: &str, key: &str| identity?.get(table)?.get(key);
        let keys = of("assertion", "keys").map(SourceValue::items).unwrap_or_default();
        let log = self.examined.value().and_then(|value| value.get("log"));
        let logto = self.examined.value().and_then(|value| value.get("revocation")?.get("logto")?.get("secret"));
        let names =
            keys.iter().chain(of("secret", "binding")).chain(log.and_then(|log| log.get("subject_key"))).chain(logto);
        names.filter_map(|named| {
            let name = named.as_str()?;
            let message = format!("{name:?} is under vars: anyone who can read this file knows the secret");
            let mut finding = Finding::new(&OPEN_SECRET, named.span.clone(), message);
            finding.help(format!("remove it, and set a new one with `npx wrangler secret put {name}`"));
            self.table.get("vars")?.get(name).map(|_| finding)
        })
    }

    /// Static assets, which the platform serves without running the Worker. Environments inherit this setting.
    fn assets(&self) -> Option<Finding> {
        let assets = self.table.get("assets").or_else(|| self.document.root.get("assets"))?;
        let runs_first =
            matches!(assets.get("run_worker_first").map(|first| &first.node), Some(SourceNode::Bool(true)));
        (!runs_first).then(|| {
            let message = "static assets are served without the gate, whatever its routes require";
            let mut finding = Finding::new(&WORKER_ASSETS, assets.span.clone(), message);
            finding.help("run_worker_first = true runs it before all of them");
            finding
        })
    }

    /// A cache in front of the Worker, which answers without running it. Environments inherit this setting.
    fn cached(&self) -> Option<Finding> {
        let is_on =
            |cache: &&SourceValue| matches!(cache.get("enabled").map(|on| &on.node), Some(SourceNode::Bool(true)));
        let whole = self.table.get("cache").or_else(|| self.document.root.get("cache"));
        let entry = self.table.get("exports").or_else(|| self.document.root.get("exports"));
        let entry = entry.and_then(|exports| exports.get("default")?.get("cache"));
        // The setting of the entry point overrides that of the Worker.
        let cache = entry.or(whole).filter(is_on)?;
        let message =
            "Cloudflare answers from a cache in front of this Worker: callers get what is cached for others, unchecked";
        let mut finding = Finding::new(&WORKER_CACHE, cache.get("enabled")?.span.clone(), message);
        finding.help("turn it off here; `cache = true` on a route enables a cache behind the gate");
        Some(finding)
    }

    fn binds(&self, kind: &str, name: &str) -> bool {
        binds(self.table, kind, name)
    }

    /// The span of the policy's key.
    fn name_of_policy(&self) -> Span {
        let located = self.document.root.locate(&self.examined.place);
        located.key.map_or(located.value.span.clone(), |key| key.span.clone())
    }
}

/// Whether a Worker has a binding of this kind and name.
pub(super) fn binds(worker: &SourceValue, kind: &str, name: &str) -> bool {
    worker.list(kind).iter().any(|binding| binding.get("binding").and_then(SourceValue::as_str) == Some(name))
}

/// Whether a Worker has a Durable Object of the class `Revocations` under this name.
fn binds_object(worker: &SourceValue, name: &str) -> bool {
    let text = |binding: &SourceValue, key: &str| binding.get(key).and_then(SourceValue::as_str).map(str::to_owned);
    let objects = worker.get("durable_objects").map(|objects| objects.list("bindings")).unwrap_or_default();
    let is_it = |binding: &SourceValue| {
        text(binding, "name").as_deref() == Some(name) && text(binding, "class_name").as_deref() == Some("Revocations")
    };
    objects.iter().any(is_it)
}

/// Environments without a policy, which do not inherit the default one.
fn without_policy(document: &ParsedSource) -> Vec<Finding> {
    let environments = document.root.get("env").map(SourceValue::entries).unwrap_or_default();
    let has_policy =
        |worker: &SourceValue| policy_variable(worker).is_some() || binds(worker, "kv_namespaces", "POLICY_KV");
    let lacking = environments.iter().filter(|(_, worker)| !has_policy(worker));
    let findings = lacking.map(|(name, _)| {
        let message = format!("the environment {:?} has no policy: environments do not inherit variables", name.name);
        Finding::new(&ENVIRONMENT_WITHOUT_POLICY, name.span.clone(), message)
    });
    findings.collect()
}
