//! What `portcullis check` sees and a person does not, and what it must not say.

use serde_json::Value;

use crate::check::{GOOD, check, fine};
use crate::tool::{Folder, ROOT, command, run, snapshot_narrow};

pub(crate) const NONE: [&str; 0] = [];

/// The findings of a policy with these keys and routes.
pub(crate) fn findings_of(keys: &str, routes: &[String]) -> Vec<Value> {
    let folder = Folder::new("kinds");
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
    findings_of(keys, routes).iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
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

pub(crate) fn optional(path: &str, more: &str) -> String {
    token(path, &format!(", access = \"optional\"{more}"))
}

/// Kind and place of each finding.
pub(crate) fn places(keys: &str, routes: &[String]) -> Vec<(String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings_of(keys, routes).iter().map(|finding| (text(finding, "rule"), text(finding, "place"))).collect()
}

pub(crate) fn place(kind: &str, place: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), place.to_owned())]
}

#[test]
fn what_a_person_cannot_see_is_shown() {
    let run = check("unseen.toml", include_str!("policies/unseen.toml"));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    snapshot_narrow("check/unseen.txt", &run.out);
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
    assert!(beside.contains("is in the same list"), "{beside}");
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
fn the_notation_of_another_router_is_reported_in_the_own_one() {
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
            let findings = findings_of("", std::slice::from_ref(&route));
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
fn what_the_reader_refuses_of_another_notation_is_reported_in_the_own_one_too() {
    for (path, meant) in [
        ("/users/{id:[0-9]+}", ": {id} for "),
        ("/files/{path:path}", ": {*path} for "),
        ("/files/{proxy+}", ": {*proxy} for "),
        ("^/users$", "for any one segment write {name}, for the rest {*name}"),
        ("/users/%", "for any one segment write {name}, for the rest {*name}"),
        ("/users/\\\\d+", "for any one segment write {name}, for the rest {*name}"),
    ] {
        let findings = findings_of("", &[token(path, "")]);
        let message = findings[0]["message"].as_str().unwrap();
        assert!(findings[0]["rule"] == "policy" && message.contains(meant), "{path}: {message}");
    }
}

#[test]
fn an_organization_that_only_some_alternatives_compare_is_reported() {
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
            (
                "audience = \"x\", claims = [{ path = [\"a\"], is = 1 }, { path = [\"o\"], any = [\"u\", \"ORG\"] }]"
                    .to_owned(),
                "claims[1].any",
            ),
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
            "audience = \"x\", claims = { roles = { has = \"ORG\" } }".to_owned(),
            "audience = \"x\", claims = { roles = { contains = [\"member\", \"ORG\"] } }".to_owned(),
            "audience = \"x\", claims = [{ path = [\"o\", \"ORG\", \"roles\"], any = [\"admin\", \"owner\"] }]"
                .to_owned(),
            "audience = \"x\", claims = [{ path = [\"o\"], has = \"ORG\" }]".to_owned(),
        ] {
            assert_eq!(of(capture, &checks), [], "{checks}");
        }
    }
    // Whose data other captures are about is not known.
    assert_eq!(of("id", "audience = \"x\", claims = { sub = { any = [\"ORG\", \"admin\"] } }"), []);
}

#[test]
fn an_audience_that_the_caller_names_is_reported() {
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
fn subjects_of_several_issuers_at_one_origin_are_reported_once() {
    let two = "issuers.b = { issuer = \"https://b.com\" }";
    let of = |more: &str, routes: &[String]| {
        let findings = findings_of(&format!("{two}\n{more}"), routes);
        findings.iter().filter(|finding| finding["rule"] == "shared-subjects").cloned().collect::<Vec<_>>()
    };
    let only = |issuer: &str| format!(", issuers = [\"{issuer}\"]");
    let own = ", origin = \"https://other.com\"";
    let found = of("", &[token("/a", ""), optional("/b", "")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["severity"], &found[0]["place"]), (&"note".into(), &"issuers".into()));
    assert_eq!(found[0]["help"], "compare `x-auth-issuer` together with `x-auth-subject`");
    let assertion = "identity = { prefix = \"x-id-\", assertion = { issuer = \"https://g.com\", keys = [\"K\"] } }";
    let found = of(assertion, &[token("/a", &only("a")), token("/b", &only("b"))]);
    assert!(found[0]["help"].as_str().unwrap().contains("`sub_id`"), "{found:?}");
    let found = of("identity.prefix = \"x-id-\"", &[token("/a", "")]);
    assert_eq!(found[0]["help"], "compare `x-id-issuer` together with `x-id-subject`");
    for routes in [
        [token("/a", &only("a")), token("/b", &format!("{}{own}", only("b")))],
        [token("/a", &only("a")), public("/b", "")],
        [token("/a", &only("a")), token("/b", &only("a"))],
    ] {
        assert_eq!(of("", &routes).len(), 0, "{routes:?}");
    }
    let tenants = |values: &str| {
        let more = format!(
            "issuers.c = {{ issuer = \"https://c.com/{{tenant}}\", tenants = [{values}], jwks_uri = \"https://c.com\" }}"
        );
        of(&more, &[token("/a", &only("c")), public("/b", "")])
    };
    assert_eq!(tenants("\"x\""), [] as [serde_json::Value; 0]);
    let message = "an origin receives subjects of all tenants of c: two tenants can use the same one";
    assert_eq!(tenants("\"x\", \"y\"")[0]["message"], message);
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
    let folder = std::fs::read_dir(root.join("examples/policies")).unwrap();
    let mut examples: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    examples.sort();
    for name in examples.iter().map(|name| format!("examples/policies/{name}")) {
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
    // Public routes alone, tokens of any audience, and the id to fill in are as the files say.
    found.retain(|(_, kind)| !["public-alone", "audience-unchecked", "placeholder-id"].contains(&kind.as_str()));
    let shared = ["examples/policies/entra.toml", "tests/parity/tokens.json"];
    assert_eq!(found, shared.map(|name| (name.to_owned(), "shared-subjects".to_owned())));
}
