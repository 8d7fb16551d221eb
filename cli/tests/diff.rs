//! `portcullis diff`.

use serde_json::Value;

use crate::tool::{Folder, Run, snapshot, snapshot_narrow};

const OLD: &str = include_str!("policies/diff-old.toml");
const NEW: &str = include_str!("policies/diff-new.toml");

fn folder() -> Folder {
    let folder = Folder::new("diff");
    folder.write("old.toml", OLD).write("new.toml", NEW);
    folder
}

/// The differences of two policies with these routes, each in one line.
fn differences(old: &str, new: &str) -> Vec<String> {
    let policy = |routes: &str| {
        format!(
            "{{version: 1, origin: 'https://o.com', issuers: {{i: {{issuer: 'https://i.com'}}}}, routes: [{routes}]}}"
        )
    };
    differences_of(&policy(old), &policy(new))
}

/// The differences of two policies in YAML, each in one line.
fn differences_of(old: &str, new: &str) -> Vec<String> {
    let folder = Folder::new("differences");
    folder.write("old.yaml", old).write("new.yaml", new);
    let run = folder.run(&["diff", "old.yaml", "new.yaml", "--format", "json"]);
    assert_eq!(run.err, "");
    let entries: Vec<Value> = serde_json::from_str(&run.out).unwrap();
    assert_eq!(run.code, Some(i32::from(!entries.is_empty())));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().map(|items| items.iter().map(text).collect::<Vec<_>>().join(" "));
    let group = |group: &Value| {
        let methods = list(&group["methods"]).unwrap_or_else(|| "*".to_owned());
        let except = list(&group["other_than"]).map(|methods| format!(" but {methods}")).unwrap_or_default();
        let spelling = ["in_other_case", "has_encoded_slash"].iter().filter(|key| group[**key] == Value::Bool(true));
        let spelling: String = spelling.map(|key| format!(" {key}")).collect();
        format!("{methods}{except} {}{}{spelling}", text(&group["host"]), text(&group["path"]))
    };
    let entry = |entry: &Value| {
        let changes = entry["changes"].as_array().unwrap().iter();
        let changes = changes
            .map(|change| format!("{}: {} -> {}", text(&change["aspect"]), text(&change["old"]), text(&change["new"])));
        let groups: Vec<String> = entry["requests"].as_array().unwrap().iter().map(group).collect();
        let leaning = match (entry["opens"] == Value::Bool(true), entry["closes"] == Value::Bool(true)) {
            (true, true) => "both",
            (true, false) => "opens",
            (false, true) => "closes",
            (false, false) => "neither",
        };
        format!("{leaning} | {} | {}", changes.collect::<Vec<_>>().join("; "), groups.join(", "))
    };
    entries.iter().map(entry).collect()
}

