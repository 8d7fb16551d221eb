//! Compares the differences of random policies with what the gate decides: each request that is decided differently is
//! in a difference that says what happens to it, and each difference has a request.

use std::collections::BTreeSet;

use portcullis::jose::base64url;
use portcullis::policy::Policy;
use portcullis::status::STATUS_PATH;
use portcullis::time::UnixSeconds;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::differences;
use crate::trial::{LocalGate, Trial, TrialDecision, TrialRequest};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// How many requests are sent to each pair of policies.
const REQUESTS: usize = 24;

/// A policy in JSON.
type Document = Value;

/// A request: its method, host, path and headers.
#[derive(Clone, Debug)]
struct ModelRequest {
    method: &'static str,
    host: &'static str,
    path: String,
    /// The header of the token, and its claims.
    token: Option<(&'static str, Value)>,
    audience: Option<&'static str>,
}

/// What the gate does, without what does not count: texts, names, numbers of grants.
#[derive(Debug, PartialEq)]
enum Decided {
    Refused(u16, String),
    Allowed(String),
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "a", "A", "b", "Ab", "{x}", "{y}", "{z}"])
}

fn path() -> impl Strategy<Value = String> {
    let segments = prop::collection::vec(segment(), 0..4);
    (segments, prop::bool::weighted(0.35)).prop_map(|(segments, rest)| {
        let mut seen = BTreeSet::new();
        let fresh = segments.into_iter().filter(|text| !text.starts_with('{') || seen.insert(*text));
        let text: String = fresh.map(|text| format!("/{text}")).collect();
        let rest = if rest { "/{*rest}" } else { "" };
        if text.is_empty() && rest.is_empty() { "/".to_owned() } else { format!("{text}{rest}") }
    })
}

fn one_of(values: Vec<Value>) -> impl Strategy<Value = Value> {
    prop::sample::select(values)
}

/// A route. `null` leaves out a key.
fn route() -> impl Strategy<Value = Value> {
    let hosts =
        one_of(vec![json!(null), json!(null), json!(["h.com"]), json!(["{t}.com"]), json!(["{t}.com", "h.com"])]);
    let methods =
        one_of(vec![json!(null), json!(null), json!(["GET"]), json!(["POST"]), json!(["GET", "PUT"]), json!(["HEAD"])]);
    let access =
        one_of(vec![json!("token"), json!("token"), json!("token"), json!("optional"), json!("public"), json!("deny")]);
    let place = (path(), hosts, methods, access);
    let checks = (
        one_of(vec![
            json!("u"),
            json!("v"),
            json!(["u", "v"]),
            json!("*"),
            json!("{x}"),
            json!("{header.x-a}"),
            json!("{rest}"),
        ]),
        one_of(vec![
            json!(null),
            json!(null),
            json!(["r"]),
            json!(["w", "r"]),
            json!({"any": ["r", "w"]}),
            json!({"all": ["r"], "any": ["r", "w"]}),
        ]),
        one_of(vec![json!(null), json!(null), json!("*"), json!("a"), json!("{y}"), json!("{t}")]),
        one_of(vec![
            json!(null),
            json!(null),
            json!({"role": "a"}),
            json!({"role": {"any": ["b", "a"]}}),
            json!({"role": {"contains": "a"}}),
            json!({"role": {"contains": ["b", "a"]}}),
            json!([{"path": ["role"], "is": "{x}"}]),
        ]),
        one_of(vec![json!(null), json!(null), json!(["i"]), json!(["j"])]),
        one_of(vec![json!(null), json!(null), json!(null), json!("x-token")]),
    );
    let ways = (
        one_of(vec![json!(null), json!(null), json!("https://p.com/base")]),
        one_of(vec![json!(null), json!(null), json!(null), json!("keep")]),
        one_of(vec![json!(null), json!(null), json!("/a")]),
        one_of(vec![json!(null), json!(null), json!(null), json!(null), json!(false)]),
    );
    (place, checks, ways).prop_map(|((path, hosts, methods, access), checks, ways)| {
        let mut route = json!({"path": path, "hosts": hosts, "methods": methods, "access": access});
        let (origin, slashes, prefix, enforce) = ways;
        let mut set = |key: &str, value: Value| route[key] = value;
        set("encoded_slashes", slashes);
        set("origin", origin);
        set("strip_prefix", prefix);
        set("enforce", enforce);
        if access == "token" || access == "optional" {
            let (audience, scopes, organization, claims, issuers, header) = checks;
            for (key, value) in [
                ("audience", audience),
                ("scopes", scopes),
                ("organization", organization),
                ("claims", claims),
                ("issuers", issuers),
                ("token_header", header),
            ] {
                set(key, value);
            }
        }
        with_captures_there(&without_nulls(route))
    })
}

