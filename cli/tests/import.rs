//! `portcullis import openapi`: what it writes for the documents of tests/openapi, to the letter.

use std::fs;

use portcullis::policy::{AccessKind, Policy};

use crate::tool::{ROOT, Run, command, snapshot};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/openapi");
const AUDIENCE: [&str; 2] = ["--audience", "https://api.example.com"];
const ISSUER: [&str; 2] = ["--issuer", "https://one.example.com"];

/// Runs the tool among the samples.
fn run(words: &[&str], input: &str) -> Run {
    crate::tool::run(command(&[&["import", "openapi"], words].concat()).current_dir(SAMPLES), input)
}

fn check(name: &str, words: &[&str], code: i32) {
    let run = run(words, "");
    assert_eq!(run.code, Some(code), "{}", run.err);
    snapshot(&format!("import/{name}.toml"), &run.out);
    snapshot(&format!("import/{name}.txt"), &run.err);
}

/// The policy that the tool writes in JSON; it must be one.
fn policy(words: &[&str]) -> (Policy, serde_json::Value) {
    let run = run(&[words, &["--format", "json"]].concat(), "");
    assert_eq!(run.code, Some(0), "{}", run.err);
    (Policy::parse(&run.out).unwrap(), serde_json::from_str(&run.out).unwrap())
}

#[test]
fn a_document_becomes_a_policy() {
    check("shop", &["shop.yaml", AUDIENCE[0], AUDIENCE[1]], 0);
}

#[test]
fn every_kind_of_security_is_said_or_reported() {
    let words =
        ["security.yaml", "--verbose", "--default-access", "deny", "--issuer", "bearer=https://two.example.com"];
    check("security", &[&words[..], &AUDIENCE, &ISSUER].concat(), 0);
}

#[test]
fn every_kind_of_path_is_said_or_reported() {
    check("paths", &[&["paths.yaml"][..], &AUDIENCE, &ISSUER].concat(), 0);
}

#[test]
fn servers_become_origin_base_path_and_hosts() {
    check("servers", &["servers.yaml"], 0);
    check("servers-hosts", &["servers.yaml", "--hosts"], 0);
    check("servers-strip", &["servers.yaml", "--strip-base", "--origin", "https://origin.internal"], 0);
    check("servers-other", &["servers.yaml", "--server", "https://api.example.com:8443/v2"], 0);
}

#[test]
fn a_swagger_document_is_imported_like_an_openapi_document() {
    let words = ["petstore.json", "--audience", "https://petstore.example.com", "--issuer", "https://auth.example.com"];
    check("petstore", &words, 0);
    let named = ["petstore.json", AUDIENCE[0], AUDIENCE[1], "--issuer", "session=https://login.example.com", "--hosts"];
    check("petstore-hosts", &[&named[..], &ISSUER].concat(), 0);
    let asked = run(&["petstore.json", AUDIENCE[0], AUDIENCE[1]], "");
    assert_eq!((asked.code, asked.out.as_str()), (Some(1), ""), "{}", asked.err);
    let err = asked.err.split_whitespace().collect::<Vec<_>>().join(" ");
    let hint = "its authorizationUrl is https://auth.example.com/oauth/authorize";
    assert!(err.contains("--issuer petstore_auth=URL is required") && err.contains(hint), "{err}");
}

#[test]
fn a_swagger_document_without_schemes_or_host_says_where_it_is_as_far_as_it_does() {
    let import = |address: &str, words: &[&str]| {
        let text = format!("swagger: '2.0'\n{address}\npaths: {{/a: {{get: {{security: []}}}}}}");
        run(&[&["-"], words].concat(), &text)
    };
    let assumed = import("host: api.example.com", &[]);
    assert!(assumed.out.contains("origin = \"https://api.example.com\""), "{}", assumed.out);
    assert!(
        assumed.err.contains("note: no `schemes`: the origin is assumed to have https\n  <stdin>:2 #/host"),
        "{}",
        assumed.err
    );
    let relative = import("basePath: /v1", &[]);
    assert_eq!(relative.code, Some(1), "{}", relative.err);
    assert!(relative.err.contains("--origin URL is required"), "{}", relative.err);
    let given = import("basePath: /v1", &["--origin", "https://o.example.com"]);
    assert!(given.out.contains("path = \"/v1/a\""), "{}", given.out);
    let empty = import("host: ''\nbasePath: /v1", &["--origin", "https://o.example.com"]);
    assert!(empty.out.contains("path = \"/v1/a\"") && !empty.err.contains("schemes"), "{}{}", empty.out, empty.err);
    let sockets = import("host: api.example.com\nschemes: [wss]", &[]);
    assert!(sockets.err.contains("--server URL is required"), "{}", sockets.err);
}

#[test]
fn what_the_document_does_not_say_is_asked_for() {
    check("needs", &["needs.json"], 1);
    let given = ["needs.json", "--origin", "https://o.example.com", "--default-access", "token"];
    check("needs-given", &[&given[..], &AUDIENCE, &ISSUER].concat(), 0);
}

