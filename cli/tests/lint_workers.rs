//! What `portcullis check` says of origins, of pages and of the Worker around a policy.

use crate::check::check;
use crate::lints::{NONE, deny, findings_of, kinds, token};
use crate::tool::{Folder, snapshot_narrow};

#[test]
fn only_an_origin_that_requests_go_to_is_reported() {
    let own = |origin: &str| format!(", origin = \"{origin}\"");
    let (clear, safe) = (own("http://o.com"), own("https://o.com"));
    let none: [&str; 0] = [];
    assert_eq!(kinds("", &[deny("/a", &clear)]), none);
    assert_eq!(kinds("", &[token("/a", &clear)]), ["http-origin"]);
    let of_policy = |routes: &[String]| {
        kinds("origin = \"http://o.com\"", routes).iter().filter(|kind| *kind == "http-origin").count()
    };
    assert_eq!(of_policy(&[deny("/a", ""), token("/b", &safe)]), 0);
    assert_eq!(of_policy(&[deny("/a", ""), token("/b", "")]), 1);
}

#[test]
fn an_origin_that_the_caller_names_is_reported() {
    let through = ", origin = \"passthrough\"";
    let at_home = format!("{through}, hosts = [\"{{t}}.a.com\"]");
    let none: [&str; 0] = [];
    assert_eq!(kinds("", &[token("/a", through)]), ["open-passthrough"]);
    assert_eq!(kinds("", &[token("/a", through), token("/b", through)]), ["open-passthrough", "open-passthrough"]);
    assert_eq!(kinds("", &[token("/a", &at_home), deny("/b", through), token("/c", "")]), none);
    let of_policy = |keys: &str, routes: &[String]| {
        let issuer = "issuers.a.issuer = \"https://a.com\"";
        let routes = routes.join(", ");
        let policy = format!("version = 1\norigin = \"passthrough\"\n{issuer}\n{keys}\nroutes = [{routes}]\n");
        // As if it fitted in one line.
        check("through.toml", policy).out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let inherited = of_policy("", &[deny("/a", ""), token("/b", ""), token("/c", &at_home), token("/d", "")]);
    assert_eq!(inherited.matches("[open-passthrough]").count(), 1, "{inherited}");
    for words in [
        "[open-passthrough]: origin: the request goes to any host that the caller names, and the token with it",
        "2 | origin = \"passthrough\" | ^^^^^^^^^^^^^ |",
        "help: set `hosts` on routes[1] and 1 more",
    ] {
        assert!(inherited.contains(words), "{inherited}");
    }
    let own = ", origin = \"https://o.com\"";
    assert!(!of_policy("", &[deny("/a", ""), token("/b", own)]).contains("open-passthrough"));
    let kept = of_policy("identity.forward_token = false", &[token("/b", "")]);
    assert!(kept.contains("that the caller names, and the identity with it"), "{kept}");
    // With a secret it is no policy at all.
    let secret = of_policy("identity.secret.binding = \"S\"", &[token("/b", ""), token("/c", &at_home)]);
    let error = "error: routes[0].hosts: is required: with the origin passthrough the caller could choose which host receives identity.secret";
    assert!(secret.contains(error) && secret.contains("------------- origin"), "{secret}");
    assert!(!secret.contains("open-passthrough") && secret.contains("1 error"), "{secret}");
}

#[test]
fn a_cache_in_front_of_the_gate_is_reported() {
    let policy = "version = 1\nroutes = [{ path = \"/\", access = \"deny\" }]\n";
    let of = |more: &str| check("worker.toml", format!("[vars.POLICY]\n{policy}{more}")).out;
    let warnings = |more: &str| of(more).matches("[worker-cache]").count();
    for (more, count) in [
        ("[cache]\nenabled = true\n", 1),
        ("[cache]\nenabled = false\n", 0),
        ("[cache]\nenabled = true\n[exports.default]\ntype = \"worker\"\ncache.enabled = false\n", 0),
        ("[exports.default]\ntype = \"worker\"\ncache.enabled = true\n", 1),
        ("[exports.Other]\ntype = \"worker\"\ncache.enabled = true\n", 0),
    ] {
        assert_eq!(warnings(more), count, "{more}");
    }
    let run = of("[cache]\nenabled = true\n");
    assert!(run.contains("5 | enabled = true\n  |           ^^^^\n"), "{run}");
    // Environments inherit it, unless they have their own.
    let staging = format!("[env.staging.vars.POLICY]\n{policy}");
    assert_eq!(warnings(&format!("{staging}[cache]\nenabled = true\n")), 2);
    assert_eq!(warnings(&format!("{staging}[env.staging.cache]\nenabled = true\n")), 1);
    assert_eq!(warnings(&format!("{staging}[env.staging.cache]\nenabled = false\n[cache]\nenabled = true\n")), 1);
}

#[test]
fn pages_that_anyone_can_be_are_reported() {
    let cors = |origin: &str, more: &str| format!("cors = {{ origins = [\"https://app.com\", \"{origin}\"]{more} }}");
    let cookies = ", credentials = true";
    let none: [&str; 0] = [];
    for (origin, more, expected) in [
        ("http://a.com", "", &["http-page"][..]),
        ("http://*.a.com:8080", cookies, &["http-page"]),
        ("HTTP://A.com", "", &["http-page"]),
        ("http://localhost:05173", cookies, &none),
        ("http://127.0.0.1:3000", "", &none),
        ("http://*.localhost:3000", cookies, &none),
        ("capacitor://localhost", cookies, &none),
        ("https://*.com", cookies, &["cors-wide"]),
        ("https://*.com:8443", cookies, &["cors-wide"]),
        ("http://*.com", cookies, &["http-page", "cors-wide"]),
        ("https://*.com", "", &none),
        ("https://*.a.com", cookies, &none),
    ] {
        let cors = cors(origin, more);
        assert_eq!(kinds(&cors, &[token("/a", "")]), expected, "{cors}");
        assert_eq!(kinds("", &[token("/a", &format!(", {cors}"))]), expected, "{cors}");
    }
}

#[test]
fn a_worker_is_looked_at_beside_its_policy() {
    let of = |routes: usize, more: &str| {
        let route =
            |n| format!("[[vars.POLICY.routes]]\npath = \"/r{n}\"\naccess = \"deny\"\norigin = \"service:API\"\n");
        let routes: String = (0..routes).map(route).collect();
        check("wrangler.toml", format!("[vars.POLICY]\nversion = 1\n{routes}[[services]]\nbinding = \"API\"\n{more}"))
            .out
    };
    assert_eq!(of(10, ""), "wrangler.toml: no problems\n");
    let large = of(100, "");
    assert!(large.contains("warning[too-large]: the policy has 5514 bytes; a Worker variable holds 5120"), "{large}");
    assert!(large.contains("1 | [vars.POLICY]\n  |       ^^^^^^\n"), "{large}");
    let staging = "[env.staging]\nkv_namespaces = [{binding = \"POLICY_KV\", id = \"1\"}]\n";
    assert_eq!(of(1, staging), "wrangler.toml: no problems\n");
    let staging = of(1, "[env.staging]\nname = \"x\"\n");
    assert!(staging.contains("environment-without-policy"), "{staging}");
}

#[test]
fn a_worker_without_its_store_or_with_open_secrets_is_reported() {
    let policy = r#"
version = 1
origin = "https://o.com"
issuers.main = { issuer = "https://a.com" }
routes = [{ path = "/", audience = "x" }]
identity.secret = { binding = "SHARED" }
identity.assertion = { issuer = "https://gate.example.com", keys = ["SIGNING"] }
"#;
    let store = "[[kv_namespaces]]\nbinding = \"JWKS\"\nid = \"1\"\n";
    let of = |vars: &str, more: &str| {
        check("worker.toml", format!("name = \"gate\"\n{vars}[vars.POLICY]{policy}{more}")).out
    };
    assert_eq!(of("[vars]\nOTHER = \"x\"\n", store), "worker.toml: no problems\n");
    let run = of("[vars]\nSHARED = \"s3cret\"\nSIGNING = \"{}\"\n", "");
    snapshot_narrow("check/worker.txt", &run);
    assert!(!run.contains("s3cret"), "{run}");
    let piece = check("worker.toml", format!("[vars.POLICY]{policy}")).out;
    assert_eq!(piece, "worker.toml: no problems\n", "a piece to be pasted names no Worker");
    let fixed_keys = policy.replace("\"https://a.com\"", "\"a\", jwks.keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\" }]");
    assert_eq!(
        check("worker.toml", format!("name = \"gate\"\n[vars.POLICY]{fixed_keys}")).out,
        "worker.toml: no problems\n"
    );
}

#[test]
fn an_origin_that_no_deployed_worker_reaches_is_reported() {
    for (origin, expected) in [
        ("https://10.0.0.7", &["unreachable-origin"][..]),
        ("https://203.0.113.9:8443/base", &["unreachable-origin"]),
        ("https://[2001:db8::7]:8443", &["unreachable-origin"]),
        ("http://10.0.0.7", &["http-origin", "unreachable-origin"]),
        ("https://api.internal", &["unreachable-origin"]),
        ("https://Printer.LOCAL", &["unreachable-origin"]),
        ("https://api.default.svc.cluster.local:8080", &["unreachable-origin"]),
        ("https://backend:8000", &["unreachable-origin"]),
        ("http://localhost:8000", &["loopback-origin"]),
        ("https://127.0.0.1", &["loopback-origin"]),
        ("http://[::1]:8000", &["loopback-origin"]),
        ("http://app.localhost", &["loopback-origin"]),
        ("https://api.example.com:8443", &NONE),
        ("https://internal.example.com", &NONE),
        ("https://local", &["unreachable-origin"]),
        ("https://notlocal.com", &NONE),
        ("service:API", &NONE),
    ] {
        let own = format!(", origin = \"{origin}\"");
        assert_eq!(kinds("", &[token("/a", &own)]), expected, "{origin}");
        assert_eq!(kinds(&format!("origin = \"{origin}\""), &[token("/a", "")]), expected, "{origin}");
        assert_eq!(kinds(&format!("origin = \"{origin}\""), &[deny("/a", "")]), NONE, "no request goes there");
    }
    let local = findings_of("", &[token("/a", ", origin = \"http://localhost:1\"")]);
    assert_eq!(local[0]["severity"], "note", "`wrangler dev` reaches it");
}

const ID: &str = "0123456789abcdef0123456789abcdef";

/// The kinds of findings about a configuration.
fn kinds_of_worker(name: &str, text: &str) -> Vec<String> {
    let run = crate::check::check_with(name, text, &["--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

fn worker(head: &str, tail: &str) -> String {
    format!(
        "name = \"gate\"\nmain = \"build/index.js\"\ncompatibility_date = \"2026-11-01\"\n{head}\n[vars.POLICY]\nversion = 1\n\
         origin = \"https://o.example.com\"\nissuers.main.issuer = \"https://t.logto.app/oidc\"\n\
         routes = [{{ path = \"/{{*rest}}\", audience = \"https://api.example.com\" }}]\n{tail}"
    )
}

#[test]
fn a_namespace_without_its_id_is_reported() {
    let of = |id: &str| {
        kinds_of_worker(
            "wrangler.toml",
            &worker(&format!("kv_namespaces = [{{ binding = \"JWKS\", id = \"{id}\" }}]"), ""),
        )
    };
    assert_eq!(of(ID), NONE);
    for id in ["00000000000000000000000000000000", "<YOUR_KV_ID>", "your-namespace-id", "xxxxxxxx", ""] {
        assert_eq!(of(id), ["placeholder-id"], "{id}");
    }
}

#[test]
fn keys_of_the_worker_that_are_in_another_table_are_reported() {
    let store = format!("[[kv_namespaces]]\nbinding = \"JWKS\"\nid = \"{ID}\"\n");
    let of = |head: &str| kinds_of_worker("wrangler.toml", &worker(&format!("{head}{store}"), ""));
    assert_eq!(of("routes = [\"api.example.com/*\"]\nworkers_dev = false\n"), NONE);
    for head in [
        "[vars]\nSTAGE = \"prod\"\nroutes = [{ pattern = \"api.example.com\", custom_domain = true }]\n",
        "[vars]\nroutes = [\"api.example.com/*\"]\n",
        "[observability]\nenabled = true\nroute = \"api.example.com/*\"\n",
        "[[services]]\nbinding = \"API\"\nservice = \"api\"\nworkers_dev = true\n",
        "[env.staging]\n[env.staging.triggers]\ncrons = []\nworkers_dev = true\n",
    ] {
        let kinds = of(head);
        assert_eq!(kinds.iter().filter(|kind| *kind == "misplaced-key").count(), 1, "{head}: {kinds:?}");
    }
    assert_eq!(of("[vars]\nroutes = \"a,b\"\nworkers_dev = \"no\"\n"), NONE, "variables of these names");
    let run = check("wrangler.toml", worker(&format!("{store}[vars]\nroutes = [\"api.example.com/*\"]\n"), "")).out;
    assert!(run.contains("warning[misplaced-key]: `routes` is part of \"vars\", where wrangler ignores it"), "{run}");
    assert!(run.contains("help: move it above the first table of the file"), "{run}");
    for (name, key) in [("staging", "staging"), ("\"a b\"", "\"a b\"")] {
        let of_environment = format!("{store}[env.{name}.vars]\nSTAGE = \"x\"\nroutes = [\"api.example.com/*\"]\n");
        let run = check("wrangler.toml", worker(&of_environment, "")).out;
        assert!(run.contains(&format!("help: move it directly under [env.{key}]")), "{run}");
    }
    let policy = r#"{"version": 1, "routes": [{"path": "/", "access": "deny"}]}"#;
    let vars = format!(r#"{{"POLICY": {policy}, "more": {{"workers_dev": true}}}}"#);
    let json = format!(r#"{{"name": "gate", "vars": {vars}, "env": {{"staging": {{"vars": {vars}}}}}}}"#);
    let run = check("wrangler.jsonc", json).out;
    assert_eq!(run.matches("help: move it out of `vars`").count(), 2, "{run}");
}

#[test]
fn a_service_that_only_the_default_environment_binds_is_reported_for_another() {
    let policy = "version = 1\norigin = \"service:API\"\nroutes = [{ path = \"/a\", access = \"public\" }]\n";
    let bound = "[[services]]\nbinding = \"API\"\nservice = \"api\"\n";
    let of = |more: &str| {
        let text = format!("name = \"gate\"\n{bound}[vars.POLICY]\n{policy}[env.staging.vars.POLICY]\n{policy}{more}");
        check("wrangler.toml", text).out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let run = of("");
    let message = "env.staging: origin: no [[services]] entry of this environment has the binding \"API\"";
    assert_eq!(run.matches("[unbound-service]").count(), 1, "{run}");
    assert!(run.contains(message), "{run}");
    assert!(run.contains("help: environments do not inherit `services`: bind it for this one too"), "{run}");
    assert!(!of(&bound.replace("services", "env.staging.services")).contains("unbound-service"));
}

#[test]
fn an_environment_without_the_stores_of_the_default_one_is_reported() {
    let stores = format!(
        "[[kv_namespaces]]\nbinding = \"JWKS\"\nid = \"{ID}\"\n[[kv_namespaces]]\nbinding = \"POLICY_KV\"\nid = \"{ID}\"\n"
    );
    let own = "[env.staging.vars.POLICY]\nversion = 1\norigin = \"https://o.example.com\"\nroutes = [{ path = \"/a\", access = \"deny\" }]\n";
    let of = |tail: &str| kinds_of_worker("wrangler.toml", &worker(&stores, tail));
    assert_eq!(of(""), NONE);
    assert_eq!(of("[env.staging]\n"), ["environment-without-policy", "environment-without-store"]);
    assert_eq!(of(own), ["environment-without-store"], "a policy that is pushed is not seen there");
    let bound = stores.replace("[[kv", "[[env.staging.kv");
    assert_eq!(of(&format!("{own}{bound}")), NONE);
    let run = check(
        "wrangler.toml",
        worker(&stores, &own.replace("routes", "issuers.a.issuer = \"https://a.example.com\"\nroutes")),
    );
    assert!(run.out.contains("help: environments do not inherit `kv_namespaces`: bind it for this one"), "{}", run.out);
}

#[test]
fn an_issuer_that_is_almost_logtos_is_reported() {
    for (issuer, expected) in [
        ("https://x.logto.app", &["logto-issuer"][..]),
        ("https://x.logto.app/", &["logto-issuer"]),
        ("https://x.logto.app/oidc", &NONE),
        ("https://auth.example.com", &NONE),
    ] {
        let text = format!(
            "version = 1\norigin = \"https://o.example.com\"\nissuers.main.issuer = \"{issuer}\"\n\
             routes = [{{ path = \"/a\", audience = \"https://api.example.com\" }}]\n"
        );
        assert_eq!(kinds_of_worker("policy.toml", &text), expected, "{issuer}");
    }
}

#[test]
fn a_health_check_is_no_note() {
    let open = |path: &str, methods: &str| {
        format!("{{ path = \"{path}\", access = \"public\"{methods}, origin = \"https://o.example.com\" }}")
    };
    for (path, methods, expected) in [
        ("/healthz", ", methods = [\"GET\"]", &NONE[..]),
        ("/api/health", ", methods = [\"GET\", \"HEAD\"]", &NONE),
        ("/healthz", "", &NONE),
        ("/up", "", &NONE),
        ("/up", ", methods = [\"GET\"]", &NONE),
        ("/_health", "", &NONE),
        ("/-/healthy", "", &NONE),
        ("/orders/status", "", &["public-alone"]),
        ("/volume/up", ", methods = [\"GET\"]", &["public-alone"]),
        ("/_healthy", "", &["public-alone"]),
        ("/{x}/healthy", "", &["public-alone"]),
        ("/healthz", ", methods = [\"GET\", \"POST\"]", &["public-alone"]),
        ("/users", ", methods = [\"GET\"]", &["public-alone"]),
        ("/{x}/health", ", methods = [\"GET\"]", &["public-alone"]),
    ] {
        assert_eq!(kinds("", &[token("/a", ""), open(path, methods)]), expected, "{path}{methods}");
    }
}

#[test]
fn static_assets_that_are_served_before_the_gate_are_reported() {
    let worker = |assets: &str| {
        let policy =
            "[vars.POLICY]\nversion = 1\norigin = \"https://o.com\"\nroutes = [{ path = \"/\", access = \"deny\" }]\n";
        let folder = Folder::new("assets");
        folder.write("wrangler.toml", format!("name = \"gate\"\n{assets}\n{policy}"));
        folder.run(&["check"]).out.matches("[worker-assets]").count()
    };
    assert_eq!(worker("[assets]\ndirectory = \"public\""), 1);
    assert_eq!(worker("[assets]\ndirectory = \"public\"\nrun_worker_first = [\"/api/*\"]"), 1);
    assert_eq!(worker("[assets]\ndirectory = \"public\"\nrun_worker_first = true"), 0);
    assert_eq!(worker(""), 0);
}

#[test]
fn data_points_need_a_binding_that_the_worker_has() {
    let policy = "version = 1\norigin = \"https://o.example.com\"\nlog.analytics = \"DECISIONS\"\nroutes = [{ path = \"/a\", access = \"deny\" }]\n";
    let bound = "[[analytics_engine_datasets]]\nbinding = \"DECISIONS\"\n";
    let of = |datasets: &str, more: &str| {
        let text = format!("name = \"gate\"\n{datasets}[vars.POLICY]\n{policy}{more}");
        check("wrangler.toml", text).out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let run = of("", "");
    assert!(run.contains("[unbound-analytics]: log.analytics: no [[analytics_engine_datasets]] entry"), "{run}");
    assert!(!of(bound, "").contains("unbound-analytics"));
    let staging = format!("[env.staging.vars.POLICY]\n{policy}");
    let run = of(bound, &staging);
    assert_eq!(run.matches("[unbound-analytics]").count(), 1, "{run}");
    assert!(run.contains("environments do not inherit `analytics_engine_datasets`"), "{run}");
}

#[test]
fn the_key_of_subjects_is_a_secret() {
    let policy = "version = 1\norigin = \"https://o.example.com\"\nlog = { subject = \"hash\", subject_key = \"SUBJECTS\" }\nroutes = [{ path = \"/a\", access = \"deny\" }]\n";
    let run = check("wrangler.toml", format!("name = \"gate\"\n[vars]\nSUBJECTS = \"x\"\n[vars.POLICY]\n{policy}")).out;
    assert!(run.contains("[open-secret]") && run.contains("\"SUBJECTS\" is under vars"), "{run}");
}

#[test]
fn the_list_of_revocations_needs_a_binding_that_the_worker_has() {
    let policy = |store: &str| {
        format!(
            "version = 1\norigin = \"https://o.example.com\"\nissuers.a.issuer = \"https://i.example.com\"\nrevocation.store = \"{store}\"\nroutes = [{{ path = \"/a\", audience = \"x\" }}]\n"
        )
    };
    let of = |bindings: &str, store: &str, more: &str| {
        let text = format!("name = \"gate\"\n{bindings}[vars.POLICY]\n{}{more}", policy(store));
        check("wrangler.toml", text).out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let object = "[[durable_objects.bindings]]\nname = \"REVOKED\"\nclass_name = \"Revocations\"\n";
    let other = "[[durable_objects.bindings]]\nname = \"REVOKED\"\nclass_name = \"Counter\"\n";
    let kv = "[[kv_namespaces]]\nbinding = \"REVOKED\"\nid = \"0\"\n";
    for (bindings, store, expected) in [
        ("", "REVOKED", Some("no [[durable_objects.bindings]] entry binds \"REVOKED\"")),
        (other, "REVOKED", Some("no [[durable_objects.bindings]] entry binds \"REVOKED\"")),
        (kv, "REVOKED", Some("no [[durable_objects.bindings]] entry binds \"REVOKED\"")),
        (object, "REVOKED", None),
        (object, "kv:REVOKED", Some("no [[kv_namespaces]] entry binds \"REVOKED\"")),
        (kv, "kv:REVOKED", None),
    ] {
        let run = of(bindings, store, "");
        match expected {
            Some(message) => {
                assert!(run.contains(&format!("[unbound-revocations]: revocation.store: {message}")), "{run}");
            }
            None => assert!(!run.contains("unbound-revocations"), "{run}"),
        }
    }
    let run = of(object, "REVOKED", &format!("[env.staging.vars.POLICY]\n{}", policy("REVOKED")));
    assert_eq!(run.matches("[unbound-revocations]").count(), 1, "{run}");
    assert!(run.contains("environments do not inherit `durable_objects`"), "{run}");
}
