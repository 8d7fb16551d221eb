//! What `portcullis check` sees and a person does not, and what it must not say.

use serde_json::Value;

use crate::check::{check, deny, kinds, public, token, told};
use crate::tool::{ROOT, command, run, snapshot_narrow};

const NONE: [&str; 0] = [];

fn optional(path: &str, more: &str) -> String {
    token(path, &format!(", access = \"optional\"{more}"))
}

/// Kind and place of each finding.
fn places(keys: &str, routes: &[String]) -> Vec<(String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    told(keys, routes).iter().map(|finding| (text(finding, "rule"), text(finding, "place"))).collect()
}

fn place(kind: &str, place: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), place.to_owned())]
}

#[test]
fn what_a_person_cannot_see_is_shown() {
    let run = check("unseen.toml", include_str!("policies/unseen.toml"));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    snapshot_narrow("check/unseen.txt", &run.out);
}

#[test]
fn the_notation_of_another_router_is_told_in_the_own_one() {
    for (path, meant) in [
        ("/admin/*", "did you mean `/admin/{*rest}`?"),
        ("/files/**", "did you mean `/files/{*rest}`?"),
        ("/users/:id", "did you mean `/users/{id}`?"),
        ("/users/:id?", "did you mean `/users/{id}`, and `/users` in a route of its own?"),
        ("/users/<int:id>", "did you mean `/users/{id}`?"),
        ("/docs/[...slug]", "did you mean `/docs/{*slug}`?"),
        ("/posts/$postId", "did you mean `/posts/{postId}`?"),
        ("/users/(.*)", "did you mean `/users/{*rest}`?"),
        ("/users$", "did you mean `/users`?"),
        ("/files/*.js", "captures are whole segments: `{name}` for one of them, `{*name}` at the end for the rest"),
    ] {
        for route in [token(path, ""), deny(path, "")] {
            let findings = told("", std::slice::from_ref(&route));
            assert_eq!(findings.len(), 1, "{route}: {findings:?}");
            assert_eq!((&findings[0]["rule"], &findings[0]["help"]), (&"foreign-pattern".into(), &meant.into()));
        }
    }
    for path in
        ["/a.b", "/@scope", "/$metadata", "/Patient/{id}/$everything", "/c++", "/users:batchGet", "/(a)", "/a|b"]
    {
        assert_eq!(kinds("", &[token(path, "")]), NONE, "{path}");
    }
    assert_eq!(kinds("", &[token("/o?x=1", "")]), ["query-in-path"]);
}

#[test]
fn what_the_reader_refuses_of_another_notation_is_told_in_the_own_one_too() {
    for (path, meant) in [
        ("/users/{id:[0-9]+}", ": {id} for "),
        ("/files/{path:path}", ": {*path} for "),
        ("/files/{proxy+}", ": {*proxy} for "),
        ("^/users$", "for any one segment write {name}, for the rest {*name}"),
        ("/users/%", "for any one segment write {name}, for the rest {*name}"),
        ("/users/\\\\d+", "for any one segment write {name}, for the rest {*name}"),
    ] {
        let findings = told("", &[token(path, "")]);
        let message = findings[0]["message"].as_str().unwrap();
        assert!(findings[0]["rule"] == "policy" && message.contains(meant), "{path}: {message}");
    }
}

