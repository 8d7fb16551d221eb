//! The file of tests as types, from which only the JSON Schema for editors is generated; they show these comments.

#![expect(dead_code, reason = "only the schema is made from these types; `file.rs` reads the file")]

use std::collections::BTreeMap;

use portcullis::time::UnixSeconds;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::schema::spec::TOKEN;

/// A header value: no control characters except tabs.
const VALUE: &str = r"^[^\x00-\x08\x0a-\x1f\x7f-\x9f]*$";

/// A method (RFC 9110 §9.1) that the platform accepts: without lower-case letters.
const METHOD: &str = "^[!#$%&'*+.^_`|~0-9A-Z-]+$";

/// Tests of a policy, which `portcullis test` runs.
#[derive(JsonSchema)]
#[schemars(rename = "Tests", deny_unknown_fields, title = "Tests of a Portcullis policy")]
pub(crate) struct TestsSpec {
    /// The policy's file, beside this one. Default: the configuration that wrangler takes in this folder.
    #[schemars(length(min = 1))]
    policy: Option<String>,
    /// The environment of wrangler's configuration whose policy to use.
    #[schemars(length(min = 1))]
    env: Option<String>,
    /// The time of the tests. Default: 2027-01-15T08:00:00Z.
    now: Option<TimeSpec>,
    /// Claims of every caller that has claims.
    claims: Option<BTreeMap<String, Value>>,
    /// The tests.
    #[schemars(length(min = 1))]
    tests: Vec<TestSpec>,
}

/// A request, and what is expected of it.
#[derive(JsonSchema)]
#[schemars(rename = "Test", deny_unknown_fields, extend("dependencies" = {"without": ["claims"]}))]
struct TestSpec {
    /// The name of the test, unique in the file.
    #[schemars(length(min = 1))]
    name: String,
    /// The request's method. Default: `GET`.
    #[schemars(regex(pattern = METHOD), extend("default" = "GET"))]
    method: Option<String>,
    /// The request's URL, or a path on `https://localhost`.
    #[schemars(regex(pattern = r"^(/|[Hh][Tt][Tt][Pp][Ss]?://)[^ \x00-\x1f\x7f-\x9f]*$"))]
    url: String,
    /// The request's headers.
    #[schemars(extend("propertyNames" = {"pattern": TOKEN}, "additionalProperties" = {"type": "string", "pattern": VALUE}))]
    headers: Option<BTreeMap<String, String>>,
    /// The time of the request. Default: the file's.
    now: Option<TimeSpec>,
    /// The caller's claims, taken as verified; without this key the caller has no token. Added by default: `iss` (if
    /// the policy has one issuer), `iat` and `exp` (an hour later).
    claims: Option<BTreeMap<String, Value>>,
    /// Claims to leave out, even those that are added by default.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    without: Option<Vec<String>>,
    /// What is expected: at least one key.
    expect: ExpectSpec,
}

/// What is expected of a request.
#[derive(JsonSchema)]
#[schemars(rename = "Expect", deny_unknown_fields, extend("minProperties" = 1))]
struct ExpectSpec {
    /// Whether the request goes to the origin, is refused, or is answered by the gate (a preflight, a document of its
    /// own).
    decision: Option<DecisionSpec>,
    /// The status of the gate's own answer.
    #[schemars(range(min = 100, max = 599))]
    status: Option<u16>,
    /// The code in the gate's own answer, like `auth.insufficient_scope`.
    #[schemars(length(min = 1))]
    code: Option<String>,
    /// The full `WWW-Authenticate` of the gate's own answer.
    #[schemars(length(min = 1))]
    challenge: Option<String>,
    /// Headers that the gate sends to the client, in its own answer or added to the origin's.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": TOKEN}))]
    answer: Option<BTreeMap<String, HeaderSpec>>,
    /// The name of the request's route.
    #[schemars(length(min = 1))]
    route: Option<String>,
    /// The URL of the request to the origin.
    #[schemars(length(min = 1))]
    origin: Option<String>,
    /// The service binding that the request to the origin uses.
    #[schemars(length(min = 1))]
    service: Option<String>,
    /// Headers that the origin receives.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"pattern": TOKEN}))]
    headers: Option<BTreeMap<String, HeaderSpec>>,
}

/// How a request is decided.
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
                {"type": "integer", "minimum": 0, "maximum": UnixSeconds::MAX_RFC3339.0},
                {"type": "string", "minLength": 1},
            ],
        })
    }
}

/// The expected value of a header.
struct HeaderSpec;

impl JsonSchema for HeaderSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Header".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The value, true (present, whatever it is) or false (absent).",
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
