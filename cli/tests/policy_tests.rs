//! `portcullis test`.

use serde_json::{Value, json};

use crate::tool::{Folder, Run, command, run, snapshot};

pub(crate) const POLICY: &str = r#"
version = 1
origin = "https://origin.example.com/base"
[issuers.logto]
issuer = "https://tenant.logto.app/oidc"
max_age = 600
[[routes]]
path = "/api/{id}"
name = "things"
audience = "https://api.example.com"
scopes = ["read"]
[[routes]]
path = "/open"
access = "public"
cors = { origins = ["https://app.example.com"] }
[[routes]]
path = "/hook"
access = "optional"
audience = "*"
organization = "*"
"#;

/// A folder with the policy and a file of tests behind these lines.
pub(crate) fn folder(name: &str, tests: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("policy.toml", POLICY).write("policy.test.toml", format!("policy = \"policy.toml\"\n{tests}"));
    folder
}

/// Runs one test with these keys, at a URL that asks for a token for `https://api.example.com` with `read`.
pub(crate) fn one(keys: &str) -> (Run, Value) {
    let hash = keys.bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let folder = folder(&format!("test-one-{hash}"), &format!("[[tests]]\nname = \"it\"\n{keys}\n"));
    let run = folder.run(&["test", "--format", "json"]);
    let report = serde_json::from_str(&run.out).unwrap_or_default();
    (run, report)
}

pub(crate) fn passes(keys: &str) {
    let (run, _) = one(keys);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{keys}\n{}", run.out);
}

/// The test fails by exactly these mismatches: what, expected, found.
fn fails(keys: &str, mismatches: &[[&str; 3]]) {
    let (run, report) = one(keys);
    assert_eq!(run.code, Some(1), "{keys}\n{}{}", run.out, run.err);
    let expected =
        mismatches.iter().map(|[what, expected, found]| json!({"what": what, "expected": expected, "found": found}));
    assert_eq!(report["files"][0]["tests"][0]["mismatches"], Value::from_iter(expected), "{keys}");
}

const CALLER: &str =
    "url = \"/api/7\"\nclaims = { aud = \"https://api.example.com\", scope = \"read\", sub = \"u\" }\n";

