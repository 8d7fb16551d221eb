//! A request that a policy allows, made of one of its routes. It is tried with the gate's own code.

use portcullis::policy::Policy;
use portcullis::time::UnixSeconds;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::exit::Failure;
use crate::trial::{LocalGate, TrialDecision, TrialRequest, claims};

/// What stands for each value of the request that a route names.
const VALUE: &str = "demo";

/// A request with the claims of its caller's token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sample {
    /// The route's path, as in the policy.
    route: String,
    method: String,
    /// Path and query.
    target: String,
    /// The host, if the route has one.
    host: Option<String>,
    headers: Vec<(String, String)>,
    /// The header of the token; `None` for `Authorization`.
    token_header: Option<String>,
    /// The name of the issuer in the policy.
    issuer: Option<String>,
    claims: Map<String, Value>,
}

/// A request that the policy allows with a token; `None` if none of those that its routes suggest is.
///
/// # Errors
/// The policy cannot be tried here.
pub(super) fn sample(document: &Value, policy: Policy, now: UnixSeconds) -> Result<Option<Sample>, Failure> {
    let gate = LocalGate::of_claims(policy)?;
    let routes = document.get("routes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let samples = routes.iter().filter_map(|route| of_route(route, document, now));
    let mut allowed = samples.filter(|sample| is_allowed(sample, &gate, now));
    Ok(allowed.next())
}

fn is_allowed(sample: &Sample, gate: &LocalGate, now: UnixSeconds) -> bool {
    let host = sample.host.as_deref().unwrap_or("localhost");
    let Ok(mut request) = TrialRequest::new(&sample.method, &format!("https://{host}{}", sample.target)) else {
        return false;
    };
    let has_headers = sample.headers.iter().all(|(name, value)| request.add(name, value).is_ok());
    let claims = Value::Object(sample.claims.clone()).to_string();
    has_headers && matches!(gate.decide(&request, Some(&claims), now).verdict, TrialDecision::Allow(_))
}

/// The request that a route suggests; `None` if it asks for no token.
fn of_route(route: &Value, document: &Value, now: UnixSeconds) -> Option<Sample> {
    if !matches!(text(route, "access"), None | Some("token" | "optional")) {
        return None;
    }
    let path = text(route, "path")?;
    let mut request = Request::default();
    let segments: Vec<&str> =
        path.split('/').map(|segment| if segment.starts_with('{') { VALUE } else { segment }).collect();
    let host = first(route.get("hosts")).map(|host| filled(host, &mut request));
    let issuer = first(route.get("issuers"))
        .map(str::to_owned)
        .or_else(|| document.get("issuers")?.as_object()?.keys().next().cloned());
    let claims = claims_for(route, issuer_of(document, issuer.as_deref()), &mut request, now);
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query.join("&")) };
    Some(Sample {
        route: path.to_owned(),
        method: first(route.get("methods")).unwrap_or("GET").to_owned(),
        target: format!("{}{query}", segments.join("/")),
        host,
        headers: request.headers,
        token_header: text(route, "token_header").map(str::to_owned),
        issuer,
        claims,
    })
}

/// What the templates of a route read of its request besides captures.
#[derive(Default)]
struct Request {
    headers: Vec<(String, String)>,
    query: Vec<String>,
}

/// The `iss` of an issuer's tokens: that of the first tenant, if it has tenants.
pub(super) fn iss_of(issuer: &Value) -> Option<String> {
    Some(text(issuer, "issuer")?.replace("{tenant}", first(issuer.get("tenants")).unwrap_or("{tenant}")))
}

fn issuer_of<'d>(document: &'d Value, name: Option<&str>) -> Option<&'d Value> {
    document.get("issuers")?.get(name?)
}

