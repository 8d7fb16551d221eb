//! `portcullis check`.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::tool::{Folder, Run, snapshot, snapshot_narrow};

const GOOD: &str = r#"
version = 1
origin = "https://origin.example.com"
[issuers.logto]
issuer = "https://tenant.logto.app/oidc"
[[routes]]
path = "/a"
audience = "https://api.example.com"
"#;

const BAD: &str = include_str!("policies/bad.toml");
const SUSPICIOUS: &str = include_str!("policies/suspicious.toml");

pub(crate) fn fine(name: &str) -> Run {
    Run { code: Some(0), out: format!("{name}: no problems\n"), err: String::new() }
}

/// What a file of this name and text gives.
pub(crate) fn check(name: &str, text: impl AsRef<[u8]>) -> Run {
    let folder = Folder::new(name);
    folder.write(name, text).run(&["check", name])
}

/// The same, where findings are all that it gives.
fn findings(name: &str, text: impl AsRef<[u8]>) -> String {
    let run = check(name, text);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""), "{}", run.out);
    run.out
}

#[test]
fn a_good_policy_is_fine_in_every_syntax() {
    let folder = Folder::new("good");
    let json = r#"{"version": 1, "routes": [{"path": "/", "access": "deny"}]}"#;
    let yaml = "version: 1\nroutes:\n  - {path: /, access: deny}\n";
    folder.write("policy.toml", GOOD).write("policy.json", json).write("policy.yml", yaml);
    folder.write("wrangler.toml", format!("[vars]\nPOLICY = '''{json}'''"));
    folder.write("wrangler.jsonc", format!("// ours\n{{\"vars\": {{\"POLICY\": {json},}},}}"));
    folder.write("wrangler.json", format!("/* ours */ {{\"vars\": {{\"POLICY\": {},}}}}", Value::from(json)));
    for name in ["policy.toml", "policy.json", "policy.yml", "wrangler.toml", "wrangler.json", "wrangler.jsonc"] {
        assert_eq!(folder.run(&["check", name]), fine(name));
    }
    assert_eq!(folder.run(&["check"]), fine("wrangler.toml"));
    for text in [GOOD, json, yaml] {
        assert_eq!(folder.run_with(&["check", "-"], text), fine("<stdin>"), "{text}");
    }
    folder.write("policy", yaml);
    assert_eq!(folder.run(&["check", "policy", "--syntax", "yaml"]), fine("policy"));
    let run = folder.run(&["check", "policy", "--syntax", "json"]);
    assert_eq!(run.code, Some(1));
}