#[test]
fn what_stands_open_at_the_root_of_a_guarded_tree_is_told() {
    let opening = |routes: [String; 2]| kinds("", &routes);
    for (root, kind) in [("/admin", "public-opening"), ("/admin/", "public-opening")] {
        assert_eq!(opening([token("/admin/{*rest}", ""), public(root, "")]), [kind]);
        assert_eq!(opening([token("/admin/{*rest}", ""), optional(root, "")]), [kind]);
        assert_eq!(opening([deny("/admin/{*rest}", ""), public(root, "")]), ["deny-opened"]);
        assert_eq!(opening([deny("/admin/{*rest}", ""), optional(root, "")]), ["deny-opened"]);
        // A token is asked for all the same, or is no more asked for.
        assert_eq!(opening([deny("/admin/{*rest}", ""), token(root, "")]), ["root-opening"]);
        assert_eq!(opening([optional("/admin/{*rest}", ""), public(root, "")]), NONE);
        let scopes = ", scopes = [\"admin\"]";
        assert_eq!(opening([token("/admin/{*rest}", scopes), token(root, "")]), ["root-opening"]);
        assert_eq!(opening([token("/admin/{*rest}", scopes), token(root, scopes)]), NONE);
        assert_eq!(opening([token("/admin/{*rest}", ""), token(root, scopes)]), NONE);
        assert_eq!(opening([token("/admin/{*rest}", scopes), token("/admin/login", "")]), NONE);
    }
    assert_eq!(opening([token("/{a}/{*rest}", ""), public("/{b}", "")]), ["public-opening"]);
    assert_eq!(opening([deny("/{a}/{*rest}", ""), public("/{b}", "")]), ["deny-opened"]);
    // The home page is seen, and so is one path within a tree. A tree takes its root before a capture does.
    assert_eq!(opening([token("/{*rest}", ""), public("/", "")]), NONE);
    assert_eq!(opening([token("/admin/{*rest}", ""), public("/admin/login", "")]), NONE);
    assert_eq!(opening([token("/admin/{*rest}", ""), public("/{page}", "")]), ["public-alone"]);
}

#[test]
fn callers_without_a_token_are_told_as_everyone_is() {
    for (routes, kind) in [
        ([deny("/s/{*r}", ""), optional("/s/x", "")], "deny-opened"),
        ([token("/s/{*r}", ""), optional("/s/{x}", "")], "public-opening"),
        ([token("/s/{*r}", ""), optional("/s/x", "")], ""),
        ([optional("/s/{*r}", ""), public("/s/{x}", "")], ""),
        ([token("/a", ""), optional("/b", "")], ""),
        ([deny("/{*r}", ""), token("/b", "")], ""),
    ] {
        let expected: Vec<&str> = if kind.is_empty() { Vec::new() } else { vec![kind] };
        assert_eq!(kinds("", &routes), expected, "{routes:?}");
    }
}

#[test]
fn methods_that_a_stricter_route_leaves_are_told() {
    let methods = |names: &[&str]| format!(", methods = {names:?}");
    let (get, post, head) = (methods(&["GET"]), methods(&["POST"]), methods(&["HEAD"]));
    let scopes = ", scopes = [\"read:x\"]";
    for (stricter, open, left) in [
        (deny("/x", &get), public("/x", ""), "POST, PUT, PATCH, DELETE"),
        (token("/x/{a}", &get), public("/x/{b}", ""), "POST, PUT, PATCH, DELETE"),
        (token("/x", &post), public("/x/", ""), "PUT, PATCH, DELETE"),
        (token("/x", &post), optional("/x", ""), "PUT, PATCH, DELETE"),
        (deny("/x", &methods(&["POST", "PUT"])), public("/x", ""), "PATCH, DELETE"),
        (token("/x", &format!("{get}{scopes}")), token("/x", ""), "POST, PUT, PATCH, DELETE"),
        (token("/x", &format!("{post}{scopes}")), token("/x", ""), "PUT, PATCH, DELETE"),
        (
            token("/x", &format!("{get}, hosts = [\"a.com\", \"b.com\"]")),
            public("/x", ", hosts = [\"b.com\"]"),
            "POST, PUT, PATCH, DELETE",
        ),
        (token("/x", &get), public("/x", &head), "HEAD"),
        (token("/x", ""), public("/x", &head), "HEAD"),
        (deny("/x", &get), optional("/x", &head), "HEAD"),
    ] {
        let routes = [stricter, open];
        let findings = told("", &routes);
        assert_eq!(findings.len(), 1, "{routes:?}: {findings:?}");
        assert_eq!((&findings[0]["rule"], &findings[0]["place"]), (&"method-opening".into(), &"routes[1]".into()));
        let message = findings[0]["message"].as_str().unwrap();
        assert!(message.contains(&format!("takes {left}, and asks")), "{routes:?}: {message}");
    }
    let (get, reads) = (get.as_str(), methods(&["GET", "HEAD"]));
    for routes in [
        // What changes something asks for more, and all of it does.
        [token("/x", &methods(&["POST", "PUT", "PATCH", "DELETE"])), public("/x", get)],
        [token("/x", &methods(&["POST"])), public("/x", get)],
        [token("/x", ""), public("/x", &reads)],
        [deny("/x", &methods(&["DELETE"])), token("/x", "")],
        [deny("/x", get), token("/x", "")],
        // Preflights, and those that are refused.
        [token("/x", get), public("/x", &methods(&["OPTIONS"]))],
        [deny("/x", &methods(&["OPTIONS"])), token("/x", "")],
        [deny("/x", &methods(&["PROPFIND"])), token("/x", "")],
        // Neither asks for less, other places, other hosts.
        [token("/x", get), token("/x", "")],
        [token("/x", &format!("{get}{scopes}")), token("/x", ", scopes = [\"write:x\"]")],
        [token("/x", get), token("/y", "")],
        [token("/x", &format!("{get}, hosts = [\"a.com\"]")), token("/x", ", hosts = [\"b.com\"]")],
    ] {
        assert!(!kinds("", &routes).contains(&"method-opening".to_owned()), "{routes:?}");
    }
    let all = [token("/x", &methods(&["POST", "PUT", "PATCH", "DELETE"])), public("/x", "")];
    assert!(!kinds("", &all).contains(&"method-opening".to_owned()), "everyone may read");
}