#[test]
fn shows_what_changes_and_for_which_requests() {
    let folder = folder();
    let run = folder.run(&["diff", "old.toml", "new.toml"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot_narrow("diff/human.txt", &run.out);
    let run = folder.run(&["diff", "old.toml", "new.toml", "--format", "json"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot("diff/differences.json", &run.out);
    let coloured = folder.run(&["diff", "old.toml", "new.toml", "--color", "always"]).out;
    assert!(coloured.contains("opens\u{1b}[0m"), "{coloured:?}");
}

#[test]
fn a_policy_does_not_differ_from_itself() {
    let folder = folder();
    let none = Run { code: Some(0), out: "no difference\n".to_owned(), err: String::new() };
    assert_eq!(folder.run(&["diff", "old.toml", "old.toml"]), none);
    assert_eq!(folder.run_with(&["diff", "-", "old.toml"], OLD), none);
    assert_eq!(folder.run_with(&["diff", "old.toml", "-"], OLD), none);
    let run = folder.run(&["diff", "old.toml", "old.toml", "--format", "json"]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "[]\n"));
}

#[test]
fn configurations_are_read_as_check_reads_them() {
    let folder = folder();
    let route = |access: &str| format!("routes = [{{ path = \"/\", access = \"{access}\" }}]\n");
    let policy = |env: &str, access: &str| {
        format!("[{env}vars.POLICY]\nversion = 1\norigin = \"https://o.com\"\n{}", route(access))
    };
    folder.write("wrangler.toml", policy("", "deny") + &policy("env.staging.", "public"));
    folder.write("deny.toml", format!("version = 1\n{}", route("deny")));
    assert_eq!(folder.run(&["diff", "deny.toml", "wrangler.toml"]).code, Some(0));
    let other = policy("", "public") + &policy("env.staging.", "public");
    folder.write("second.toml", format!("main = \"x.js\"\n{other}"));
    let run = folder.run(&["diff", "wrangler.toml", "second.toml", "--env", "staging"]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "no difference\n"));
}

#[test]
fn a_policy_that_cannot_be_used_is_named() {
    let folder = folder();
    folder.write("bad.toml", NEW.replace("version = 1", "version = 2"));
    let run = folder.run(&["diff", "old.toml", "bad.toml"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    assert!(run.err.starts_with("error: version: expected"), "{}", run.err);
    assert!(run.err.contains("the new policy, bad.toml, cannot be used"), "{}", run.err);
    assert!(!run.err.contains("the old policy"), "{}", run.err);
    let run = folder.run(&["diff", "bad.toml", "none.toml"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("the old policy, bad.toml,"), "{}", run.err);
    assert!(run.err.contains("none.toml"), "{}", run.err);
    assert_eq!(folder.run(&["diff", "-", "-"]).code, Some(2));
    assert_eq!(folder.run(&["diff", "old.toml"]).code, Some(2));
}

#[test]
fn a_route_within_another_takes_its_requests() {
    let all = "{path: '/{*rest}', access: public}";
    assert_eq!(
        differences(all, &format!("{all}, {{path: /admin, methods: [GET], access: deny}}")),
        [
            "closes | outcome: public -> refused (400, ambiguous path) | * /admin in_other_case",
            "closes | outcome: public -> refused (403, denied) | GET HEAD /admin",
            "closes | outcome: public -> refused (405, only for other methods) | * but GET HEAD /admin",
        ]
    );
}

#[test]
fn captures_are_compared_by_their_place() {
    let route = |path: &str, organization: &str| {
        format!("{{path: '{path}', audience: 'urn:{organization}', organization: '{organization}'}}")
    };
    let old = route("/orgs/{org}/data", "{org}");
    assert_eq!(differences(&old, &route("/orgs/{o}/data", "{o}")), [""; 0]);
    let acme = format!("{old}, {}", route("/orgs/acme/data", "acme"));
    let spelled = "in_other_case";
    let found = differences(&old, &acme);
    assert!(found.iter().all(|entry| entry.contains(spelled)), "{found:?}");
    let found = differences(&old, &format!("{old}, {}", route("/orgs/acme/data", "globex")));
    assert!(found.iter().any(|entry| entry.starts_with("both | audience: urn:{org} -> urn:globex")), "{found:?}");
}

#[test]
fn scopes_are_compared_by_which_tokens_have_them() {
    let route = |scopes: &str| format!("{{path: /, audience: u, scopes: {scopes}}}");
    let leaning = |old: &str, new: &str| {
        let found = differences(&route(old), &route(new));
        found.first().map(|entry| entry.split(' ').next().unwrap().to_owned())
    };
    for (old, new, expected) in [
        ("[a, b]", "[b, a]", None),
        ("[a]", "{any: [a]}", None),
        ("[a]", "{all: [a], any: [a, b]}", None),
        ("[a]", "[a, b]", Some("closes")),
        ("[a, b]", "[a]", Some("opens")),
        ("[a]", "{any: [a, b]}", Some("opens")),
        ("{any: [a, b]}", "{any: [b, c]}", Some("opens and closes")),
        ("[a]", "[b]", Some("opens and closes")),
    ] {
        let expected = expected.map(|text| if text.contains("and") { "both" } else { text }.to_owned());
        assert_eq!(leaning(old, new), expected, "{old} {new}");
    }
}

#[test]
fn where_the_status_and_a_route_change_places_which_tokens_pass_is_unclear() {
    let policy = |status: &str, access: &str| {
        format!(
            "{{version: 1, origin: 'https://o.com', issuers: {{i: {{issuer: 'https://i.com'}}}}, {status}routes: [{{path: '/{{*r}}', {access}}}]}}"
        )
    };
    let status = "status: {audience: st, scopes: [s]}, ";
    for (access, leaning) in [
        ("audience: x", "both"),
        ("access: optional, audience: x", "both"),
        ("access: public", "closes"),
        ("access: deny", "opens"),
    ] {
        let found = differences_of(&policy("", access), &policy(status, access));
        let of_status = found.iter().find(|entry| entry.contains("GET HEAD /.well-known/portcullis/status"));
        assert!(of_status.unwrap().starts_with(leaning), "{access}: {found:?}");
    }
    let found = differences_of(&policy(status, "audience: x"), &policy("", "audience: x"));
    assert!(found.iter().any(|entry| entry.starts_with("both")), "{found:?}");
}

#[test]
fn what_only_forwarding_changes_neither_opens_nor_closes() {
    let route = |rest: &str| format!("{{path: /, access: public{rest}}}");
    assert_eq!(
        differences(&route(""), &route(", origin: 'https://p.com', timeout_ms: 5")),
        ["neither | origin: https://o.com -> https://p.com; timeout: none -> 5 ms | * /"]
    );
}

#[test]
fn settings_of_issuers_and_of_the_policy_are_compared_wherever_they_count() {
    let policy = |issuers: &str, more: &str| {
        let routes = "{path: /a, audience: u}, {path: /b, access: public}, {path: /c, access: deny}";
        format!("{{version: 1, origin: 'https://o.com', issuers: {{{issuers}}}, routes: [{routes}]{more}}}")
    };
    let issuer = |more: &str| format!("i: {{issuer: 'https://i.com'{more}}}");
    let tenants = |tenants: &str| {
        format!("i: {{issuer: 'https://i.com/{{tenant}}', jwks_uri: 'https://i.com/k', tenants: [{tenants}]}}")
    };
    for (old, new, expected) in [
        (issuer(""), issuer(", jwks_ttl: 60, timeout_ms: 100"), None),
        (issuer(""), issuer("").replace("i: {", "renamed: {"), None),
        (issuer(", algorithms: [RS256, ES256]"), issuer(", algorithms: [ES256, RS256]"), None),
        (issuer(""), issuer(", leeway: 60"), Some("opens | leeway of https://i.com: 30 s -> 60 s | * /a")),
        (issuer(", max_age: 60"), issuer(""), Some("opens | max_age of https://i.com: 60 s -> any | * /a")),
        (
            issuer(", algorithms: [RS256, ES256]"),
            issuer(", algorithms: [ES256]"),
            Some("closes | algorithms of https://i.com: ES256, RS256 -> ES256 | * /a"),
        ),
        (
            issuer(", types: [jwt]"),
            issuer(", types: [at+jwt]"),
            Some("both | types of https://i.com: jwt -> at+jwt | * /a"),
        ),
        (
            issuer(""),
            issuer(", jwks_uri: 'https://i.com/keys'"),
            Some(
                "both | keys of https://i.com: https://i.com/.well-known/openid-configuration -> https://i.com/keys | * /a",
            ),
        ),
        (
            issuer(""),
            issuer(", bound_tokens: ignore"),
            Some("opens | bound_tokens of https://i.com: refuse -> ignore | * /a"),
        ),
        (
            issuer(""),
            issuer(", scope_claim: roles"),
            Some("both | scope_claim of https://i.com: scope, else scp -> roles | * /a"),
        ),
        (
            issuer(""),
            issuer("") + ", j: {issuer: 'https://j.com'}",
            Some("opens | issuer: https://i.com -> https://i.com or https://j.com | * /a"),
        ),
        (tenants("a"), tenants("a, b"), Some("opens | tenants of https://i.com/{tenant}: 1 -> 2 | * /a")),
    ] {
        let found = differences_of(&policy(&old, ""), &policy(&new, ""));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{old} {new}");
    }
    let found = |more: &str| differences_of(&policy(&issuer(""), ""), &policy(&issuer(""), more));
    assert_eq!(
        found(", limits: {max_token_bytes: 300}"),
        ["closes | maximum size of tokens: 8192 bytes -> 300 bytes | * /a"]
    );
    assert_eq!(
        found(", identity: {forward_token: false}"),
        ["neither | the caller's token: forwarded -> removed | * /a, * /b"]
    );
    assert_eq!(
        found(", identity: {payload_header: true}"),
        ["neither | header with all claims: none -> x-auth-claims | * /a"]
    );
    let documents = found(", identity: {assertion: {issuer: 'https://g.com', keys: [K]}}");
    assert!(
        documents
            .iter()
            .any(|entry| entry.starts_with("opens") && entry.ends_with("| GET HEAD /.well-known/portcullis/jwks.json")),
        "{documents:?}"
    );
}

#[test]
fn hosts_and_methods_are_told_apart() {
    let old = "{path: '/{*rest}', hosts: ['{tenant}.x.com', 'y.com'], audience: u}";
    let found =
        differences(old, &format!("{old}, {{path: /admin, hosts: [api.x.com], methods: [POST], access: public}}"));
    let opens = "opens | outcome: open to tokens of https://i.com for u -> public; cache: not allowed -> allowed | POST api.x.com/admin";
    assert_eq!(found[0], opens, "{found:?}");
    assert!(
        found.iter().any(|entry| entry.starts_with("closes") && entry.ends_with("| * but POST api.x.com/admin")),
        "{found:?}"
    );
    assert_eq!(found.len(), 3, "{found:?}");
}
