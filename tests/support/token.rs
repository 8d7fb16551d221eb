//! Tokens, signed with real keys.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use portcullis::jose::base64url;
use serde_json::{Map, Value, json};

use super::{ISSUER, NOW};

/// A token in the making. By default it is a good one for `https://api.example.com`, signed with `p384`.
#[derive(Clone)]
pub struct Token {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub key: &'static str,
}

impl Default for Token {
    fn default() -> Self {
        let header = json!({"alg": "ES384", "typ": "at+jwt", "kid": "p384"});
        let claims = json!({
            "iss": ISSUER, "sub": "user-1", "client_id": "app-1", "aud": "https://api.example.com",
            "scope": "read:data write:data", "iat": NOW, "exp": NOW + 3600,
        });
        Self { header: header.as_object().unwrap().clone(), claims: claims.as_object().unwrap().clone(), key: "p384" }
    }
}

impl Token {
    /// Sets a claim; `null` takes it away.
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        set(&mut self.claims, name, value);
        self
    }

    /// Sets a header parameter; `null` takes it away.
    pub fn header(mut self, name: &str, value: Value) -> Self {
        set(&mut self.header, name, value);
        self
    }

    pub fn signed_with(mut self, key: &'static str, algorithm: &str) -> Self {
        self.key = key;
        self.header("kid", json!(key)).header("alg", json!(algorithm))
    }

    pub fn sign(&self) -> String {
        sign_texts(
            &json!(self.header).to_string(),
            &json!(self.claims).to_string(),
            self.key,
            self.header["alg"].as_str().unwrap(),
        )
    }
}

fn set(members: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}

/// Signs any two texts as header and payload.
pub fn sign_texts(header: &str, payload: &str, key: &str, algorithm: &str) -> String {
    sign_segments(&base64url::encode(header.as_bytes()), &base64url::encode(payload.as_bytes()), key, algorithm)
}

/// Signs any two segments.
pub fn sign_segments(header: &str, payload: &str, key: &str, algorithm: &str) -> String {
    let signed = format!("{header}.{payload}");
    // jsonwebtoken knows Ed25519 by its older name only.
    let algorithm: Algorithm = if algorithm == "Ed25519" { Algorithm::EdDSA } else { algorithm.parse().unwrap() };
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &private(key), algorithm).unwrap();
    format!("{signed}.{signature}")
}

fn private(name: &str) -> EncodingKey {
    match name {
        "rsa" => EncodingKey::from_rsa_der(include_bytes!("keys/rsa.der")),
        "p256" => EncodingKey::from_ec_der(include_bytes!("keys/p256.der")),
        "p384" => EncodingKey::from_ec_der(include_bytes!("keys/p384.der")),
        "p384b" => EncodingKey::from_ec_der(include_bytes!("keys/p384b.der")),
        "ed2" => EncodingKey::from_ed_der(include_bytes!("keys/ed2.der")),
        "ed3" => EncodingKey::from_ed_der(include_bytes!("keys/ed3.der")),
        "ed" => EncodingKey::from_ed_der(include_bytes!("keys/ed.der")),
        _ => panic!("no key {name}"),
    }
}

/// The public JWK of a key, its name as `kid`.
pub fn public(name: &str) -> Value {
    let algorithm = match name {
        "rsa" => Algorithm::RS256,
        "p256" => Algorithm::ES256,
        "p384" | "p384b" => Algorithm::ES384,
        _ => Algorithm::EdDSA,
    };
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&private(name), algorithm).unwrap()).unwrap();
    let members = jwk.as_object_mut().unwrap();
    // Whatever the key may be used for is the tests' to say.
    members.retain(|member, _| ["kty", "crv", "x", "y", "n", "e"].contains(&member.as_str()));
    members.insert("kid".to_owned(), json!(name));
    jwk
}

/// A key set of these keys.
pub fn key_set(names: &[&str]) -> String {
    json!({"keys": names.iter().map(|name| public(name)).collect::<Vec<_>>()}).to_string()
}
