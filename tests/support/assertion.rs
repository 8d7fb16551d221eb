//! Keys of the gate's own, and a reader of what it signs that does not use its code.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use portcullis::decision::{Decision, Document};
use serde_json::{Map, Value, json};

use super::{World, policy};

/// RFC 7517 appendix A.2.
pub const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;

/// RFC 7515 appendix A.3.
pub const OTHER_P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;

/// RFC 8037 appendix A.1.
pub const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

pub const ISS: &str = "https://gate.example.com";
pub const KEY_SET: &str = "https://any.example.com/.well-known/portcullis/jwks.json";

/// The policy with a member `identity` in front.
pub fn with_identity(identity: &str, routes: &str) -> String {
    policy(routes).replacen("\"version\":1", &format!("\"version\":1,\"identity\":{identity}"), 1)
}

/// A policy that wants assertions of the secret `KEY`, with these further settings.
pub fn asserting(settings: &str, routes: &str) -> String {
    with_identity(&format!(r#"{{"assertion":{{"issuer":"{ISS}","keys":["KEY"]{settings}}}}}"#), routes)
}

/// A world whose gate has the secret `KEY`.
pub fn world(policy: &str) -> World {
    let world = World::new(policy);
    set_secret(&world, "KEY", P256);
    world
}

pub fn set_secret(world: &World, name: &str, value: &str) {
    world.shared.secrets.borrow_mut().insert(name.to_owned(), value.to_owned());
}

/// The key set that the gate publishes.
pub fn published(world: &mut World) -> Value {
    match world.request("GET", KEY_SET, &[]) {
        Decision::Serve(Document { body, media_type, .. }) => {
            assert_eq!(media_type, "application/jwk-set+json");
            serde_json::from_str(&body).unwrap()
        }
        other => panic!("not served: {other:?}"),
    }
}

/// The claims of an assertion that holds under the key of the set that it names, whatever the time.
pub fn claims(assertion: &str, set: &Value) -> Map<String, Value> {
    let set: JwkSet = serde_json::from_value(set.clone()).unwrap();
    let header = decode_header(assertion).unwrap();
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let key = set.find(header.kid.as_ref().unwrap()).unwrap();
    let mut rules = Validation::new(header.alg);
    assert!(matches!(header.alg, Algorithm::ES256 | Algorithm::EdDSA));
    (rules.validate_exp, rules.validate_aud) = (false, false);
    let token = decode::<Map<String, Value>>(assertion, &DecodingKey::from_jwk(key).unwrap(), &rules);
    token.unwrap().claims
}

/// The value of a header of a request that was allowed.
pub fn header(decision: &Decision<'_>, name: &str) -> Option<String> {
    let Decision::Allow(forward) = decision else { panic!("not allowed: {decision:?}") };
    let values: Vec<_> = forward.set.iter().filter(|(known, _)| known == name).collect();
    assert!(values.len() < 2, "{name} is set twice");
    values.first().map(|(_, value)| value.to_string())
}

/// The assertion of a request that was allowed.
pub fn assertion(decision: &Decision<'_>) -> String {
    header(decision, "x-auth-assertion").unwrap()
}

pub fn number(claims: &Map<String, Value>, name: &str) -> u64 {
    claims[name].as_u64().unwrap()
}
