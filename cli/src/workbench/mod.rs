//! What the workbench asks: the commands about a policy, on texts instead of files.
//!
//! An answer is what `--format json` of the command prints.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::document::Source;
use crate::exit::Failure;
use crate::explain::{self, read_claims};
use crate::finding::json;
use crate::policy::{LoadedPolicy, ReadOptions, of_source};
use crate::trial::time;
use crate::{check, routes, test};

/// A text, with the name that a file of it would have.
#[derive(Debug, Deserialize)]
struct Text {
    name: String,
    text: String,
    /// The environment whose policy counts, where it is wrangler's configuration.
    env: Option<String>,
}

/// A question, by the name of its command.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Question {
    Check {
        policy: Text,
    },
    Routes {
        policy: Text,
    },
    Explain {
        policy: Text,
        method: String,
        url: String,
        /// Each as `name: value`.
        headers: Vec<String>,
        token: Option<String>,
        /// An object in JSON.
        claims: Option<String>,
        /// A key set in the place of those of the issuers.
        keys: Option<Text>,
        /// As for `--now`.
        now: Option<String>,
    },
    Test {
        policy: Text,
        tests: Text,
    },
}

/// Answers the question that the page has.
#[cfg(all(target_os = "wasi", feature = "workbench"))]
pub fn main() {
    use crate::host;

    if let Some(question) = host::question() {
        host::answer(&answer(&question));
    }
}

/// Without a page there is no question.
#[cfg(not(all(target_os = "wasi", feature = "workbench")))]
pub fn main() {}

/// The answer to a question in JSON: `is`, the report of the command; `problem`, why there is none; or `findings`, what is
/// wrong in the texts.
#[must_use]
pub fn answer(question: &str) -> Value {
    let question = serde_json::from_str(question).map_err(|error| Failure::new(error.to_string()));
    match question.and_then(report) {
        Ok(report) => json!({"is": report}),
        Err(Failure::Message(message)) => json!({"problem": message}),
        Err(Failure::Findings(found)) => json!({"findings": json::report(&found.1, &found.0)}),
    }
}

fn report(question: Question) -> Result<Value, Failure> {
    match question {
        Question::Check { policy } => {
            // Of all environments.
            let reading = ReadOptions { env: None, syntax: None };
            let (source, findings) = check::check(policy.into(), &reading, |_, _| Vec::new())?;
            value(&json::report(&findings, &source))
        }
        Question::Routes { policy } => value(&routes::rows(&loaded(policy)?)),
        Question::Explain { policy, method, url, headers, token, claims, keys, now } => {
            let question = explain::Question {
                method: &method,
                url: &url,
                headers: &headers,
                token: token.as_deref().map(str::trim).filter(|token| !token.is_empty()).map(str::to_owned),
                claims: claims.as_deref().map(read_claims).transpose()?,
                without: &[],
                keys: keys.map(Source::from),
                revocations: None,
                now: now.as_deref().map(time::parse).transpose().map_err(Failure::new)?,
            };
            value(&explain::explain(loaded(policy)?, question)?)
        }
        Question::Test { policy, tests } => test::report_on(tests.into(), policy.into()),
    }
}

fn loaded(mut policy: Text) -> Result<LoadedPolicy, Failure> {
    let reading = ReadOptions { env: policy.env.take(), syntax: None };
    of_source(policy.into(), &reading)
}

impl From<Text> for Source {
    fn from(Text { name, text, .. }: Text) -> Self {
        Self::of(name, text)
    }
}

fn value(report: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(report).map_err(|error| Failure::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"version": 1, "origin": "https://o.example.com",
        "issuers": {"i": {"issuer": "https://i.example.com", "jwks_uri": "https://i.example.com/keys"}},
        "routes": [{"path": "/a/{id}", "audience": "a", "scopes": ["r"]}]}"#;

    fn asked(command: &str, mut question: Value) -> Value {
        question["policy"] = json!({"name": "policy.json", "text": POLICY});
        answer(&json!({command: question}).to_string())
    }

    fn explained(caller: Value) -> Value {
        let mut question = json!({"method": "GET", "url": "/a/7", "headers": [], "now": "1800000000"});
        question.as_object_mut().unwrap().extend(caller.as_object().unwrap().clone());
        asked("explain", question)
    }

    #[test]
    fn explains_claims_and_tokens() {
        let allowed = explained(json!({"claims": r#"{"aud": "a", "scope": "r"}"#}));
        assert_eq!(allowed["is"]["decision"], "allow", "{allowed}");
        let refused = explained(json!({"claims": r#"{"aud": "b", "scope": "r"}"#}));
        assert_eq!(refused["is"]["effect"]["status"], 403);
        let opaque = explained(json!({"token": " opaque\n"}));
        assert_eq!(opaque["is"]["effect"]["status"], 401);
        let anonymous = explained(json!({"token": "  "}));
        assert_eq!(anonymous["is"]["caller"], "anonymous");
        assert_eq!(explained(json!({"claims": "[]"}))["problem"], "expected claims as a JSON object, found a list");
    }

    #[test]
    fn finds_what_is_wrong() {
        let found = answer(r#"{"check": {"policy": {"name": "p.toml", "text": "orign = \"x\""}}}"#);
        let first = &found["is"]["findings"][2];
        assert_eq!((&first["fix"], &first["start"]["column"]), (&json!("origin"), &json!(1)), "{found}");
        let unusable = answer(r#"{"routes": {"policy": {"name": "p.toml", "text": "orign = \"x\""}}}"#);
        assert_eq!(unusable["findings"]["findings"][2]["place"], "orign", "{unusable}");
        assert!(answer("{}")["problem"].is_string());
    }

    #[test]
    fn runs_tests_and_lists_routes() {
        let tests =
            "policy = \"other.toml\"\n[[tests]]\nname = \"no token\"\nurl = \"/a/1\"\nexpect = { status = 401 }\n";
        let ran = asked("test", json!({"tests": {"name": "t.toml", "text": tests}}));
        assert_eq!(
            (&ran["is"]["passed"], &ran["is"]["files"][0]["tests"][0]["name"]),
            (&json!(1), &json!("no token")),
            "{ran}"
        );
        let wrong = asked("test", json!({"tests": {"name": "t.toml", "text": "[[test]]"}}));
        assert_eq!(wrong["findings"]["file"], "t.toml", "{wrong}");
        assert_eq!(asked("routes", json!({}))["is"][0]["path"], "/a/{id}");
    }
}