fn claims_for(route: &Value, issuer: Option<&Value>, request: &mut Request, now: UnixSeconds) -> Map<String, Value> {
    let iss = issuer.and_then(iss_of);
    let mut claims = claims::with_defaults(Map::new(), iss.as_deref(), now);
    claims.extend([("sub".to_owned(), json!("local-user")), ("client_id".to_owned(), json!("local-client"))]);
    if let Some(audience) = first(route.get("audience")).filter(|audience| *audience != "*") {
        claims.insert("aud".to_owned(), json!(filled(audience, request)));
    }
    let scopes = scopes(route.get("scopes"));
    if !scopes.is_empty() {
        let claim = issuer.and_then(|issuer| text(issuer, "scope_claim")).unwrap_or("scope");
        put(&mut claims, &claim.split('.').collect::<Vec<_>>(), json!(scopes.join(" ")));
    }
    if let Some(organization) = text(route, "organization").filter(|organization| *organization != "*") {
        claims.insert("organization_id".to_owned(), json!(filled(organization, request)));
    }
    match route.get("claims") {
        Some(Value::Object(tests)) => tests.iter().for_each(|(path, test)| {
            // A claim whose name holds a slash or a colon is one name.
            let names: Vec<&str> = if path.contains(['/', ':']) { vec![path] } else { path.split('.').collect() };
            put(&mut claims, &names, satisfying(test, request));
        }),
        Some(Value::Array(tests)) => tests.iter().for_each(|test| {
            let names = test.get("path").and_then(Value::as_array).into_iter().flatten();
            let names: Vec<String> = names.filter_map(Value::as_str).map(|name| filled(name, request)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            put(&mut claims, &names, satisfying(test, request));
        }),
        _ => {}
    }
    claims
}

fn scopes(scopes: Option<&Value>) -> Vec<&str> {
    match scopes {
        Some(table @ Value::Object(_)) => texts(table.get("all")).chain(texts(table.get("any")).take(1)).collect(),
        list => texts(list).collect(),
    }
}

/// The strings of a list.
fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A value of a claim that passes a test.
fn satisfying(test: &Value, request: &mut Request) -> Value {
    let mut value = |value: &Value| value.as_str().map_or_else(|| value.clone(), |text| json!(filled(text, request)));
    let Value::Object(test) = test else { return value(test) };
    match (test.get("is"), test.get("any"), test.get("contains"), test.get("has")) {
        (Some(is), ..) => value(is),
        (_, Some(any), ..) => any.get(0).map_or(Value::Null, value),
        (_, _, Some(Value::Array(all)), _) => all.iter().map(value).collect(),
        (_, _, Some(one), _) => json!([value(one)]),
        (.., Some(member)) => json!({ value(member).as_str().unwrap_or_default(): {} }),
        _ => Value::Null,
    }
}

/// Sets a nested claim. What is there already and no object stays: another test has set it.
fn put(claims: &mut Map<String, Value>, names: &[&str], value: Value) {
    let Some((first, rest)) = names.split_first() else { return };
    if rest.is_empty() {
        claims.insert((*first).to_owned(), value);
    } else if let Value::Object(inner) = claims.entry(*first).or_insert_with(|| json!({})) {
        put(inner, rest, value);
    }
}

/// A template with a value for each name; what it reads of the request is noted.
fn filled(template: &str, request: &mut Request) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}').unwrap_or((behind, ""));
        filled.push_str(before);
        filled.push_str(VALUE);
        if let Some(header) = name.strip_prefix("header.") {
            add(&mut request.headers, (header.to_owned(), VALUE.to_owned()));
        } else if let Some(parameter) = name.strip_prefix("query.") {
            add(&mut request.query, format!("{parameter}={VALUE}"));
        }
        rest = behind;
    }
    filled + rest
}

fn add<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

/// The first of a list, or the value itself.
pub(super) fn first(value: Option<&Value>) -> Option<&str> {
    match value? {
        Value::Array(items) => items.first()?.as_str(),
        one => one.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    /// The sample of a policy with one issuer and these routes.
    fn sample_of(routes: Value) -> Option<Sample> {
        let issuers = json!({"i": {"issuer": "https://i.example.com/{tenant}/", "tenants": ["t1", "t2"],
            "jwks_uri": "https://i.example.com/keys"}});
        let document = json!({"version": 1, "origin": "https://o.example.com", "issuers": issuers, "routes": routes});
        let policy = Policy::parse(&document.to_string()).unwrap();
        sample(&document, policy, NOW).unwrap()
    }

    #[test]
    fn each_model_has_a_request_that_it_allows() {
        for (route, target, claim) in [
            (
                json!({"path": "/products/{id}", "audience": "a", "scopes": ["r", "w"]}),
                "/products/demo",
                ("scope", json!("r w")),
            ),
            (
                json!({"path": "/orgs/{org}", "audience": ["urn:logto:organization:{org}", "b"]}),
                "/orgs/demo",
                ("aud", json!("urn:logto:organization:demo")),
            ),
            (
                json!({"path": "/data/{*rest}", "audience": "a", "organization": "{header.x-org}{query.o}"}),
                "/data/demo?o=demo",
                ("organization_id", json!("demodemo")),
            ),
            (
                json!({"path": "/a", "audience": "*", "scopes": {"any": ["x", "y"]}, "claims": {"a.b": {"contains": ["p", "q"]}}}),
                "/a",
                ("a", json!({"b": ["p", "q"]})),
            ),
            (
                json!({"path": "/a/{t}", "audience": "*", "claims": [
                    {"path": ["https://x.y/z", "{t}"], "has": "admin"}, {"path": ["n"], "is": 7}, {"path": ["l"], "any": [true]}]}),
                "/a/demo",
                ("https://x.y/z", json!({"demo": {"admin": {}}})),
            ),
        ] {
            let sample = sample_of(json!([{"path": "/free", "access": "public"}, route])).unwrap();
            assert_eq!(sample.target, target);
            assert_eq!(sample.claims[claim.0], claim.1, "{sample:?}");
            assert_eq!(sample.claims["iss"], "https://i.example.com/t1/");
        }
    }

    #[test]
    fn a_route_that_allows_nothing_of_the_kind_has_none() {
        assert_eq!(sample_of(json!([{"path": "/free", "access": "public"}, {"path": "/no", "access": "deny"}])), None);
        // Two tests of one claim that no sample passes.
        let claims = json!([{"path": ["a"], "is": "x"}, {"path": ["a", "b"], "is": "y"}]);
        assert_eq!(sample_of(json!([{"path": "/a", "audience": "*", "claims": claims}])), None);
    }
}
