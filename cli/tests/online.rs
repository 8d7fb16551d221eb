//! `portcullis check --online`.

use serde_json::{Value, json};

use crate::provider::Provider;
use crate::server::serve;
use crate::tool::{Folder, Run, snapshot_narrow};

/// The modulus of RFC 7515 A.2.
const RSA: &str = concat!(
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR",
    "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB",
    "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia",
    "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
);

/// `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}` by `gzip -n`.
#[rustfmt::skip]
const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xab, 0x56, 0xca, 0x4e, 0xad, 0x2c, 0x56, 0xb2,
    0x8a, 0xae, 0x56, 0xca, 0x2e, 0xa9, 0x54, 0xb2, 0x52, 0xf2, 0xf7, 0x0e, 0x50, 0xd2, 0x51, 0x4a, 0x2e, 0x2a,
    0x03, 0xb2, 0x5d, 0x53, 0x8c, 0x4c, 0x4d, 0x0d, 0x2d, 0x81, 0xfc, 0x0a, 0x20, 0xcf, 0xd0, 0xb0, 0x30, 0xd2,
    0x31, 0xd2, 0xbb, 0xc2, 0xb9, 0x28, 0x2d, 0x2c, 0x38, 0xde, 0x3c, 0xa4, 0x32, 0x3c, 0xd0, 0xc3, 0x3f, 0xdd,
    0x3c, 0x23, 0xb9, 0x2c, 0x20, 0xb1, 0x20, 0xd3, 0x37, 0xa7, 0xa8, 0xdc, 0x33, 0x31, 0x31, 0x20, 0xd9, 0x23,
    0x34, 0x28, 0x5f, 0xa9, 0x36, 0xb6, 0x16, 0x00, 0xb9, 0x6f, 0x0d, 0xaa, 0x5a, 0x00, 0x00, 0x00,
];

fn ec(kid: &str) -> Value {
    // RFC 7517 A.1
    let [x, y] = ["MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"];
    json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid})
}

fn rsa(kid: &str) -> Value {
    json!({"kty": "RSA", "n": RSA, "e": "AQAB", "kid": kid, "alg": "RS256"})
}

/// An issuer on loopback with these keys.
fn issuer(keys: Value) -> u16 {
    serve(move |path, port| match path {
        "/oidc/.well-known/openid-configuration" => Some(json!({
            "issuer": format!("http://localhost:{port}/oidc"),
            "jwks_uri": format!("http://localhost:{port}/jwks"),
        })),
        "/other/.well-known/openid-configuration" => Some(json!({"issuer": "https://other.example.com"})),
        "/common/v2.0/.well-known/openid-configuration" => Some(json!({
            "issuer": format!("http://localhost:{port}/{{tenantid}}/v2.0"),
            "jwks_uri": format!("http://localhost:{port}/jwks"),
        })),
        "/jwks" => Some(json!({"keys": keys})),
        "/empty" => Some(json!({"keys": []})),
        "/weak" => {
            Some(json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "RSA", "n": &RSA[..172], "e": "AQAB"}]}))
        }
        "/off" => Some(json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)}]})),
        "/many" => Some(json!({"keys": vec![ec("e1"); 101]})),
        "/large" => Some(json!({"keys": keys, "x": "x".repeat(262_144)})),
        _ => None,
    })
}

/// What a check of a policy with this issuer gives, the port put out of it.
fn check(name: &str, port: u16, issuer: &str, flags: &[&str]) -> Run {
    let folder = Folder::new(name);
    let policy = format!(
        "version = 1\norigin = \"https://o.com\"\n[issuers.a]\n{}\n[[routes]]\npath = \"/\"\naudience = \"x\"\n",
        issuer.replace("PORT", &port.to_string())
    );
    let mut run = folder.write("policy.toml", policy).run(&[&["check", "policy.toml", "--online"], flags].concat());
    run.out = run.out.replace(&port.to_string(), "PORT");
    run
}

