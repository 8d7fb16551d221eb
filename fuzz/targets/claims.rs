//! Claims. The input is the payload of a token with a valid signature. For every route of a policy, the gate decides
//! the same as a second, simple implementation of steps 4 and 7 of the pipeline.
#![no_main]

use std::borrow::Cow;
use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use portcullis::decision::Decision;
use portcullis::jose::base64url;
use portcullis_fuzz::json::strict;
use portcullis_fuzz::support::token::key_set;
use portcullis_fuzz::support::{NOW, outcome, read};
use portcullis_fuzz::{get, trusting::Gate};
use serde_json::{Map, Value, json};

const API: &str = "https://api.example.com";
const ORGANIZATION: &str = "urn:logto:organization:";
const INVALID: &str = "401 auth.invalid_token";

/// The path of the request, and what its route requires. `{org}` is always `acme`.
const ROUTES: [(&str, &str); 9] = [
    ("/global", r#""audience": "https://api.example.com", "scopes": {"all": ["a"], "any": ["b", "c"]}"#),
    ("/acme/permission", r#""audience": "urn:logto:organization:{org}""#),
    ("/acme/resource", r#""audience": ["https://api.example.com"], "organization": "{org}", "scopes": ["a"]"#),
    ("/open", r#""audience": "*", "organization": "*""#),
    ("/equal", r#""audience": "*", "claims": {"a.b": "x", "n": 1, "t": true}"#),
    ("/any", r#""audience": "*", "claims": {"role": {"any": ["admin", 2, false]}}"#),
    ("/contains", r#""audience": "*", "issuers": ["two"], "claims": {"roles": {"contains": "admin"}}"#),
    ("/acme/named", r#""audience": "*", "claims": [{"path": ["a.b", "{org}"], "any": ["x", "{query.n}"]}]"#),
    ("/acme/member", r#""audience": "*", "claims": {"roles": {"has": "{org}"}, "list": {"contains": ["x", 1]}}"#),
];

thread_local! {
    static GATE: OnceCell<Gate> = const { OnceCell::new() };
}

fuzz_target!(|payload: &str| {
    let header = base64url::encode(br#"{"alg":"EdDSA","kid":"ed"}"#);
    let signature = base64url::encode(&[0; 64]);
    let token = format!("{header}.{}.{signature}", base64url::encode(payload.as_bytes()));
    let authorization = format!("Bearer {token}");
    let claims = strict(payload);
    GATE.with(|gate| {
        let gate = gate.get_or_init(|| Gate::new(read(&document())));
        for (path, _) in ROUTES {
            let url = format!("https://gate.test{path}?n=7");
            let decision = gate.decide(&get(&url, &[("authorization", &authorization)]));
            let expected = match claims.as_ref().and_then(Value::as_object) {
                Some(claims) if !payload.is_empty() => judge(claims, path),
                _ => INVALID,
            };
            assert_eq!(outcome(&decision), expected, "{path}: {payload}");
            if let (Decision::Allow(forward), Some(claims)) = (&decision, &claims) {
                assert_identity(&forward.set, claims);
            }
        }
    });
});

fn document() -> String {
    let routes: Vec<String> = ROUTES
        .iter()
        .map(|(path, asks)| format!(r#"{{"path": "{}", {asks}}}"#, path.replace("acme", "{org}")))
        .collect();
    let keys: Value = serde_json::from_str(&key_set(&["ed"])).unwrap();
    format!(
        r#"{{"version": 1, "origin": "https://o.test", "limits": {{"max_token_bytes": 65536}}, "issuers": {{
            "one": {{"issuer": "one", "jwks": {keys}}},
            "two": {{"issuer": "two", "jwks": {keys}, "leeway": 0, "max_age": 100, "scope_claim": "realm.roles",
                "bound_tokens": "ignore"}}
        }}, "routes": [{}]}}"#,
        routes.join(",")
    )
}

fn judge(claims: &Map<String, Value>, path: &str) -> &'static str {
    let issuer = match claims.get("iss").and_then(Value::as_str) {
        Some("one") if path != "/contains" => {
            Issuer { leeway: 30.0, max_age: None, scope_claim: None, takes_bound: false }
        }
        Some("two") => {
            Issuer { leeway: 0.0, max_age: Some(100.0), scope_claim: Some("realm.roles"), takes_bound: true }
        }
        _ => return INVALID,
    };
    match valid(claims, &issuer).and_then(|scopes| permitted(claims, &scopes, path)) {
        Ok(()) => "allow",
        Err(outcome) => outcome,
    }
}

struct Issuer {
    leeway: f64,
    max_age: Option<f64>,
    scope_claim: Option<&'static str>,
    takes_bound: bool,
}

/// Step 4: the types of the claims, and the times. Returns the scopes of a valid token.
fn valid(claims: &Map<String, Value>, issuer: &Issuer) -> Result<Vec<String>, &'static str> {
    for name in ["sub", "client_id", "azp", "jti", "organization_id"] {
        if claims.get(name).is_some_and(|claim| !claim.is_string()) {
            return Err(INVALID);
        }
    }
    audiences(claims).ok_or(INVALID)?;
    let date = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(claim) => match claim.as_f64() {
            Some(date) if date >= 0.0 && date <= 253402300799.0 => Ok(Some(date)),
            _ => Err(INVALID),
        },
    };
    let (exp, nbf, iat) = (date("exp")?.ok_or(INVALID)?, date("nbf")?, date("iat")?);
    let scopes = match issuer.scope_claim {
        Some(path) => find(claims, path).map(scopes).unwrap_or(Some(Vec::new())).ok_or(INVALID)?,
        None => {
            let read = |name: &str| claims.get(name).map(|claim| scopes(claim).ok_or(INVALID)).transpose();
            let (scope, scp) = (read("scope")?, read("scp")?);
            scope.or(scp).unwrap_or_default()
        }
    };
    if issuer.max_age.is_some() && iat.is_none() {
        return Err(INVALID);
    }
    if claims.contains_key("cnf") && !issuer.takes_bound {
        return Err(INVALID);
    }
    let now = NOW as f64;
    if exp + issuer.leeway <= now {
        return Err("401 auth.token_expired");
    }
    if nbf.is_some_and(|nbf| nbf > now + issuer.leeway) || iat.is_some_and(|iat| iat > now + issuer.leeway) {
        return Err("401 auth.token_not_yet_valid");
    }
    match (issuer.max_age, iat) {
        (Some(age), Some(iat)) if now - iat > age + issuer.leeway => Err("401 auth.token_too_old"),
        _ => Ok(scopes),
    }
}

/// Step 7: what the route requires of the claims.
fn permitted(claims: &Map<String, Value>, scopes: &[String], path: &str) -> Result<(), &'static str> {
    let audiences = audiences(claims).unwrap_or_default();
    let organization = claims.get("organization_id").and_then(Value::as_str);
    let has = |scope: &str| scopes.iter().any(|known| known == scope);
    let require = |is_met: bool, outcome| if is_met { Ok(()) } else { Err(outcome) };
    let claim = |path: &str| find(claims, path);
    let (wrong, mismatch) = ("403 auth.invalid_audience", "403 auth.organization_mismatch");
    let (scope, other) = ("403 auth.insufficient_scope", "403 auth.claim_mismatch");
    if matches!(path, "/global" | "/acme/resource") {
        require(audiences.contains(&API), wrong)?;
    }
    if path == "/acme/permission" && !audiences.contains(&"urn:logto:organization:acme") {
        return Err(if audiences.iter().any(|aud| aud.starts_with(ORGANIZATION)) { mismatch } else { wrong });
    }
    match path {
        "/open" => {}
        "/acme/resource" => require(organization == Some("acme"), mismatch)?,
        _ => require(organization.is_none(), mismatch)?,
    }
    match path {
        "/global" => require(has("a") && (has("b") || has("c")), scope),
        "/acme/resource" => require(has("a"), scope),
        "/equal" => {
            let is_met =
                claim("a.b") == Some(&json!("x")) && is_number(claim("n"), 1.0) && claim("t") == Some(&json!(true));
            require(is_met, other)
        }
        "/any" => {
            let role = claim("role");
            let is_any = |role: &Value| *role == json!("admin") || is_number(Some(role), 2.0) || *role == json!(false);
            require(role.is_some_and(|role| is_any(role) || elements(role).iter().any(is_any)), other)
        }
        "/acme/named" => {
            let named = claims.get("a.b").and_then(|object| object.as_object()?.get("acme"));
            let is_any = |value: &Value| *value == json!("x") || *value == json!("7") || is_number(Some(value), 7.0);
            require(named.is_some_and(|named| is_any(named) || elements(named).iter().any(is_any)), other)
        }
        "/acme/member" => {
            let has = claim("roles").and_then(Value::as_object).is_some_and(|roles| roles.contains_key("acme"));
            let list = claim("list").map(elements).unwrap_or_default();
            let contains = list.contains(&json!("x")) && list.iter().any(|item| is_number(Some(item), 1.0));
            require(has && contains, other)
        }
        "/contains" => {
            let is_met = match claim("roles") {
                Some(Value::Array(roles)) => roles.contains(&json!("admin")),
                Some(Value::String(roles)) => roles.split(' ').any(|role| role == "admin"),
                _ => false,
            };
            require(is_met, other)
        }
        _ => Ok(()),
    }
}

fn elements(claim: &Value) -> &[Value] {
    claim.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn audiences(claims: &Map<String, Value>) -> Option<Vec<&str>> {
    match claims.get("aud") {
        None => Some(Vec::new()),
        Some(Value::String(one)) => Some(vec![one]),
        Some(Value::Array(several)) => several.iter().map(Value::as_str).collect(),
        Some(_) => None,
    }
}

fn scopes(claim: &Value) -> Option<Vec<String>> {
    match claim {
        Value::String(text) => Some(text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()),
        Value::Array(items) => {
            let texts: Vec<&str> = items.iter().map(Value::as_str).collect::<Option<_>>()?;
            Some(texts.into_iter().filter(|text| !text.chars().any(char::is_whitespace)).map(str::to_owned).collect())
        }
        _ => None,
    }
}

fn find<'c>(claims: &'c Map<String, Value>, path: &str) -> Option<&'c Value> {
    if let Some(claim) = claims.get(path) {
        return Some(claim);
    }
    let dot = path.find('.')?;
    find(claims.get(&path[..dot])?.as_object()?, &path[dot + 1..])
}

fn is_number(claim: Option<&Value>, expected: f64) -> bool {
    claim.and_then(Value::as_f64) == Some(expected)
}

/// Each identity header is one line of printable ASCII, and agrees with the claims.
fn assert_identity(set: &[(Cow<'_, str>, Cow<'_, str>)], claims: &Value) {
    for (name, value) in set {
        assert!(value.bytes().all(|b| (b' '..=b'~').contains(&b)), "{name}: {value:?}");
        assert!(!value.starts_with(' ') && !value.ends_with(' ') || name == "x-auth-scopes", "{name}: {value:?}");
    }
    let header = |name: &str| set.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref());
    assert_eq!(header("x-auth-subject").is_some(), claims.get("sub").is_some());
    assert_eq!(header("x-auth-issuer"), claims["iss"].as_str());
}