/// Replaces templates of captures that a route does not have.
fn with_captures_there(route: &Value) -> Value {
    let mut text = route.to_string();
    for name in ["x", "y", "t", "rest"] {
        let is_there = text.contains(&format!("/{{{name}}}")) || text.contains(&format!("/{{*{name}}}"));
        if !is_there && !text.contains(&format!("{{{name}}}.com")) {
            text = text.replace(&format!("\"{{{name}}}\""), "\"a\"");
        }
    }
    serde_json::from_str(&text).unwrap()
}

fn without_nulls(mut value: Value) -> Value {
    value.as_object_mut().unwrap().retain(|_, member| !member.is_null());
    value
}

/// All of a policy but its routes.
fn settings() -> impl Strategy<Value = Value> {
    (
        one_of(vec![json!(null), json!(null), json!(60), json!(0)]),
        one_of(vec![json!(null), json!(null), json!(100)]),
        one_of(vec![json!(null), json!(null), json!(["jwt"]), json!(["at+jwt"])]),
        one_of(vec![json!("refuse"), json!("refuse"), json!("exact")]),
        one_of(vec![json!("x-auth-"), json!("x-auth-"), json!("x-user-")]),
        one_of(vec![json!(8192), json!(8192), json!(560)]),
        one_of(vec![
            json!(null),
            json!({"audience": "u", "scopes": ["r"]}),
            json!({"audience": ["u", "v"], "scopes": {"any": ["r", "w"]}, "issuers": ["i"]}),
        ]),
    )
        .prop_map(|(leeway, max_age, types, case, prefix, bytes, status)| {
            let issuer = json!({"issuer": "https://i.com", "leeway": leeway, "max_age": max_age, "types": types});
            without_nulls(json!({
                "version": 1,
                "status": status,
                "origin": "https://o.com",
                "issuers": {"i": without_nulls(issuer), "j": {"issuer": "https://j.com"}},
                "paths": {"case": case},
                "identity": {"prefix": prefix},
                "limits": {"max_token_bytes": bytes},
            }))
        })
}

/// A valid policy with as many of these routes as it can have.
fn document(settings: &Value, routes: &[Value]) -> Document {
    let mut document = settings.clone();
    document["routes"] = json!([]);
    for route in routes {
        let mut longer = document.clone();
        longer["routes"].as_array_mut().unwrap().push(route.clone());
        if Policy::parse(&longer.to_string()).is_ok() {
            document = longer;
        }
    }
    if document["routes"] == json!([]) {
        document["routes"] = json!([{"path": "/none", "access": "deny"}]);
    }
    document
}

/// Two policies that have much in common.
fn pair() -> impl Strategy<Value = (Document, Document)> {
    let routes = prop::collection::vec((route(), route(), 0..10_u8), 1..6);
    (settings(), settings(), prop::bool::weighted(0.25), routes).prop_map(|(one, other, is_other, routes)| {
        let old: Vec<Value> = routes.iter().map(|(route, ..)| route.clone()).collect();
        let changed = routes.into_iter().filter_map(|(route, other, change)| match change {
            0 => None,
            1 | 2 => Some(other),
            // The same route with another key.
            3 => {
                let mut changed = route;
                for key in ["scopes", "audience", "origin", "methods", "encoded_slashes", "hosts", "enforce"] {
                    changed[key] = other.get(key).cloned().unwrap_or_else(|| changed[key].clone());
                }
                Some(with_captures_there(&without_nulls(changed)))
            }
            _ => Some(route),
        });
        let new: Vec<Value> = changed.collect();
        (document(&one, &old), document(if is_other { &other } else { &one }, &new))
    })
}