#[test]
fn the_example_policy_passes_its_tests() {
    let run = run(&mut command(&["test"]), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    snapshot("test/passed.txt", &run.out);
}

#[test]
fn failures_are_shown_with_their_lines() {
    let tests = r#"
[[tests]]
name = "lets readers in"
url = "/api/7"
claims = { aud = "https://api.example.com", scope = "write" }
expect = { decision = "allow", headers = { x-auth-scopes = "write" } }

[[tests]]
name = "is open"
url = "/open"
expect = { decision = "allow" }

[[tests]]
name = "takes no one without a token"
url = "/api/7"
expect = { status = 403, code = "gate.denied" }
"#;
    let folder = folder("test-failures", tests);
    let run = folder.run(&["test"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot("test/failed.txt", &run.out);
    snapshot("test/failed.json", &folder.run(&["test", "policy.test.toml", "--format", "json"]).out);
    snapshot("test/failed.xml", &folder.run(&["test", "--format", "junit"]).out);
    snapshot("test/failed-coloured.txt", &folder.run(&["test", "--color", "always"]).out);
    assert_eq!(folder.run_in(&[("NO_COLOR", "1")], &["test"]), run);
}

#[test]
fn each_expectation_can_be_met_and_missed() {
    passes(&format!(
        "{CALLER}expect = {{ decision = \"allow\", route = \"things\", origin = \"https://origin.example.com/base/api/7\" }}"
    ));
    fails(&format!("{CALLER}expect.decision = \"deny\""), &[["decision", "deny", "allow"]]);
    fails(&format!("{CALLER}expect.route = \"other\""), &[["route", "other", "things"]]);
    fails(
        &format!("{CALLER}expect.origin = \"https://o/\""),
        &[["origin", "https://o/", "https://origin.example.com/base/api/7"]],
    );
    fails(&format!("{CALLER}expect.status = 200"), &[["status", "200", "none, the request is allowed"]]);
    let refused = "url = \"/api/7\"\n";
    passes(&format!(
        "{refused}expect = {{ status = 401, challenge = 'Bearer realm=\"localhost\"', answer = {{ cache-control = \"no-store\", allow = false }} }}"
    ));
    fails(&format!("{refused}expect.status = 403"), &[["status", "403", "401"]]);
    fails(&format!("{refused}expect.code = \"x\""), &[["code", "x", "auth.authorization_header_missing"]]);
    fails(&format!("{refused}expect.challenge = \"x\""), &[["challenge", "x", "Bearer realm=\"localhost\""]]);
    fails(&format!("{refused}expect.answer.allow = true"), &[["answer allow", "present", "absent"]]);
    fails(&format!("{refused}expect.origin = \"x\""), &[["origin", "x", "nothing is sent to the origin"]]);
    fails(
        &format!("{refused}expect.headers.x-a = false"),
        &[["header x-a", "absent", "nothing is sent to the origin"]],
    );
    fails("url = \"/none\"\nexpect.route = \"things\"", &[["route", "things", "no route"]]);
}

#[test]
fn headers_for_pages_can_be_expected() {
    let page = "url = \"/open\"\nheaders = { origin = \"https://app.example.com\" }\n";
    passes(&format!(
        "{page}expect = {{ decision = \"allow\", answer = {{ access-control-allow-origin = \"https://app.example.com\", vary = \"origin\" }} }}"
    ));
    fails(
        &format!("{page}expect.answer.access-control-allow-origin = false"),
        &[["answer access-control-allow-origin", "absent", "https://app.example.com"]],
    );
    let preflight = "method = \"OPTIONS\"\nurl = \"/open\"\nheaders = { origin = \"https://app.example.com\", access-control-request-method = \"PUT\" }\n";
    let varies = "access-control-request-method, access-control-request-headers, origin";
    passes(&format!(
        "{preflight}expect = {{ decision = \"serve\", status = 204, answer = {{ vary = \"{varies}\" }} }}"
    ));
}

#[test]
fn headers_at_the_origin_are_those_that_it_would_get() {
    let more = "headers = { X-A = \"1\", X-Auth-Subject = \"forged\", TE = \"trailers\" }\n";
    passes(&format!(
        "{CALLER}{more}expect.headers = {{ x-a = \"1\", X-AUTH-SUBJECT = \"u\", te = false, authorization = true, x-b = false }}"
    ));
    fails(
        &format!(
            "{CALLER}{more}expect.headers = {{ x-a = false, x-auth-subject = \"forged\", authorization = \"Bearer x\" }}"
        ),
        &[
            ["header x-a", "absent", "1"],
            ["header x-auth-subject", "forged", "u"],
            ["header authorization", "Bearer x", "the caller's token"],
        ],
    );
}

#[test]
fn headers_that_the_platform_rewrites_are_the_callers_only_for_a_service() {
    let sent =
        "headers = { host = \"api.example.com\", content-length = \"5\", sec-websocket-key = \"k\", x-a = \"1\" }\n";
    fails(
        &format!(
            "url = \"/open\"\n{sent}expect.headers = {{ host = \"api.example.com\", content-length = true, sec-websocket-key = \"k\", x-a = \"1\" }}"
        ),
        &[
            ["header host", "api.example.com", "absent"],
            ["header content-length", "present", "absent"],
            ["header sec-websocket-key", "k", "absent"],
        ],
    );
    let folder = Folder::new("test-rewritten");
    folder.write(
        "wrangler.toml",
        "version = 1\n[[routes]]\npath = \"/open\"\naccess = \"public\"\norigin = \"service:ADMIN\"\n",
    );
    let expect = "expect.headers = { host = \"api.example.com\", content-length = \"5\", x-a = \"1\" }\n";
    let test = format!("[[tests]]\nname = \"it\"\nurl = \"/open\"\n{sent}{expect}");
    let run = folder.write("policy.test.toml", test).run(&["test"]);
    assert_eq!(run.code, Some(0), "{}", run.out);
}

#[test]
fn claims_have_defaults_that_can_be_changed() {
    passes(&format!("{CALLER}expect.headers.x-auth-issuer = \"https://tenant.logto.app/oidc\""));
    passes(&format!("{CALLER}without = [\"iat\"]\nexpect.code = \"auth.invalid_token\""));
    passes(&format!("{CALLER}without = [\"iss\"]\nexpect.code = \"auth.invalid_token\""));
    passes("url = \"/hook\"\nclaims = { exp = 1_799_000_000 }\nexpect.code = \"auth.token_expired\"");
    passes(
        "url = \"/hook\"\nclaims = { exp = 1_799_000_000, iat = 1_798_999_900 }\nnow = \"2027-01-03T18:13:00Z\"\nexpect.decision = \"allow\"",
    );
    passes("url = \"/hook\"\nclaims = {}\nexpect.headers = { x-auth-subject = false, x-auth-issuer = true }");
    passes("url = \"/hook\"\nexpect.headers = { x-auth-subject = false, x-auth-issuer = false }");
    passes("url = \"/hook\"\nclaims = { \"a.b\" = { c = [1, true, \"é\"] } }\nexpect.decision = \"allow\"");
}

#[test]
fn common_claims_and_times_are_everyones() {
    let tests = "now = 1_900_000_000\n[claims]\naud = \"https://api.example.com\"\nscope = \"read\"\n[[tests]]\nname = \"a\"\nurl = \"/api/1\"\nclaims = {}\n\
        expect.decision = \"allow\"\n[[tests]]\nname = \"b\"\nurl = \"/api/1\"\nclaims = { scope = \"\" }\nexpect.code = \"auth.insufficient_scope\"\n\
        [[tests]]\nname = \"c\"\nurl = \"/api/1\"\nexpect.code = \"auth.authorization_header_missing\"\n[[tests]]\nname = \"d\"\nurl = \"/api/1\"\n\
        claims = { exp = 1_899_999_000 }\nexpect.code = \"auth.token_expired\"\n";
    let run = folder("test-common", tests).run(&["test"]);
    assert_eq!(run.code, Some(0), "{}", run.out);
}

#[test]
fn an_empty_authorization_is_none() {
    passes("url = \"/api/7\"\nheaders = { authorization = \"\" }\nexpect.code = \"auth.authorization_header_missing\"");
}

#[test]
fn the_service_is_compared_and_so_is_a_route_of_no_name() {
    let folder = Folder::new("test-service");
    let policy = "version = 1\n[[routes]]\npath = \"/a\"\naccess = \"public\"\norigin = \"service:ADMIN\"\n";
    folder.write("wrangler.toml", policy);
    let run =
        |expect: &str| folder.write("policy.test.toml", format!("[[tests]]\nname = \"it\"\n{expect}\n")).run(&["test"]);
    assert_eq!(run("url = \"/a\"\nexpect.service = \"ADMIN\"").code, Some(0));
    assert_eq!(run("url = \"/a\"\nexpect.service = \"OTHER\"").code, Some(1));
    assert_eq!(run("url = \"/b\"\nexpect.service = \"ADMIN\"").code, Some(1));
    assert_eq!(run("url = \"/b\"\nexpect.route = \"none\"").code, Some(1));
}

#[test]
fn another_policy_is_tested_than_the_one_that_the_file_names() {
    let folder =
        folder("test-policy", "[[tests]]\nname = \"open\"\nurl = \"/open\"\nexpect = { decision = \"allow\" }\n");
    assert_eq!(folder.run(&["test"]).code, Some(0));
    folder.write(
        "closed.toml",
        POLICY.replace("access = \"public\"\ncors = { origins = [\"https://app.example.com\"] }", "access = \"deny\""),
    );
    let run = folder.run(&["test", "--policy", "closed.toml"]);
    assert_eq!(run.code, Some(1), "{}{}", run.out, run.err);
    let none = folder.run(&["test", "--policy", "none.toml"]);
    assert_eq!((none.code, none.err.starts_with("error: cannot read none.toml")), (Some(2), true), "{}", none.err);
}