#[test]
fn all_errors_are_shown_underlined() {
    let folder = Folder::new("bad");
    let run = folder.write("policy.toml", BAD).run(&["check", "policy.toml"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot_narrow("check/errors.txt", &run.out);
    let coloured = folder.run(&["check", "policy.toml", "--color", "always"]);
    snapshot("check/errors-coloured.txt", &coloured.out);
    assert!(coloured.out.contains('\u{1b}') && !run.out.contains('\u{1b}'));
    assert_eq!(folder.run_in(&[("NO_COLOR", "1")], &["check", "policy.toml"]), run, "no terminal, no colour");
    assert_eq!(folder.run(&["check", "policy.toml", "--color", "never"]), run);
}

#[test]
fn machines_get_the_same_findings() {
    let folder = Folder::new("formats");
    folder.write("bad.toml", BAD).write("a dir,100%.toml", BAD).write("suspicious.toml", SUSPICIOUS);
    for format in ["json", "sarif", "github"] {
        let run = folder.run(&["check", "bad.toml", "--format", format]);
        assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
        snapshot(&format!("check/errors.{format}"), &run.out);
    }
    let count = |format, pointer: &str| {
        let run = folder.run(&["check", "suspicious.toml", "--format", format]);
        let value: Value = serde_json::from_str(&run.out).unwrap();
        value.pointer(pointer).unwrap().as_array().unwrap().len()
    };
    let lines = folder.run(&["check", "suspicious.toml", "--format", "github"]).out.lines().count();
    assert_eq!(count("json", "/findings"), lines);
    assert_eq!(count("sarif", "/runs/0/results"), lines);
    let run = folder.run(&["check", "a dir,100%.toml", "--format", "github"]);
    assert!(run.out.starts_with("::error file=a dir%2C100%25.toml,line="), "{}", run.out);
    let run = folder.run(&["check", "a dir,100%.toml", "--format", "sarif"]);
    assert!(run.out.contains("\"uri\": \"a%20dir%2C100%25.toml\""), "{}", run.out);
}

#[test]
fn what_is_suspicious_is_a_warning() {
    let folder = Folder::new("suspicious");
    let run = folder.write("wrangler.toml", SUSPICIOUS).run(&["check"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    snapshot_narrow("check/warnings.txt", &run.out);
    let strict = folder.run(&["check", "--deny-warnings"]);
    assert_eq!((strict.code, &strict.out), (Some(1), &run.out));
    let allowed = folder.run(&["check", "--allow", "http-origin", "--allow", "unused-issuer"]);
    assert!(!allowed.out.contains("http-origin") && !allowed.out.contains("unused-issuer"));
    assert!(allowed.out.contains("similar-scope"));
    assert_eq!(folder.run(&["check", "--allow", "policy"]).code, Some(2), "errors are not to be allowed");
    assert_eq!(folder.run(&["check", "--allow", "htp-origin"]).code, Some(2));
}

#[test]
fn a_note_fails_nothing() {
    let policy = "version = 1\n[[routes]]\npath = \"/healthz\"\naccess = \"public\"\norigin = \"https://o.com\"\n";
    let folder = Folder::new("note");
    let run = folder.write("policy.toml", policy).run(&["check", "policy.toml", "--deny-warnings"]);
    assert_eq!(run.code, Some(0));
    assert!(run.out.contains("note[public-alone]: routes[0]: is public and shadows no other route"), "{}", run.out);
}

#[test]
fn a_slip_shows_among_names_that_count_up_and_not_between_established_ones() {
    let scopes = |lists: &[&[&str]]| {
        let routes: Vec<String> = lists
            .iter()
            .enumerate()
            .map(|(n, list)| token(&format!("/{n}"), &format!(", scopes = {list:?}")))
            .collect();
        kinds("", &routes).len()
    };
    for slip in [
        ["v2:read", "v2:reed"],
        ["oauth2:read", "oauht2:read"],
        ["read:items1", "read:itms1"],
        ["read:users2", "read:user2"],
    ] {
        assert_eq!(scopes(&[&["v1:read"], &["read:items2"], &[slip[0]], &[slip[1]]]), 1, "{slip:?}");
    }
    let counted = &["v1:read", "v2:read", "tier:a1", "tier:b1", "read:users1", "read:users2"][..];
    assert_eq!(scopes(&[counted]), 0);
    let (order, border) = (&["order:read"][..], &["border:read"][..]);
    assert_eq!(scopes(&[order, border, border]), 1);
    assert_eq!(scopes(&[order, border, order, border]), 0);
    assert_eq!(scopes(&[&["order:read"], &["Order:read"], &["order:read"], &["Order:read"]]), 1);
    let beside = check("beside.toml", format!("{GOOD}scopes = [\"read:user\", \"read:users\"]\n")).out;
    assert!(beside.contains("stands beside it"), "{beside}");
}

/// The findings of a policy with these keys and routes.
pub(crate) fn told(keys: &str, routes: &[String]) -> Vec<Value> {
    static POLICIES: AtomicUsize = AtomicUsize::new(0);
    let folder = Folder::new(&format!("kinds-{}", POLICIES.fetch_add(1, Ordering::Relaxed)));
    let origin = if keys.contains("origin = ") { "" } else { "origin = \"https://o.com\"\n" };
    let policy = format!("version = 1\n{origin}{keys}\nroutes = [{}]\n", routes.join(", "));
    let policy = format!("{policy}[issuers.a]\nissuer = \"https://a.com\"\n");
    let run = folder.write("policy.toml", policy).run(&[
        "check",
        "policy.toml",
        "--format",
        "json",
        "--allow",
        "unused-issuer",
    ]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    report["findings"].as_array().unwrap().clone()
}

/// Their kinds.
pub(crate) fn kinds(keys: &str, routes: &[String]) -> Vec<String> {
    told(keys, routes).iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn token(path: &str, more: &str) -> String {
    format!("{{ path = \"{path}\", audience = \"x\"{more} }}")
}

pub(crate) fn public(path: &str, more: &str) -> String {
    format!("{{ path = \"{path}\", access = \"public\"{more} }}")
}

pub(crate) fn deny(path: &str, more: &str) -> String {
    format!("{{ path = \"{path}\", access = \"deny\"{more} }}")
}

#[test]
fn what_a_public_route_opens_is_told() {
    let (one, two) = (", hosts = [\"a.com\"]", ", hosts = [\"a.com\", \"b.com\"]");
    let (get, delete) = (", methods = [\"GET\"]", ", methods = [\"DELETE\"]");
    for (routes, kind) in [
        ([deny("/s/{*r}", ""), public("/s/{x}", "")], "deny-opened"),
        ([token("/s/{*r}", ""), public("/s/{x}", "")], "public-opening"),
        ([deny("/s/{x}", ""), public("/s/{y}", one)], "deny-opened"),
        ([token("/s/{x}", ""), public("/s/{y}", one)], "public-opening"),
        ([deny("/{*x}", ", hosts = [\"b.com\"]"), public("/p/{x}", two)], "deny-opened"),
        ([token("/d/{*x}", delete), public("/d/{x}/y", "")], "public-opening"),
        ([token("/d/{*x}", ", methods = [\"PURGE\"]"), public("/d/{x}/y", "")], "public-opening"),
        ([deny("/{t}/{u}", ""), public("/s/{*r}", "")], "deny-opened"),
        ([deny("/{x}/b", ""), public("/a/{y}", "")], "deny-opened"),
        ([token("/{x}/b/{z}", ""), public("/a/{*r}", "")], "public-opening"),
        // Nothing is opened where another route decides all the same, nor by methods of one place.
        ([deny("/s/{x}", ""), public("/s/{*r}", "")], "public-alone"),
        ([deny("/s", one), public("/s", "")], "public-alone"),
        ([token("/{*r}", ""), public("/s", "")], ""),
        ([token("/s/{x}", ""), public("/s/{y}", get)], ""),
        ([deny("/s/{x}", two), public("/s/{y}", &format!("{one}{get}"))], ""),
        ([deny("/s", ", hosts = [\"{t}.com\"]"), public("/s", &format!(", hosts = [\"{{u}}.com\"]{get}"))], ""),
    ] {
        let expected: Vec<&str> = if kind.is_empty() { Vec::new() } else { vec![kind] };
        assert_eq!(kinds("", &routes), expected, "{routes:?}");
    }
    let gravest = [token("/x/{*r}", get), deny("/x/{*r}", delete), public("/x/y", "")];
    assert_eq!(kinds("", &gravest), ["deny-opened"]);
}

#[test]
fn a_route_behind_a_document_of_the_gates_own_is_told() {
    let assertion =
        "identity.assertion = { issuer = \"https://g.com\", keys = [\"K\"] }\nresources.\"https://a.com/mcp\" = {}";
    let resource = "/.well-known/oauth-protected-resource/mcp";
    let keys = "/.well-known/portcullis/jwks.json";
    let mcp = "{ path = \"/mcp\", audience = \"https://a.com/mcp\" }".to_owned();
    let of = |route: String| kinds(assertion, &[mcp.clone(), route]);
    let none: [&str; 0] = [];
    for (route, expected) in [
        (deny(keys, ""), &["unreachable"][..]),
        (deny(keys, ", hosts = [\"b.com\"]"), &["unreachable"]),
        // At other hosts it is reached.
        (deny(resource, ""), &none),
        (public(keys, ""), &["unreachable"]),
        (deny(resource, ", hosts = [\"A.com\"]"), &["unreachable"]),
        (deny(resource, ", hosts = [\"b.com\"]"), &none),
        (deny("/.well-known/oauth-protected-resource/{x}", ""), &none),
        (deny("/.well-known/portcullis/{*x}", ""), &none),
    ] {
        assert_eq!(of(route.clone()), expected, "{route}");
    }
    assert_eq!(kinds("", &[deny(keys, "")]), none);
}

#[test]
fn only_an_origin_that_requests_go_to_is_told() {
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
fn an_origin_that_the_caller_names_is_told() {
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
        "[open-passthrough]: origin: any host that the caller names gets the request, the token with it",
        "2 | origin = \"passthrough\" | ^^^^^^^^^^^^^ |",
        "help: `hosts` on routes[1] and 1 more",
    ] {
        assert!(inherited.contains(words), "{inherited}");
    }
    let own = ", origin = \"https://o.com\"";
    assert!(!of_policy("", &[deny("/a", ""), token("/b", own)]).contains("open-passthrough"));
    let kept = of_policy("identity.forward_token = false", &[token("/b", "")]);
    assert!(kept.contains("gets the request, the identity with it"), "{kept}");
    // With a secret it is no policy at all.
    let secret = of_policy("identity.secret.binding = \"S\"", &[token("/b", ""), token("/c", &at_home)]);
    let error = "error: routes[0].hosts: is required: with the origin passthrough the caller would choose who learns identity.secret";
    assert!(secret.contains(error) && secret.contains("------------- origin"), "{secret}");
    assert!(!secret.contains("open-passthrough") && secret.contains("1 error"), "{secret}");
}

#[test]
fn a_cache_in_front_of_the_gate_is_told() {
    let policy = "version = 1\nroutes = [{ path = \"/\", access = \"deny\" }]\n";
    let of = |more: &str| check("worker.toml", format!("[vars.POLICY]\n{policy}{more}")).out;
    let told = |more: &str| of(more).matches("[worker-cache]").count();
    for (more, count) in [
        ("[cache]\nenabled = true\n", 1),
        ("[cache]\nenabled = false\n", 0),
        ("[cache]\nenabled = true\n[exports.default]\ntype = \"worker\"\ncache.enabled = false\n", 0),
        ("[exports.default]\ntype = \"worker\"\ncache.enabled = true\n", 1),
        ("[exports.Other]\ntype = \"worker\"\ncache.enabled = true\n", 0),
    ] {
        assert_eq!(told(more), count, "{more}");
    }
    let run = of("[cache]\nenabled = true\n");
    assert!(run.contains("5 | enabled = true\n  |           ^^^^\n"), "{run}");
    // Environments inherit it, unless they have their own.
    let staging = format!("[env.staging.vars.POLICY]\n{policy}");
    assert_eq!(told(&format!("{staging}[cache]\nenabled = true\n")), 2);
    assert_eq!(told(&format!("{staging}[env.staging.cache]\nenabled = true\n")), 1);
    assert_eq!(told(&format!("{staging}[env.staging.cache]\nenabled = false\n[cache]\nenabled = true\n")), 1);
}

#[test]
fn pages_that_anyone_can_be_are_told() {
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
fn what_is_meant_is_no_warning() {
    for routes in [
        // An exception for one path.
        "[[routes]]\npath = \"/a/{*rest}\"\naudience = \"x\"\n[[routes]]\npath = \"/a/login\"\naccess = \"public\"",
        "[[routes]]\npath = \"/{org}\"\naudience = \"urn:logto:organization:{org}\"",
        "[[routes]]\npath = \"/{tenant}\"\naudience = \"x\"\norganization = \"{tenant}\"",
        "[[routes]]\npath = \"/a\"\naudience = \"x\"\nscopes = [\"v1:read\", \"v2:read\", \"plan:a\", \"plan:b\"]",
        "[[routes]]\npath = \"/a\"\naudience = \"x\"\nmethods = [\"PROPFIND\", \"QUERY\"]",
        "[[routes]]\npath = \"/a\"\naudience = \"x\"\n[[routes]]\npath = \"/a\"\nmethods = [\"GET\"]\naudience = \"x\"",
        "[[routes]]\npath = \"/a\"\naccess = \"optional\"\naudience = \"x\"",
    ] {
        let policy =
            format!("version = 1\norigin = \"https://o.com\"\n[issuers.a]\nissuer = \"https://a.com\"\n{routes}\n");
        assert_eq!(check("meant.toml", policy), fine("meant.toml"), "{routes}");
    }
}

#[test]
fn each_environment_has_its_own_policy() {
    let folder = Folder::new("environments");
    let route = |access| {
        format!("POLICY = '{{\"version\": 1, \"routes\": [{{\"path\": \"/\", \"access\": \"{access}\"}}]}}'\n")
    };
    let (good, bad) = (route("deny"), route("dney"));
    let staging = "[env.staging.vars.POLICY]\nversion = 2\nroutes = [{path = \"/\", access = \"deny\"}]\n";
    folder.write("wrangler.toml", format!("name = \"x\"\n[vars]\n{good}{staging}[env.qa.vars]\n{bad}[env.dev]\n"));
    let run = folder.run(&["check"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot_narrow("check/environments.txt", &run.out);
    let of = |name| folder.run(&["check", "--env", name]);
    assert_eq!(of("qa").out.matches("error: env.qa: routes[0].access").count(), 1);
    assert!(!of("qa").out.contains("staging"));
    let run = of("prod");
    let message = "error: wrangler.toml holds no policy for the environment \"prod\"\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(2), "", message));
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
    assert!(
        large.contains("warning[too-large]: the policy has 5514 bytes; a variable of a Worker takes 5120"),
        "{large}"
    );
    assert!(large.contains("1 | [vars.POLICY]\n  |       ^^^^^^\n"), "{large}");
    let staging = "[env.staging]\nkv_namespaces = [{binding = \"POLICY_KV\", id = \"1\"}]\n";
    assert_eq!(of(1, staging), "wrangler.toml: no problems\n");
    let staging = of(1, "[env.staging]\nname = \"x\"\n");
    assert!(staging.contains("environment-without-policy"), "{staging}");
}

#[test]
fn a_worker_without_its_store_or_with_open_secrets_is_told() {
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
fn a_file_that_cannot_be_read_is_no_finding() {
    let folder = Folder::new("unreadable");
    folder.write("latin1.toml", b"name = \"\xe9\"").write("worker.toml", "name = \"x\"\nmain = \"x.js\"\n");
    for (name, message) in [
        ("absent.toml", "error: cannot read absent.toml: No such file or directory (os error 2)\n"),
        ("latin1.toml", "error: latin1.toml is not UTF-8: byte 8 begins no character\n"),
        ("worker.toml", "error: worker.toml holds no policy: expected the table [vars.POLICY]\n"),
        (".", "error: cannot read .: Is a directory (os error 21)\n"),
    ] {
        let run = folder.run(&["check", name]);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(2), "", message));
    }
    assert_eq!(folder.run(&["chekc"]).code, Some(2));
    assert_eq!(folder.run(&["check", "--format", "xml"]).code, Some(2));
}

#[test]
fn syntax_errors_are_underlined_too() {
    let mut all = String::new();
    for (name, text) in [
        ("unclosed.toml", "version = 1\nroutes = [\n  {path = \"/\"},\n"),
        ("twice.toml", "version = 1\nversion = 1\n[a\nb = = 1\n"),
        ("comma.json", "{\n  \"version\": 1,\n  \"routes\": [],\n}\n"),
        ("twice.json", "{\"version\": 1,\n \"routes\": [{\"path\": \"/\", \"path\": \"/\"}], \"version\": 1}"),
        ("comment.json", "{\"version\": 1} // ours\n"),
        ("tab.json", "{\"version\": 1, \"origin\": \"a\tb\"}"),
        ("tab.jsonc", "{\"vars\": {\"X\": 1,},\n \"env\": \"é\tb\"} // ours\n"),
        ("policy.json", "{\"version\": 1,} // not wrangler's\n"),
        ("surrogate.json", "{\"version\": 1, \"origin\": \"\\ud800\"}"),
        ("indent.yaml", "version: 1\nroutes:\n  - path: /\n   access: deny\n"),
        ("twice.yaml", "version: 1\nversion: 1\n"),
        ("two.yaml", "version: 1\n---\nversion: 1\n"),
        ("key.yaml", "? [a, b]\n: 1\n"),
        ("string.toml", "[vars]\nPOLICY = '{\"version\": 1, \"routes\": }'\n"),
        ("escaped.toml", "[vars]\nPOLICY = \"{\\\"version\\\": 1, \\\"routes\\\": }\"\n"),
        (
            "foreign.toml",
            "version = 1\nroutes = [{path = 2026-11-01, timeout_ms = inf, name = 99999999999999999999}]\n",
        ),
        ("foreign.yaml", "version: .nan\nroutes: []\n"),
        ("empty.toml", ""),
        ("empty.json", ""),
        ("empty.yaml", "# nothing\n"),
    ] {
        all.push_str(&findings(name, text));
        all.push('\n');
    }
    snapshot_narrow("check/syntax.txt", &all);
}

#[test]
fn a_key_of_a_worker_that_is_there_twice_is_an_error() {
    let policy = |access| format!(r#"{{"version": 1, "routes": [{{"path": "/", "access": "{access}"}}]}}"#);
    let (closed, open) = (policy("deny"), policy("public"));
    let mut all = String::new();
    for (name, text) in [
        // wrangler, as `JSON.parse`, takes the last of both.
        ("wrangler.json", format!(r#"{{"vars": {{"POLICY": {closed}, "POLICY": {open}}}}}"#)),
        ("wrangler.jsonc", format!(r#"{{"vars": {{"POLICY": {closed}}}, /**/ "vars": {{"POLICY": {open}}}}}"#)),
        ("wrangler.yaml", format!("vars: {{POLICY: {closed}}}\nenv: {{a: {{vars: {{X: 1, X: 2}}}}}}\n")),
        ("wrangler.toml", format!("[vars]\nPOLICY = '{closed}'\nPOLICY = '{open}'\n")),
    ] {
        all.push_str(&findings(name, text));
        all.push('\n');
    }
    snapshot_narrow("check/twice.txt", &all);
}

#[test]
fn a_value_that_json_lacks_hides_no_other_error() {
    let toml = "version = 1\norign = 1979-05-27\n[[routes]]\npath = \"a\"\nacces = \"deny\"\ntimeout_ms = 2020-01-01\nname = inf\n";
    let json = r#"{"version": 1, "version": 2, "routes": [{"path": "a", "access": "deny", "access": "dney", "timeout_ms": 1}], "x": 1}"#;
    let mut all = findings("foreign.toml", toml);
    all.push_str(&findings("twice.json", json));
    snapshot_narrow("check/foreign.txt", &all);
    let folder = Folder::new("foreign-places");
    let run = folder.write("policy.toml", toml).run(&["check", "policy.toml", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    let places: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["place"].as_str().unwrap()).collect();
    let of_route = ["routes[0].origin", "routes[0].path", "routes[0].acces", "routes[0].audience"];
    for place in ["orign", "routes[0].timeout_ms", "routes[0].name"].into_iter().chain(of_route) {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    assert_eq!(places.iter().filter(|place| **place == "routes[0].timeout_ms").count(), 1, "null is no second error");
}

#[test]
fn places_are_right_whatever_stands_around_them() {
    let mut all = String::new();
    for (name, text) in [
        ("bom.toml", "\u{feff}version = 2\nroutes = [{path = \"/\", access = \"deny\"}]\n"),
        ("bom.json", "\u{feff}{\"version\": 2, \"routes\": [{\"path\": \"/\", \"access\": \"deny\"}]}"),
        ("crlf.toml", "version = 1\r\n[[routes]]\r\npath = \"/\"\r\nacces = \"deny\"\r\naccess = \"deny\"\r\n"),
        ("tabs.toml", "version = 1\n[[routes]]\n\tpath\t=\t\"/\"\n\taccess\t=\t\"dney\"\n"),
        ("wide.json", "{\"version\": 1, \"routes\": [{\"path\": \"/名前\", \"access\": \"拒否\", \"文\": 1}]}"),
        ("wide.yaml", "version: 1\nroutes:\n  - {path: /名前é, access: dney, \"naïve\": 1}\n"),
        (
            "long.json",
            &format!(
                "{{\"version\": 1, \"routes\": [{{\"path\": \"/{}\", \"access\": \"deny\", \"x\": 1}}]}}",
                "é".repeat(300)
            ),
        ),
        (
            "escape.toml",
            "[vars]\nPOLICY = \"{\\\"version\\\": 2, \\\"routes\\\": [{\\\"path\\\": \\\"/\\\", \\\"access\\\": \\\"deny\\\"}]}\"\n",
        ),
        (
            "lines.toml",
            "[vars]\nPOLICY = '''\n{\n  \"version\": 2,\n  \"routes\": [{\"path\": \"/\", \"access\": \"deny\"}]\n}'''\n",
        ),
    ] {
        all.push_str(&findings(name, text));
        all.push('\n');
    }
    snapshot_narrow("check/places.txt", &all);
}

#[test]
fn deep_nesting_is_an_error_in_every_syntax() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    for (name, text) in [
        ("deep.json", format!("{open}{close}")),
        ("open.json", open.clone()),
        ("deep.toml", format!("a = {open}{close}")),
        ("deep.yaml", format!("{open}{close}")),
        ("blocks.yaml", (0..500).map(|level| format!("{}- \n", "  ".repeat(level))).collect()),
        ("tables.toml", format!("[{}]\n", vec!["a"; 100].join("."))),
        ("33.json", format!("{{\"version\": 1, \"routes\": {}1{}}}", "[".repeat(32), "]".repeat(32))),
    ] {
        let out = findings(name, text);
        assert!(["nested too deeply", "depth", "recurs"].iter().any(|word| out.contains(word)), "{name}: {out}");
    }
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert!(findings("bomb.yaml", text).contains("aliases make this document too large"));
}

#[test]
fn ten_thousand_routes_are_checked() {
    let route = |n: usize| {
        format!(
            "\n[[routes]]\npath = \"/r{n}/{{id}}\"\naudience = \"https://api.example.com\"\nscopes = [\"scope{n}:read\"]\n"
        )
    };
    let policy: String = std::iter::once(GOOD.to_owned()).chain((0..10_000).map(route)).collect();
    assert_eq!(check("huge.toml", &policy), fine("huge.toml"));
    // A finding in each of them, and each found in its line.
    let out = findings("huge.toml", policy.replace("scopes = ", "scope = "));
    assert_eq!(out.matches("did you mean `scopes`?").count(), 10_000);
    assert!(out.contains(":50008:1\n") && out.ends_with("huge.toml: 10000 errors\n"));
}

#[test]
fn of_a_long_line_only_what_is_near_is_looked_at() {
    let routes = vec![r#"{"path": "/é", "acces": "deny"}"#; 300].join(", ");
    let policy = format!(r#"{{"version": 1, "routes": [{routes}]}}"#);
    let out = findings("line.json", &policy);
    for place in ["--> line.json:1:42", "--> line.json:1:9909", "--> line.json:1:9903", "::: line.json:1:36"] {
        assert!(out.contains(&format!(" {place}\n")), "{place}: {out}");
    }
    let last = out.split("\n\n").filter(|finding| finding.contains(":::")).last().unwrap();
    snapshot_narrow("check/line.txt", last);
    let coloured = Folder::new("line").write("line.json", policy).run(&["check", "line.json", "--color", "always"]).out;
    assert!(coloured.contains("line.json:1:9909"), "{coloured}");
}

#[test]
fn a_name_or_a_key_moves_no_cursor() {
    let text = "[env.\"x\\u001b\".vars]\nPOLICY = \"{\"\n";
    for name in ["a\u{1b}[2J.toml", "b\n::error::.toml"] {
        let out = findings(name, text);
        assert!(!out.contains('\u{1b}') && !out.contains("\n::error"), "{out:?}");
    }
}

#[test]
fn a_text_that_looks_like_a_place_does_not_move_it() {
    let text =
        format!(r#"{{"version":1,"origin":"https://o","x":"{}","--> c2.json:1:513":1,"routes":[]}}"#, "y".repeat(700));
    let column = text.find("\"--> c2").unwrap() + 1;
    let folder = Folder::new("column");
    folder.write("c2.json", &text);
    let coloured = folder.run(&["check", "--color", "always", "c2.json"]).out;
    assert!(coloured.contains(&format!("c2.json:1:{column}\n")), "{coloured}");
    let out = folder.run(&["check", "c2.json"]).out;
    assert!(out.contains(&format!(" --> c2.json:1:{column}\n")), "{out}");
    assert!(out.contains("--> c2.json:1:513\""), "{out}");
}

#[test]
fn annotations_hold_no_control_characters() {
    let folder = Folder::new("escape");
    folder.write("\u{1b}[31m.toml", "version = 2\n");
    let out = folder.run(&["check", "--format", "github", "\u{1b}[31m.toml"]).out;
    assert!(out.starts_with("::error file=\\u{1b}[31m.toml,"), "{out}");
}