#[test]
fn nothing_in_a_document_breaks_out_of_its_place() {
    check("hostile", &[&["hostile.yaml"][..], &AUDIENCE, &ISSUER].concat(), 0);
    let (policy, _) = policy(&[&["hostile.yaml"][..], &AUDIENCE, &ISSUER].concat());
    assert!(!policy.routes.iter().any(|route| route.access() == AccessKind::Public));
}

#[test]
fn all_formats_hold_the_same_policy() {
    let words = ["shop.yaml", AUDIENCE[0], AUDIENCE[1]];
    let (_, json) = policy(&words);
    let toml = |more: &[&str]| toml::from_str::<serde_json::Value>(&run(&[&words[..], more].concat(), "").out).unwrap();
    assert_eq!(toml(&[]), json);
    assert_eq!(toml(&["--wrangler"])["vars"]["POLICY"], json);
    let nested = run(&[&words[..], &["--wrangler", "--format", "json"]].concat(), "").out;
    let nested: serde_json::Value = serde_json::from_str(&nested).unwrap();
    assert_eq!(nested["vars"]["POLICY"], json);
}

#[test]
fn standard_input_is_read_whatever_its_syntax() {
    let yaml = fs::read_to_string(format!("{SAMPLES}/shop.yaml")).unwrap();
    let with_toml_in_it = format!("{yaml}x-note: |\n  key = 1\n");
    let expected = run(&["shop.yaml", AUDIENCE[0], AUDIENCE[1], "--format", "json"], "").out;
    for input in [&yaml, &with_toml_in_it] {
        assert_eq!(run(&["-", AUDIENCE[0], AUDIENCE[1], "--format", "json"], input).out, expected);
    }
    let needs = fs::read_to_string(format!("{SAMPLES}/needs.json")).unwrap();
    assert_eq!(run(&["-"], &needs).code, Some(1));
}

#[test]
fn what_is_no_document_is_refused() {
    let refused = |input: &str, part: &str| {
        let Run { code, out, err } = run(&["-"], input);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains(part), "{err}");
    };
    refused("", "found nothing");
    refused("{}", "found no `openapi`");
    refused("swagger: '1.2'", "found \"1.2\"");
    refused("swagger: '2.0'\nopenapi: 3.0.0", "found both");
    refused("swagger: '2.0'", "no operations");
    refused("swagger: 2.0\nhost: [a.com]\npaths: {/a: {get: {}}}", "`host` is a list, not a string");
    refused("swagger: 2.0\nsecurityDefinitions: {$ref: ./x.yaml}", "#/securityDefinitions refers to \"./x.yaml\"");
    refused("openapi: 3.2.0", "found \"3.2.0\"");
    refused("openapi: 4", "found \"4\"");
    refused("openapi: 3.1.0", "no operations");
    refused("openapi: 3.1.0\npaths: []", "no operations");
    refused("openapi: 3.1.0\npaths: {/a: {get: {}}, /a: {get: {}}}", "duplicate key");
    refused("openapi: 3.1.0\nb: &b {/b: {}}\npaths: {<<: *b, /a: {get: {}}}", "#/paths: merge keys");
    refused("openapi: 3.1.0\npaths: {$ref: ./paths.yaml}", "#/paths refers to \"./paths.yaml\"");
    refused("openapi: 3.1.0\n  paths", "error");
    refused("{\"openapi\": \"3.1.0\",}", "error");
}

#[test]
fn wrong_options_are_wrong_usage() {
    for (words, part) in [
        (
            &["shop.yaml", "--issuer", "lgoto=https://a.com"][..],
            "no security scheme \"lgoto\"; it has \"logto\", \"apiKey\"",
        ),
        (&["shop.yaml", "--issuer", "http://a.com"], "https"),
        (&["shop.yaml", "--issuer", "https://a.com", "--issuer", "https://b.com"], "only one"),
        (&["shop.yaml", "--origin", "a.com"], "expected http(s)://"),
        (&["shop.yaml", "--server", "/v1/../v2"], "cannot precede routes"),
        (&["shop.yaml", "--default-access", "open"], "possible values"),
        (&["missing.yaml"], "cannot read missing.yaml"),
        (&[], "<FILE>"),
    ] {
        let Run { code, err, .. } = run(words, "");
        let err = err.replace('\n', " ");
        assert_eq!(code, Some(2), "{words:?}: {err}");
        assert!(err.contains(part), "{words:?}: {err}");
    }
}

#[test]
fn an_audience_that_no_route_takes_is_a_finding() {
    let Run { code, out, err } = run(&["shop.yaml", "--audience", "{nowhere"], "");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("expected each { to have its }"), "{err}");
}

#[test]
fn the_guide_shows_what_the_tool_writes() {
    let guide = fs::read_to_string(format!("{ROOT}/docs/openapi.md")).unwrap();
    for path in
        ["tests/openapi/shop.yaml", "cli/tests/snapshots/import/shop.txt", "cli/tests/snapshots/import/shop.toml"]
    {
        let text = fs::read_to_string(format!("{ROOT}/{path}")).unwrap();
        assert!(guide.contains(&format!("\n{text}```\n")), "docs/openapi.md has not the text of {path}");
    }
}
