//! `portcullis explain`.

use serde_json::{Value, json};

use crate::support::token::{Token, key_set, public};
use crate::support::{self, ISSUER, NOW};
use crate::tool::{Folder, Run, snapshot};

pub(crate) const ROUTES: &str = r#"[
    {"path":"/api/products/{id}","methods":["GET"],"audience":"https://api.example.com","scopes":["read:data"]},
    {"path":"/api/{*rest}","methods":["GET","PUT"],"audience":"https://api.example.com"},
    {"path":"/api/products/{id}","hosts":["{tenant}.example.org"],"access":"optional","audience":"*"},
    {"path":"/orgs/{org}","audience":"urn:logto:organization:{org}","claims":{"role":{"any":["admin","{header.x-role}"]}}},
    {"path":"/closed","access":"deny"},
    {"path":"/healthz","access":"public","origin":"service:HEALTH"},
    {"path":"/access","audience":"https://api.example.com","token_header":"cf-access-jwt-assertion"}]"#;

/// A folder with a policy whose issuer's keys stand in it.
pub(crate) fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("policy.json", support::policy(ROUTES));
    folder
}

pub(crate) fn explain(folder: &Folder, args: &[&str]) -> Run {
    let now = NOW.to_string();
    folder.run(&[&["explain", "--policy", "policy.json", "--now", &now], args].concat())
}

pub(crate) fn explain_json(folder: &Folder, args: &[&str]) -> Value {
    let run = explain(folder, &[args, &["--format", "json"]].concat());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}");
    serde_json::from_str(&run.out).unwrap()
}

pub(crate) fn claims(more: Value) -> String {
    let mut claims = json!({"iss": ISSUER, "aud": "https://api.example.com", "exp": NOW + 60, "sub": "user-1"});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims.to_string()
}

/// What of the checks was refused: its name, what was expected, what was found.
pub(crate) fn refused(explanation: &Value) -> [&str; 3] {
    let checks = explanation["checks"].as_array().unwrap();
    let refused: Vec<&Value> = checks.iter().filter(|check| check["outcome"] == "refused").collect();
    assert_eq!(refused.len(), 1, "{explanation:#}");
    assert_eq!(refused[0], checks.last().unwrap(), "what was refused comes last");
    ["name", "expected", "found"].map(|member| refused[0][member].as_str().unwrap_or_default())
}

#[test]
fn an_allowed_request_is_explained() {
    let folder = folder("explain-allow");
    let claims = claims(json!({"scope": "read:data write:data"}));
    let url = "https://api.example.com/api/products/7?x=1";
    let args = ["GET", url, "--claims", &claims, "-H", "Accept: */*", "-H", "X-Auth-Subject: me", "-H", "TE: trailers"];
    snapshot("explain/allow.txt", &explain(&folder, &args).out);
    snapshot("explain/allow.json", &explain(&folder, &[&args[..], &["--format", "json"]].concat()).out);
    snapshot("explain/allow-coloured.txt", &explain(&folder, &[&args[..], &["--color", "always"]].concat()).out);
}