#[test]
fn a_path_that_is_a_stricter_one_but_for_case_is_told() {
    let get = ", methods = [\"GET\"]";
    for routes in [
        [deny("/Admin/{*rest}", ""), public("/admin/{*rest}", "")],
        [deny("/admin/{*rest}", ""), token("/Admin/{*rest}", "")],
        [token("/admin/{x}", ", scopes = [\"a\"]"), token("/ADMIN/{y}", "")],
        [token("/a/{x}/Users", ""), optional("/a/{y}/users", get)],
        [token("/Users", ", hosts = [\"a.com\"]"), public("/users", ", hosts = [\"a.com\", \"b.com\"]")],
    ] {
        assert_eq!(places("", &routes), place("similar-path", "routes[1]"), "{routes:?}");
        let found = places("paths.case = \"exact\"", &routes);
        assert!(found.contains(&place("similar-path", "routes[1]")[0]), "{routes:?}: {found:?}");
    }
    for routes in [
        // Two spellings of one rule.
        [token("/API/{*rest}", ""), token("/api/{*rest}", "")],
        [token("/admin", ", scopes = [\"a\"]"), token("/Admin", ", scopes = [\"b\"]")],
        // No request could be for both.
        [token("/Users/{id}", ""), token("/users/me", ", scopes = [\"a\"]")],
        [token("/admin", get), token("/Admin", ", methods = [\"POST\"], scopes = [\"a\"]")],
        [token("/admin", ", hosts = [\"a.com\"]"), token("/Admin", ", hosts = [\"b.com\"], scopes = [\"a\"]")],
        [token("/a/users", ""), token("/b/Users", ", scopes = [\"a\"]")],
        [token("/a/{Id}", ""), token("/a/{id}/b", ", scopes = [\"a\"]")],
    ] {
        assert_eq!(kinds("", &routes), NONE, "{routes:?}");
    }
    // What lies within a tree of another case lies within it.
    assert_eq!(kinds("", &[deny("/Admin/{*rest}", ""), public("/admin/x", "")]), ["deny-opened"]);
    assert_eq!(kinds("", &[token("/Admin/{*rest}", ""), public("/admin/x", "")]), NONE);
    assert_eq!(kinds("", &[token("/Admin/{*rest}", ""), public("/ADMIN", "")]), ["public-opening"]);
}

