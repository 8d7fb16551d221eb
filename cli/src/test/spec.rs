//! The file of tests as types, for the JSON Schema alone that editors complete from: the comments here are what they show.

#![expect(dead_code, reason = "the types say what a file may hold; `file.rs` reads it")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::schema::spec::TOKEN;

/// The value of a header: no control characters but tabs.
const VALUE: &str = r"^[^\x00-\x08\x0a-\x1f\x7f-\x9f]*$";

/// A method (RFC 9110 §9.1) that the platform takes: none of them is in lower case.
const METHOD: &str = "^[!#$%&'*+.^_`|~0-9A-Z-]+$";

/// Tests of a policy, which `portcullis test` runs.
#[derive(JsonSchema)]
#[schemars(rename = "Tests", deny_unknown_fields, title = "Tests of a Portcullis policy")]
pub(crate) struct TestsSpec {
    /// The policy's file, beside this one. Default: `wrangler.toml`.
    #[schemars(length(min = 1), extend("default" = "wrangler.toml"))]
    policy: Option<String>,
    /// The environment of wrangler.toml whose policy is meant.
    #[schemars(length(min = 1))]
    env: Option<String>,
    /// When the tests take place. Default: 2027-01-15T08:00:00Z.
    now: Option<TimeSpec>,
    /// Claims of all callers that have some.
    claims: Option<BTreeMap<String, Value>>,
    /// The tests.
    #[schemars(length(min = 1))]
    tests: Vec<TestSpec>,
}

/// A request, and what is to become of it.
#[derive(JsonSchema)]
#[schemars(rename = "Test", deny_unknown_fields, extend("dependencies" = {"without": ["claims"]}))]
struct TestSpec {
    /// What the test shows. No two tests of a file have one name.
    #[schemars(length(min = 1))]
    name: String,
    /// The request's method. Default: `GET`.
    #[schemars(regex(pattern = METHOD), extend("default" = "GET"))]
    method: Option<String>,
    /// The request's URL, or only a path, on `https://localhost`.
    #[schemars(regex(pattern = r"^(/|[Hh][Tt][Tt][Pp][Ss]?://)[^ \x00-\x1f\x7f-\x9f]*$"))]
    url: String,
    /// The request's headers.
    #[schemars(extend("propertyNames" = {"pattern": TOKEN}, "additionalProperties" = {"type": "string", "pattern": VALUE}))]
    headers: Option<BTreeMap<String, String>>,
    /// When the request takes place. Default: as the file says.
    now: Option<TimeSpec>,
    /// The caller's claims, taken as verified; without this key the caller has no token. By default there are `iss` (where
    /// the policy has one issuer), `iat` and `exp` (an hour later).
    claims: Option<BTreeMap<String, Value>>,
    /// Claims to leave out, even if they would be there by default.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    without: Option<Vec<String>>,
    /// What is expected: at least one thing.
    expect: ExpectSpec,
}

/// What is to become of a request.
#[derive(JsonSchema)]
#[schemars(rename = "Expect", deny_unknown_fields, extend("minProperties" = 1))]
struct ExpectSpec {
    /// Whether the request goes to the origin, is refused, or answered by the gate (a preflight, a document of its own).
    decision: Option<DecisionSpec>,
    /// The status of the gate's own answer.
    #[schemars(range(min = 100, max = 599))]
    status: Option<u16>,
    /// The code in the gate's own answer, like `auth.insufficient_scope`.
    #[schemars(length(min = 1))]
    code: Option<String>,
    /// The whole `WWW-Authenticate` of the gate's own answer.
    #[schemars(length(min = 1))]
    challenge: Option<String>,
    /// Headers that the gate gives the client, in its own answer or beside the origin's.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": TOKEN}))]
    answer: Option<BTreeMap<String, HeaderSpec>>,
    /// The name of the request's route.
    #[schemars(length(min = 1))]
    route: Option<String>,
    /// The URL that the origin is asked for.
    #[schemars(length(min = 1))]
    origin: Option<String>,
    /// The service binding by which the origin is asked.
    #[schemars(length(min = 1))]
    service: Option<String>,
    /// Headers that the origin receives.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": TOKEN}))]
    headers: Option<BTreeMap<String, HeaderSpec>>,
}