#[test]
fn a_refused_request_is_explained() {
    let folder = folder("explain-deny");
    let claims = claims(json!({"aud": "urn:logto:organization:acme", "role": "guest"}));
    let args = ["GET", "/orgs/acme", "--claims", &claims, "-H", "x-role: owner"];
    snapshot("explain/deny.txt", &explain(&folder, &args).out);
    let explanation = explain_json(&folder, &args);
    let expected = r#"alone or in a list, one of "admin", "owner" (from "{header.x-role}")"#;
    assert_eq!(refused(&explanation), ["claim role", expected, r#""guest""#]);
    let without = explain_json(&folder, &args[..4]);
    assert_eq!(
        refused(&without)[1],
        r#"alone or in a list, one of "admin", "{header.x-role}", which has no value for this request: it is absent"#
    );
}

#[test]
fn a_token_is_verified_with_the_keys_of_the_policy() {
    let folder = folder("explain-token");
    let token = Token::default().sign();
    let args = ["GET", "https://api.example.com/api/products/7", "--token", &token];
    let run = explain(&folder, &args);
    snapshot("explain/token.txt", &run.out);
    let signature = token.rsplit('.').next().unwrap();
    for other in [
        explain(&folder, &[&args[..], &["--format", "json"]].concat()),
        folder.run_with(&["explain", "GET", "/api/x", "-p", "policy.json", "--now", "1800000000", "-t", "-"], &token),
        folder.run_in(&[("TOKEN", &token)], &["explain", "GET", "/api/x", "-p", "policy.json", "--token", "env:TOKEN"]),
        explain(&folder, &["GET", "/api/x", "-H", &format!("Authorization: Bearer {token}")]),
        run,
    ] {
        assert_eq!(other.code, Some(0));
        assert!(
            !other.out.contains(signature) && !other.out.contains(token.split('.').nth(1).unwrap()),
            "{}",
            other.out
        );
    }
}

#[test]
fn whether_a_cache_may_answer_is_shown_and_what_keeps_it_from_it() {
    let folder = Folder::new("explain-cache");
    let routes = r#"[{"path":"/public","access":"public"}, {"path":"/own","access":"public","cache":false},
        {"path":"/service","access":"public","cache":false,"origin":"service:API"}]"#;
    folder.write("policy.json", support::policy(routes));
    let mine = ["-H", "Cache-Control: max-age=0"];
    let named = ["-H", "Connection: cache-control", "-H", "Cache-Control: max-age=0", "-H", "Pragma: x"];
    let none: [&str; 0] = [];
    for (path, headers, cache, added) in [
        ("/public", &none[..], true, &none[..]),
        ("/own", &none, false, &["cache-control", "pragma"]),
        ("/own", &mine, false, &["pragma"]),
        ("/own", &named, false, &["cache-control"]),
        ("/service", &none, false, &none),
    ] {
        let effect = &explain_json(&folder, &[&["GET", path], headers].concat())["effect"];
        assert_eq!(effect["cache"], cache, "{path}");
        let set = effect["set"].as_array().unwrap().iter().filter(|header| header["value"] == "no-cache");
        assert_eq!(set.map(|header| header["name"].as_str().unwrap()).collect::<Vec<_>>(), added, "{path} {headers:?}");
    }
    let shown = |path: &str| explain(&folder, &["GET", path]).out.contains("  cache    Cloudflare's cache may answer");
    assert_eq!(["/public", "/own", "/service"].map(shown), [true, false, false]);
}

#[test]
fn keys_may_come_from_a_file() {
    let folder = folder("explain-jwks");
    folder.write("keys.json", key_set(&["p384b"])).write("none.json", "{\"keys\":[]}");
    let token = Token::default().signed_with("p384b", "ES384").sign();
    let args = ["GET", "/api/x", "--token", &token];
    let expect = |more: &[&str]| explain(&folder, &[&args[..], more].concat());
    assert_eq!(expect(&["--expect", "deny"]).code, Some(0));
    assert_eq!(expect(&["--expect", "allow", "--jwks", "keys.json"]).code, Some(0));
    let none = expect(&["--jwks", "none.json"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    assert!(none.err.starts_with("error: none.json is not a key set: "), "{}", none.err);
}

#[test]
fn an_expectation_that_is_not_met_ends_with_1() {
    let folder = folder("explain-expect");
    let code = |expected: &str, path: &str| explain(&folder, &["GET", path, "--expect", expected]).code;
    assert_eq!(code("allow", "/healthz"), Some(0));
    assert_eq!(code("deny", "/healthz"), Some(1));
    assert_eq!(code("200", "/healthz"), Some(1));
    assert_eq!(code("allow", "/api/x"), Some(1));
    assert_eq!(code("deny", "/api/x"), Some(0));
    assert_eq!(code("401", "/api/x"), Some(0));
    assert_eq!(code("403", "/api/x"), Some(1));
    assert_eq!(code("maybe", "/api/x"), Some(2));
}

#[test]
fn wrong_usage_ends_with_2_and_says_why() {
    let folder = folder("explain-usage");
    for (args, why) in [
        (&["GET", "example.com/a"][..], "expected an http or https URL, or a path"),
        (&["GET", "https://a b/"], "without spaces"),
        (&["GET", "/a\nb"], "without spaces or control characters, found \"/a\\nb\""),
        (&["G T", "/a"], "expected a method"),
        (&["GET", "/a", "-H", "no colon"], "name: value"),
        (&["GET", "/a", "-H", "a b: c"], "a header name"),
        (
            &["GET", "/a", "-H", "x-secret: s3cr3t\r\nx: y"],
            "the value of the header x-secret contains a control character",
        ),
        (&["GET", "https://é.com/a"], "expected a host in ASCII"),
        (&["GET", "ftp://api.example.com/a"], "expected an http or https URL"),
        (&["GET", "/a", "--token", "x", "-H", "Authorization: Bearer y"], "not two"),
        (&["GET", "/a", "--token", "env:NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE holds no token"),
        (&["GET", "/a", "--token", "-"], "expected a token, found nothing"),
        (&["GET", "/a", "--token", "x", "--claims", "{}"], "cannot be used with"),
        (&["GET", "/a", "--claims", "[]"], "a JSON object, found a list"),
        (&["GET", "/a", "--claims", "{\"a\":1,\"a\":2}"], "a JSON object"),
        (&["GET", "/a", "--jwks", "none.json"], "cannot read none.json"),
        (&["GET", "/a", "--now", "soon"], "seconds since 1970"),
    ] {
        let run = folder.run(&[&["explain", "--policy", "policy.json"], args].concat());
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(run.err.replace('\n', " ").contains(why), "{args:?}: {}", run.err);
        assert!(!run.err.contains("s3cr3t"));
    }
}

#[test]
fn a_caller_without_a_bearer_token_has_none() {
    let folder = folder("explain-caller");
    for (header, caller) in [
        ("authorization: ", "anonymous"),
        ("authorization: Basic eDp5", "anonymous"),
        ("authorization: Bearer abc", "token"),
    ] {
        let explanation = explain_json(&folder, &["GET", "/api/x", "-H", header]);
        assert_eq!(explanation["caller"], caller, "{header}");
    }
}

#[test]
fn a_url_is_read_as_clients_send_it() {
    let folder = folder("explain-url");
    let explanation = explain_json(&folder, &["GET", "HTTPS://api.example.com/api/x"]);
    assert_eq!(explanation["url"], "https://api.example.com/api/x");
}

#[test]
fn hostile_claims_and_tokens_are_only_shown_escaped() {
    let folder = folder("explain-hostile");
    let evil = "\u{1b}[2J\u{202e}\r\n";
    let hostile = claims(json!({"aud": evil, "scope": evil}));
    let token = Token::default().header("kid", json!(evil)).claim("iss", json!(evil)).sign();
    let runs = [
        explain(&folder, &["GET", "/api/x", "--claims", &hostile]),
        explain(&folder, &["GET", "/api/x", "--token", &token]),
        explain(&folder, &["GET", "/api/products/%1b%e2%80%ae"]),
        explain(&folder, &["GET", "https://api.example.com/api/\u{202e}x", "--claims", &claims(json!({"sub": evil}))]),
    ];
    for run in runs {
        assert_eq!(run.code, Some(0));
        let bad = |c: &char| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c);
        assert_eq!(run.out.chars().find(bad), None, "{}", run.out);
        assert!(run.out.lines().all(|line| !line.is_empty() || !line.contains("[2J")));
    }
}

#[test]
fn huge_claims_are_too_long_for_a_token() {
    let folder = folder("explain-huge");
    let huge = claims(json!({"x": "x".repeat(100_000)}));
    let explanation = explain_json(&folder, &["GET", "/api/x", "--claims", &huge]);
    assert_eq!(refused(&explanation)[0], "size");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(explain(&folder, &["GET", "/api/x", "--claims", &deep]).code, Some(2));
}

#[test]
fn what_secrets_make_is_shown_as_what_it_stands_for() {
    let folder = Folder::new("explain-secrets");
    for algorithm in ["ES256", "EdDSA"] {
        let policy = json!({
            "version": 1, "origin": "https://o.example.com", "issuers": {"i": {"issuer": ISSUER}},
            "identity": {
                "assertion": {"issuer": "https://gate", "keys": ["NEW_KEY", "OLD_KEY"], "algorithm": algorithm},
                "secret": {"binding": "ORIGIN_SECRET"},
            },
            "routes": [{"path": "/a", "audience": "*"}],
        });
        folder.write("policy.json", policy.to_string());
        let explanation = explain_json(&folder, &["GET", "/a", "--claims", &claims(json!({}))]);
        let set = |name: &str| {
            let set = explanation["effect"]["set"].as_array().unwrap();
            set.iter().find(|header| header["name"] == name).map(|header| header["value"].as_str().unwrap().to_owned())
        };
        assert_eq!(set("x-auth-secret").as_deref(), Some("<ORIGIN_SECRET>"), "{explanation:#}");
        let assertion = set("x-auth-assertion").unwrap();
        let said: Value =
            serde_json::from_str(assertion.strip_prefix("<signed ").unwrap().strip_suffix('>').unwrap()).unwrap();
        assert_eq!([&said["iss"], &said["aud"], &said["sub"]], ["https://gate", "https://o.example.com", "user-1"]);
        let log = explanation["log"].as_array().unwrap();
        assert!(
            log.contains(&json!("the secret ORIGIN_SECRET is not available here: a placeholder is used")),
            "{log:?}"
        );
        let keys = explain_json(&folder, &["GET", "/.well-known/portcullis/jwks.json"]);
        assert_eq!((&keys["decision"], &keys["effect"]["status"]), (&json!("serve"), &json!(200)));
    }
}

#[test]
fn keys_are_found_by_discovery() {
    let port = crate::server::serve(|path, port| match path {
        "/.well-known/openid-configuration" => Some(
            json!({"issuer": format!("http://127.0.0.1:{port}"), "jwks_uri": format!("http://127.0.0.1:{port}/keys")}),
        ),
        "/keys" => Some(json!({"keys": [public("p384")]})),
        _ => None,
    });
    let issuer = format!("http://127.0.0.1:{port}");
    let folder = Folder::new("explain-online");
    let policy = |issuer: &str| {
        json!({"version": 1, "origin": "https://o", "issuers": {"i": {"issuer": issuer}},
            "routes": [{"path": "/a", "audience": "https://api.example.com"}]})
        .to_string()
    };
    folder.write("policy.json", policy(&issuer));
    let token = Token::default().claim("iss", json!(issuer)).sign();
    let explanation = explain_json(&folder, &["GET", "/a", "--token", &token]);
    assert_eq!(explanation["decision"], "allow", "{explanation:#}");
    let fetched = |path: &str, more: &str| format!("fetched {issuer}{path}{more}");
    assert_eq!(
        explanation["log"],
        json!([fetched("/.well-known/openid-configuration", ""), fetched("/keys", ": \"p384\"")])
    );
    // An issuer that is not there.
    let nobody = format!("{issuer}/nobody");
    folder.write("policy.json", policy(&nobody));
    let token = Token::default().claim("iss", json!(nobody)).sign();
    let explanation = explain_json(&folder, &["GET", "/a", "--token", &token]);
    assert_eq!(refused(&explanation)[0], "key");
    assert_eq!(explanation["effect"]["status"], 503);
    let log = explanation["log"].as_array().unwrap();
    assert!(log.iter().any(|line| line.as_str().unwrap().ends_with("openid-configuration: status 404")), "{log:?}");
}

#[test]
fn claims_are_filled_in_as_in_tests() {
    let folder = folder("explain-filled");
    let own = json!({"aud": "https://api.example.com", "scope": "read:data"}).to_string();
    let of = |more: &[&str]| explain_json(&folder, &[&["GET", "/api/x", "--claims", &own], more].concat());
    let explanation = of(&[]);
    assert_eq!(explanation["added_claims"], json!(["iss", "iat", "exp"]), "{explanation}");
    let check = |explanation: &Value, name: &str| {
        let checks = explanation["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(check(&explanation, "issuer")["outcome"], "passed", "{explanation}");
    assert_eq!(check(&explanation, "exp")["outcome"], "passed", "{explanation}");
    let without = of(&["--without", "exp"]);
    assert_eq!(without["added_claims"], json!(["iss", "iat"]));
    assert_eq!(check(&without, "claims")["outcome"], "refused", "{without}");
    let human = explain(&folder, &["GET", "/api/x", "--claims", &own]).out;
    assert!(human.contains("\nclaims added by default: iss, iat, exp\n"), "{human}");
    assert_eq!(explain(&folder, &["GET", "/api/x", "--without", "exp"]).code, Some(2), "there are no claims");
    let unknown = explain(&folder, &["GET", "/api/x", "--claims", &own, "--without", "scope", "--without", "Exp"]);
    assert_eq!((unknown.code, unknown.err.as_str()), (Some(2), "error: there is no claim \"Exp\" to leave out\n"));
}

#[test]
fn a_body_is_never_broken_into_lines() {
    let folder = Folder::new("explain-body");
    let name = "A resource with a name of several words, which is longer than a line of the terminal that shows it";
    folder.write(
        "policy.json",
        json!({"version": 1, "origin": "https://o.example.com", "issuers": {"main": {"issuer": ISSUER}},
            "resources": {"https://api.example.com/mcp": {"name": name}},
            "routes": [{"path": "/mcp", "hosts": ["api.example.com"], "audience": "https://api.example.com/mcp"}]})
        .to_string(),
    );
    let url = "https://api.example.com/.well-known/oauth-protected-resource/mcp";
    let run = folder.run(&["explain", "GET", url, "--policy", "policy.json"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let body = run.out.lines().find(|line| line.starts_with("  {")).unwrap();
    let body: Value = serde_json::from_str(body.trim()).unwrap();
    assert_eq!(body["resource_name"], name);
}

#[test]
fn json_in_a_header_is_never_broken_within_a_string() {
    let folder = Folder::new("explain-object");
    let route = r#"[{"path":"/a","audience":"*"}]"#;
    let policy: Value = serde_json::from_str(&support::policy(route)).unwrap();
    let note = "A note of several words, with a \"quoted\" one, which is longer than a line of the terminal";
    let assertion = json!({"issuer": "https://gate.example.com", "keys": ["KEY"]});
    let with = |identity: Value| {
        let mut policy = policy.clone();
        policy["identity"] = identity;
        folder.write("policy.json", policy.to_string());
        let run = explain(&folder, &["GET", "/a", "--claims", &claims(json!({"sub": note, "obj": {"note": note}}))]);
        assert_eq!(run.code, Some(0), "{}", run.err);
        run.out
    };
    let quoted = Value::from(note).to_string();
    let header = with(json!({"claims": {"x-auth-obj": "obj"}}));
    assert!(header.contains(&format!("{{\"note\":{quoted}}}\n")), "{header}");
    let signed = with(json!({ "assertion": assertion }));
    assert!(signed.contains("<signed") && signed.contains(&quoted), "{signed}");
}