/// Two policies that differ in what one route checks of a token, if in anything.
fn pair_of_checks() -> impl Strategy<Value = (Document, Document)> {
    (settings(), route(), route(), 0..8_usize).prop_map(|(settings, one, other, key)| {
        let base = json!({
            "path": "/{x}/{*rest}", "access": "token", "audience": ["u", "v"], "organization": "*",
        });
        let keys = ["scopes", "audience", "organization", "claims", "issuers", "token_header", "access", "enforce"];
        let with = |route: &Value| {
            let mut checked = base.clone();
            for key in keys.iter().skip(key).take(2) {
                checked[*key] = match route.get(*key) {
                    Some(value) if value != "deny" && value != "public" => value.clone(),
                    Some(_) => continue,
                    None => Value::Null,
                };
            }
            with_captures_there(&without_nulls(checked))
        };
        (document(&settings, &[with(&one)]), document(&settings, &[with(&other)]))
    })
}

fn request() -> impl Strategy<Value = ModelRequest> {
    let segment = prop::sample::select(vec!["a", "a", "A", "b", "ab", "AB", "q", "7"]);
    let path = prop::collection::vec((segment, prop::bool::weighted(0.15)), 0..5).prop_map(|segments| {
        let text: String = segments
            .iter()
            .enumerate()
            .map(|(index, (text, is_joined))| format!("{}{text}", if *is_joined && index > 0 { "%2F" } else { "/" }))
            .collect();
        if text.is_empty() { "/".to_owned() } else { text }
    });
    let path = prop_oneof![12 => path, 1 => Just(STATUS_PATH.to_owned())];
    let claims = (
        prop::sample::select(vec!["https://i.com", "https://i.com", "https://j.com", "https://k.com"]),
        one_of(vec![json!("u"), json!("v"), json!(["v", "u"]), json!("a"), json!("q"), json!("a/b")]),
        one_of(vec![json!(""), json!("r"), json!("w"), json!("r w"), json!("r w")]),
        one_of(vec![json!(null), json!(null), json!("a"), json!("h")]),
        one_of(vec![json!(null), json!("a"), json!("b"), json!(["a", "b"]), json!("q")]),
        prop::sample::select(vec![3600_i64, 3600, -10, -40]),
        prop::sample::select(vec![0_u64, 0, 115]),
        prop::bool::weighted(0.1),
    );
    let claims = claims.prop_map(|(iss, aud, scope, organization, role, exp, age, is_long)| {
        without_nulls(json!({
            "iss": iss, "aud": aud, "scope": scope, "organization_id": organization, "role": role,
            "exp": NOW.0.checked_add_signed(exp), "iat": NOW.0 - age,
            "filler": is_long.then(|| "x".repeat(200)),
        }))
    });
    let token =
        prop::option::weighted(0.85, (prop::sample::select(vec!["authorization", "authorization", "x-token"]), claims));
    let hosts = vec!["h.com", "z.com", "h.com.net", "y.h.com"];
    (
        prop::sample::select(vec!["GET", "GET", "POST", "HEAD", "DELETE", "TRACE"]),
        prop::sample::select(hosts),
        path,
        token,
        prop::option::of(prop::sample::select(vec!["u", "v"])),
    )
        .prop_map(|(method, host, path, token, audience)| ModelRequest { method, host, path, token, audience })
}

fn gate(document: &Document) -> LocalGate {
    LocalGate::of_claims(Policy::parse(&document.to_string()).unwrap()).unwrap()
}

/// What a gate decides. Every signature is valid.
fn decide(gate: &LocalGate, request: &TrialRequest) -> Decided {
    let Trial { verdict, .. } = gate.decide(request, None, NOW);
    match verdict {
        TrialDecision::Deny(answer) => {
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            Decided::Refused(answer.status, body["code"].as_str().unwrap().to_owned())
        }
        // What the status says of a policy is no decision of it.
        TrialDecision::Serve(_) if request.url.ends_with(STATUS_PATH) => Decided::Allowed("the status".to_owned()),
        TrialDecision::Serve(answer) => Decided::Allowed(answer.body),
        TrialDecision::Allow(mut forward) => {
            forward.route = "".into();
            forward.grant = None;
            Decided::Allowed(format!("{forward:?}"))
        }
    }
}