/// What becomes of a request.
#[derive(JsonSchema)]
#[schemars(rename = "Decision", rename_all = "lowercase")]
enum DecisionSpec {
    Allow,
    Deny,
    Serve,
}

/// Seconds since 1970, or a date.
struct TimeSpec;

impl JsonSchema for TimeSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Seconds since 1970, or a date like \"2027-01-15T08:00:00Z\".",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": crate::trial::time::LAST_SECOND},
                {"type": "string", "minLength": 1},
            ],
        })
    }
}

/// What a header must be.
struct HeaderSpec;

impl JsonSchema for HeaderSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Header".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The value, true (there, whatever it is) or false (not there).",
            "type": ["string", "boolean"],
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use portcullis::policy::{Names, PolicyError};
    use serde_json::json;

    use super::super::file::parse_tests;

    #[test]
    fn the_schema_and_the_reader_take_the_same_requests() {
        let schema = jsonschema::validator_for(&crate::schema::tests().to_value()).unwrap();
        let file = |key: &str, value: serde_json::Value| {
            let mut test = json!({"name": "a", "url": "/", "expect": {"status": 404}});
            test[key] = value;
            json!({"tests": [test]})
        };
        for good in [
            file("url", json!("/a?b=%20#c")),
            file("url", json!("HTTP://a.com/é{}")),
            file("method", json!("X-Y_!")),
            file("headers", json!({"X-A_b": " é\t", "!": "1, 2"})),
            file("headers", json!({"a": ""})),
            file("headers", json!({})),
            file("expect", json!({"answer": {"x-a": ""}, "headers": {"X_a": true}})),
            file("now", json!("2027-01-15T08:00:00Z")),
        ] {
            assert!(parse_tests(&good.to_string()).is_ok() && schema.is_valid(&good), "{good}");
        }
        for bad in [
            file("url", json!("/a b")),
            file("url", json!("/a\n")),
            file("url", json!("/\u{85}")),
            file("url", json!("a.com")),
            file("method", json!("")),
            file("method", json!("get")),
            file("method", json!("G T")),
            file("method", json!("GET\n")),
            file("headers", json!({"a b": "1"})),
            file("headers", json!({"": "1"})),
            file("headers", json!({"a": "1\n2"})),
            file("headers", json!({"a": "\u{7f}"})),
            file("headers", json!({"a": 1})),
            file("expect", json!({"headers": {"x-a ": false}})),
            file("expect", json!({"answer": {"": false}})),
        ] {
            assert!(parse_tests(&bad.to_string()).is_err() && !schema.is_valid(&bad), "{bad}");
        }
    }

    #[test]
    fn the_schema_and_the_reader_know_the_same_keys() {
        let schema = crate::schema::tests().to_value();
        for (properties, pointer) in [
            ("/properties", ""),
            ("/definitions/Test/properties", "/tests/0"),
            ("/definitions/Expect/properties", "/tests/0/expect"),
        ] {
            let mut file = json!({"tests": [{"name": "a", "url": "/", "expect": {"status": 404}}]});
            assert!(parse_tests(&file.to_string()).is_ok());
            file.pointer_mut(pointer).unwrap()["zzz"] = json!(1);
            let errors = parse_tests(&file.to_string()).err().unwrap();
            let [PolicyError { names: Some(Names::Keys(known)), .. }] = errors.as_slice() else {
                panic!("{pointer}: {errors:?}");
            };
            let listed: BTreeSet<&str> =
                schema.pointer(properties).unwrap().as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(listed, known.iter().copied().collect(), "{pointer}");
        }
    }
}