#[test]
fn where_case_counts_what_it_opens_is_told_once() {
    let exact = "paths.case = \"exact\"";
    let routes = [public("/{*rest}", ""), token("/api/{id}", ""), deny("/admin/{*rest}", ""), deny("/Ops/x", "")];
    let findings = told(exact, &routes);
    let cases: Vec<&Value> = findings.iter().filter(|finding| finding["rule"] == "case-opening").collect();
    assert_eq!(cases.len(), 1, "{findings:?}");
    assert_eq!((&cases[0]["severity"], &cases[0]["place"]), (&"note".into(), &"paths.case".into()));
    let message = cases[0]["message"].as_str().unwrap();
    assert!(message.starts_with("/ADMIN takes routes[0], which asks for less than routes[2]"), "{message}");
    for routes in [
        [token("/{*rest}", ""), deny("/a/Users", ", methods = [\"PURGE\"]")],
        [token("/{*rest}", ", hosts = [\"{t}.com\"]"), deny("/a/{x}", ", hosts = [\"{u}.com\"]")],
        [optional("/{*rest}", ""), token("/a/{x}", "")],
    ] {
        assert!(kinds(exact, &routes).contains(&"case-opening".to_owned()), "{routes:?}");
    }
    for (keys, routes) in [
        ("", routes.to_vec()),
        ("paths.case = \"refuse\"", routes.to_vec()),
        (exact, vec![token("/API/{*rest}", ""), token("/api/{*rest}", "")]),
        (exact, vec![public("/API/health", ""), deny("/api/users", "")]),
        (exact, vec![token("/api/{id}", ""), deny("/admin/{*rest}", "")]),
        (exact, vec![token("/{*rest}", ""), public("/docs/{*rest}", "")]),
        (exact, vec![public("/{*rest}", ""), deny("/123/{*rest}", "")]),
    ] {
        assert!(!kinds(keys, &routes).contains(&"case-opening".to_owned()), "{keys} {routes:?}");
    }
}

#[test]
fn an_organization_that_only_some_alternatives_compare_is_told() {
    let of = |capture: &str, checks: &str| {
        places(
            "",
            &[format!("{{ path = \"/orgs/{{{capture}}}/x\", {}}}", checks.replace("ORG", &format!("{{{capture}}}")))],
        )
    };
    let urn = "urn:logto:organization:ORG";
    for capture in ["org", "organization_id", "tenantId", "tenant-id"] {
        for (checks, at) in [
            (format!("audience = [\"https://api\", \"{urn}\"]"), "audience"),
            ("audience = \"x\", claims = { o = { any = [\"ORG\", \"user\"] } }".to_owned(), "claims.o.any"),
            (format!("audience = [\"{urn}\", \"x\"], access = \"optional\""), "audience"),
        ] {
            assert_eq!(of(capture, &checks), place("organization-alternative", &format!("routes[0].{at}")), "{checks}");
        }
        assert_eq!(of(capture, "audience = [\"x\", \"y\"]"), place("organization-unused", "routes[0].path"));
        for checks in [
            format!("audience = [\"{urn}\", \"https://api/ORG\"]"),
            format!("audience = [\"https://api\", \"{urn}\"], organization = \"ORG\""),
            format!("audience = [\"https://api\", \"{urn}\"], claims = {{ o = \"ORG\" }}"),
            "audience = \"x\", claims = { o = { any = [\"ORG\", \"user\"] }, p = { contains = \"ORG\" } }".to_owned(),
            "audience = \"x\", claims = { o = { any = [\"ORG\", \"org-ORG\"] } }".to_owned(),
        ] {
            assert_eq!(of(capture, &checks), [], "{checks}");
        }
    }
    // Whose data other captures are about is not known.
    assert_eq!(of("id", "audience = \"x\", claims = { sub = { any = [\"ORG\", \"admin\"] } }"), []);
}

#[test]
fn an_audience_that_the_caller_names_is_told() {
    let of = |audience: &str| places("", &[format!("{{ path = \"/{{service}}\", audience = {audience} }}")]);
    for audience in
        ["\"{header.x-aud}\"", "\"{query.aud}\"", "\"{header.x-aud}/api\"", "\"https://{header.x-host}/api\""]
    {
        assert_eq!(of(audience), place("caller-audience", "routes[0].audience"), "{audience}");
        assert_eq!(
            of(&format!("[\"x\", {audience}]")),
            place("caller-audience", "routes[0].audience[1]"),
            "{audience}"
        );
    }
    for audience in
        ["\"urn:logto:organization:{header.x-org}\"", "\"https://api.example.com/{query.x}\"", "\"{service}\"", "\"x\""]
    {
        assert_eq!(of(audience), [], "{audience}");
    }
}