impl ModelRequest {
    fn sent(&self) -> TrialRequest {
        let mut request = TrialRequest::new(self.method, &format!("https://{}{}", self.host, self.path)).unwrap();
        if let Some((header, claims)) = &self.token {
            let jose = json!({"alg": "RS256", "typ": "jwt"}).to_string();
            let parts = [jose.as_bytes(), claims.to_string().as_bytes(), &[0; 256]].map(base64url::encode).join(".");
            let scheme = if *header == "authorization" { "Bearer " } else { "" };
            request.add(header, &format!("{scheme}{parts}")).unwrap();
        }
        if let Some(audience) = self.audience {
            request.add("x-a", audience).unwrap();
        }
        request
    }

    /// Whether a difference is about this request.
    fn is_of(&self, group: &Value) -> bool {
        let texts = |key: &str| -> Option<Vec<&str>> {
            Some(group.get(key)?.as_array()?.iter().map(|text| text.as_str().unwrap()).collect())
        };
        let has_method = texts("methods").is_none_or(|methods| methods.contains(&self.method))
            && texts("other_than").is_none_or(|methods| !methods.contains(&self.method));
        let has_host = match group.get("host").and_then(Value::as_str) {
            None => true,
            Some(pattern) => match pattern.split_once("}.") {
                Some((_, suffix)) => self.host.split_once('.').is_some_and(|(_, behind)| behind == suffix),
                None => pattern == self.host,
            },
        };
        let is = |key: &str| group.get(key) == Some(&json!(true));
        let path = if is("has_encoded_slash") { self.path.replace("%2F", "/") } else { self.path.clone() };
        has_method && has_host && matches(group["path"].as_str().unwrap(), &path, is("in_other_case"))
    }
}

/// Whether a path matches a pattern.
fn matches(pattern: &str, path: &str, ignores_case: bool) -> bool {
    let split = |text: &str| -> Vec<String> {
        text.trim_matches('/').split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
    };
    let (pattern, path) = (split(pattern), split(path));
    let is_rest = pattern.last().is_some_and(|segment| segment.starts_with("{*"));
    let fixed = pattern.len() - usize::from(is_rest);
    let has_length = if is_rest { path.len() >= fixed } else { path.len() == fixed };
    let is_alike = |(known, found): (&String, &String)| {
        let is_same = known == found || (ignores_case && known.eq_ignore_ascii_case(found));
        known.starts_with('{') || is_same
    };
    has_length && pattern[..fixed].iter().zip(&path).all(is_alike)
}

/// The differences, as programs read them.
fn compared(old: &Document, new: &Document) -> Vec<Value> {
    let (old, new) = (old.to_string(), new.to_string());
    let entries = differences((Policy::parse(&old).unwrap(), &old), (Policy::parse(&new).unwrap(), &new)).unwrap();
    serde_json::to_value(entries).unwrap().as_array().unwrap().clone()
}

fn check_requests(old: &Document, new: &Document, requests: &[ModelRequest]) -> Result<(), TestCaseError> {
    let entries = compared(old, new);
    let gates = [gate(old), gate(new)];
    for request in requests {
        let sent = request.sent();
        let [before, after] = gates.each_ref().map(|gate| decide(gate, &sent));
        // The gate refuses some methods everywhere; the status is no difference.
        if before == after || request.method == "TRACE" {
            let is_refused = |decided: &Decided| matches!(decided, Decided::Refused(..));
            prop_assert!(before == after || (is_refused(&before) && is_refused(&after)));
            continue;
        }
        let about = |entry: &&Value| entry["requests"].as_array().unwrap().iter().any(|group| request.is_of(group));
        let about: Vec<&Value> = entries.iter().filter(about).collect();
        let says = |key: &str| about.iter().any(|entry| entry[key] == json!(true));
        let context = || format!("{old}\n{new}\n{request:?}\n{before:?}\n{after:?}\n{entries:?}");
        prop_assert!(!about.is_empty(), "not covered: {}", context());
        match (&before, &after) {
            (Decided::Refused(..), Decided::Allowed(_)) => prop_assert!(says("opens"), "opens: {}", context()),
            (Decided::Allowed(_), Decided::Refused(..)) => prop_assert!(says("closes"), "closes: {}", context()),
            _ => {}
        }
    }
    check_examples(&entries, &gates, (old, new))
}