#[test]
fn says_which_keys_would_be_used_with_which_algorithms() {
    let encryption = json!({"kty": "RSA", "n": RSA, "e": "AQAB", "use": "enc"});
    let port = issuer(json!([rsa("r1"), ec("e1"), encryption]));
    let run = check("keys", port, "issuer = \"http://localhost:PORT/oidc\"", &[]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    snapshot_narrow("check/online.txt", &run.out);
    let run = check("keys-json", port, "issuer = \"http://localhost:PORT/oidc\"", &["--format", "json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["findings"], json!([]));
    let keys = json!([
        {"kid": "r1", "type": "RSA 2048", "algorithms": ["RS256"]},
        {"kid": "e1", "type": "EC P-256", "algorithms": ["ES256"]},
    ]);
    let passed_over = json!([{"entry": 2, "reason": "use is \"enc\", not \"sig\""}]);
    let expected = json!([{"name": "a", "issuer": "http://localhost:PORT/oidc", "jwks_uri": "http://localhost:PORT/jwks",
        "keys": keys, "passed_over": passed_over}]);
    assert_eq!(report["issuers"], expected);
}

/// The Worker's runtime decodes what it gets, whether it asked for it or not.
#[test]
fn a_compressed_key_set_is_read() {
    let provider = Provider::new(|_| {
        let length = GZIPPED.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
        Some([head.as_bytes(), GZIPPED].concat())
    });
    let keys = format!("issuer = \"https://a.com\"\njwks_uri = \"{}/keys\"", provider.url);
    let run = check("gzip", 65535, &keys, &[]);
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert!(run.out.contains("  - (no kid): OKP Ed25519, EdDSA\n"), "{}", run.out);
}

#[test]
fn keys_that_cannot_be_fetched_or_used_are_errors() {
    let port = issuer(json!([ec("e1")]));
    let mut all = String::new();
    for (name, issuer) in [
        ("gone", "issuer = \"http://localhost:PORT/gone\""),
        ("other", "issuer = \"http://localhost:PORT/other\""),
        ("empty", "issuer = \"https://a.com\"\njwks_uri = \"http://localhost:PORT/empty\""),
        ("weak", "issuer = \"https://a.com\"\njwks_uri = \"http://localhost:PORT/weak\""),
        ("off", "issuer = \"https://a.com\"\njwks_uri = \"http://localhost:PORT/off\""),
        ("many", "issuer = \"https://a.com\"\njwks_uri = \"http://localhost:PORT/many\""),
        ("large", "issuer = \"https://a.com\"\njwks_uri = \"http://localhost:PORT/large\""),
        ("template", "issuer = \"http://localhost:PORT/common/v2.0\""),
        ("unfit", "issuer = \"http://localhost:PORT/oidc\"\nalgorithms = [\"ES384\"]"),
    ] {
        let run = check(name, port, issuer, &[]);
        assert_eq!((run.code, run.err.as_str()), (Some(1), ""), "{}", run.out);
        all.push_str(&run.out);
        all.push('\n');
    }
    snapshot_narrow("check/offline.txt", &all);
}

#[test]
fn a_key_that_the_policy_does_not_allow_is_a_warning() {
    let port = issuer(json!([ec("e1"), rsa("r1")]));
    let policy = "issuer = \"http://localhost:PORT/oidc\"\nalgorithms = [\"RS256\"]";
    let run = check("key-not-allowed", port, policy, &[]);
    assert_eq!(run.code, Some(0));
    let warning = "warning[key-not-allowed]: issuers.a: the policy allows none of the algorithms";
    assert!(run.out.starts_with(warning), "{}", run.out);
    assert!(run.out.contains("  - e1: EC P-256, not used\n"), "{}", run.out);
    assert_eq!(check("key-denied", port, policy, &["--deny-warnings"]).code, Some(1));
}

#[test]
fn keys_in_the_policy_are_reported_without_a_network() {
    let run = check(
        "literal",
        0,
        &format!(
            "issuer = \"x\"\njwks = {{keys = [{{kty = \"EC\", crv = \"P-256\", x = {}, y = {}}}]}}",
            ec("")["x"],
            ec("")["y"]
        ),
        &[],
    );
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert!(run.out.contains("  keys in the policy\n  - (no kid): EC P-256, ES256\n"), "{}", run.out);
}