#[test]
fn subjects_of_several_issuers_at_one_origin_are_told_once() {
    let two = "issuers.b = { issuer = \"https://b.com\" }";
    let of = |more: &str, routes: &[String]| {
        let findings = told(&format!("{two}\n{more}"), routes);
        findings.iter().filter(|finding| finding["rule"] == "shared-subjects").cloned().collect::<Vec<_>>()
    };
    let only = |issuer: &str| format!(", issuers = [\"{issuer}\"]");
    let own = ", origin = \"https://other.com\"";
    let found = of("", &[token("/a", ""), optional("/b", "")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["severity"], &found[0]["place"]), (&"note".into(), &"issuers".into()));
    assert_eq!(found[0]["help"], "compare `x-auth-issuer` beside `x-auth-subject`");
    let assertion = "identity = { prefix = \"x-id-\", assertion = { issuer = \"https://g.com\", keys = [\"K\"] } }";
    let found = of(assertion, &[token("/a", &only("a")), token("/b", &only("b"))]);
    assert!(found[0]["help"].as_str().unwrap().contains("`sub_id`"), "{found:?}");
    let found = of("identity.prefix = \"x-id-\"", &[token("/a", "")]);
    assert_eq!(found[0]["help"], "compare `x-id-issuer` beside `x-id-subject`");
    for routes in [
        [token("/a", &only("a")), token("/b", &format!("{}{own}", only("b")))],
        [token("/a", &only("a")), public("/b", "")],
        [token("/a", &only("a")), token("/b", &only("a"))],
    ] {
        assert_eq!(of("", &routes).len(), 0, "{routes:?}");
    }
}

#[test]
fn an_origin_that_no_deployed_worker_reaches_is_told() {
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
    let local = told("", &[token("/a", ", origin = \"http://localhost:1\"")]);
    assert_eq!(local[0]["severity"], "note", "`wrangler dev` reaches it");
}

#[test]
fn of_the_policies_that_the_project_shows_nothing_silly_is_said() {
    let root = std::path::Path::new(ROOT);
    let of = |name: &str, text: String| {
        let run =
            run(&mut command(&["check", "-", "--syntax", name.rsplit('.').next().unwrap(), "--format", "json"]), &text);
        let report: Value = serde_json::from_str(&run.out).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    for name in ["auth0", "cognito", "entra", "keycloak", "okta", "supabase"]
        .map(|name| format!("examples/policies/{name}.toml"))
    {
        let text = std::fs::read_to_string(root.join(&name)).unwrap();
        found.extend(of(&name, text).into_iter().map(|kind| (name.clone(), kind)));
    }
    found.extend(
        of("wrangler.toml", std::fs::read_to_string(root.join("wrangler.toml")).unwrap())
            .into_iter()
            .map(|kind| ("wrangler.toml".to_owned(), kind)),
    );
    let keys = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    for name in ["cors", "identity", "models", "paths", "routes", "templates", "tokens"]
        .map(|name| format!("tests/parity/{name}.json"))
    {
        let corpus: Value = serde_json::from_str(&std::fs::read_to_string(root.join(&name)).unwrap()).unwrap();
        let policy = corpus["policy"].to_string().replace("\"KEYS\"", keys).replace("\"OTHER_KEYS\"", keys);
        let kinds = of(&name, policy.replace("ORIGIN", "https://origin.example.com"));
        found.extend(kinds.into_iter().map(|kind| (name.clone(), kind)));
    }
    // Public routes alone, and tokens of any audience, are as the files say.
    found.retain(|(_, kind)| kind != "public-alone" && kind != "audience-unchecked");
    let shared = ["examples/policies/entra.toml", "tests/parity/tokens.json"];
    assert_eq!(found, shared.map(|name| (name.to_owned(), "shared-subjects".to_owned())));
}