/// Whether each difference that is not about tokens alone has its example.
fn check_examples(
    entries: &[Value],
    gates: &[LocalGate; 2],
    (old, new): (&Document, &Document),
) -> Result<(), TestCaseError> {
    for entry in entries {
        let changes = entry["changes"].as_array().unwrap();
        if changes.iter().all(|change| change["aspect"] != "outcome") {
            continue;
        }
        for group in entry["requests"].as_array().unwrap() {
            let (method, url) = group["example"].as_str().unwrap().split_once(' ').unwrap();
            // Who may read the status is a matter of tokens.
            if url.ends_with(STATUS_PATH) {
                continue;
            }
            let plain = TrialRequest::new(method, url).unwrap();
            let mut with_token = plain.clone();
            for header in ["authorization", "x-token"] {
                with_token.add(header, "no-token").unwrap();
            }
            let [plain, with_token] = [plain, with_token].map(|sent| gates.each_ref().map(|gate| decide(gate, &sent)));
            let differs = |[before, after]: &[Decided; 2]| before != after;
            prop_assert!(differs(&plain) || differs(&with_token), "{old}\n{new}\n{group}\n{plain:?}");
            for (side, decided) in [("old", &plain[0]), ("new", &plain[1])] {
                if let Some(status) = group[side].get("refused").and_then(Value::as_u64) {
                    let is_refused = matches!(decided, Decided::Refused(found, _) if u64::from(*found) == status);
                    prop_assert!(is_refused, "{old}\n{new}\n{group}\n{decided:?}");
                }
            }
        }
    }
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn each_request_that_is_decided_differently_is_in_a_difference(
        (old, new) in pair(),
        requests in prop::collection::vec(request(), REQUESTS),
    ) {
        check_requests(&old, &new, &requests)?;
    }

    #[test]
    fn each_token_that_is_decided_differently_is_in_a_difference(
        (old, new) in pair_of_checks(),
        requests in prop::collection::vec(request(), REQUESTS),
    ) {
        let requests: Vec<ModelRequest> =
            requests.into_iter().map(|request| ModelRequest { path: "/a/b".to_owned(), ..request }).collect();
        check_requests(&old, &new, &requests)?;
    }

    #[test]
    fn a_policy_does_not_differ_from_itself_in_another_order(
        (old, _) in pair(),
        seed in any::<u8>(),
    ) {
        let mut other = old.clone();
        let routes = other["routes"].as_array_mut().unwrap();
        routes.reverse();
        let count = routes.len().max(1);
        routes.rotate_left(usize::from(seed) % count);
        for (index, route) in routes.iter_mut().enumerate() {
            route["name"] = json!(format!("another {index}"));
            for key in ["methods", "scopes", "audience", "issuers"] {
                if let Some(list) = route.get_mut(key).and_then(Value::as_array_mut) {
                    list.reverse();
                }
            }
            let keys: Vec<(String, Value)> = route.as_object().unwrap().clone().into_iter().rev().collect();
            *route = keys.into_iter().collect();
        }
        let renamed = other.to_string().replace("\"i\"", "\"first\"").replace("\"j\"", "\"second\"");
        let other: Value = serde_json::from_str(&renamed).unwrap();
        prop_assert_eq!(compared(&old, &other), Vec::<Value>::new(), "{}\n{}", old, other);
    }
}

/// A policy of this many routes, the last of which has this access.
fn large(count: usize, access: &str) -> String {
    let route = |index: usize| {
        let scope = format!("read:{}", index % 50);
        json!({"path": format!("/api/{{x}}/r{index}/{{*rest}}"), "audience": "u", "scopes": [scope]})
    };
    let routes: Vec<Value> = (0..count).map(route).chain([json!({"path": "/{*rest}", "access": "deny"})]).collect();
    let mut document = json!({"version": 1, "origin": "https://o.com", "issuers": {"i": {"issuer": "https://i.com"}}});
    document["routes"] = routes.into();
    document["routes"].as_array_mut().unwrap().push(json!({"path": "/api/{x}/last", "access": access}));
    document.to_string()
}

#[test]
fn one_change_among_thousands_of_routes_is_one_difference() {
    let [old, new] = ["public", "deny"].map(|access| serde_json::from_str(&large(10_000, access)).unwrap());
    let entries = compared(&old, &new);
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["requests"][0]["path"], "/api/{x}/last");
    // As many places as routes change, and the first of them takes what the others leave.
    let all = serde_json::from_str(&large(10_000, "public").replace("https://o.com", "https://p.com")).unwrap();
    assert_eq!(compared(&old, &all).len(), 1, "one difference for all");
}
