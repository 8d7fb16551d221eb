//! Why a gate does not do what it is asked for, in words.

use serde::Deserialize;

use crate::web::Answer;

/// What a gate is asked for, in words.
pub(crate) struct Purpose {
    /// What the gate has there.
    pub(crate) noun: &'static str,
    /// What a token permits.
    pub(crate) act: &'static str,
    /// The key of the policy without which there is nothing at the path.
    pub(crate) key: &'static str,
}

/// The body of a gate's refusal.
#[derive(Default, Deserialize)]
struct Refusal {
    error: Option<String>,
    code: Option<String>,
}

/// Explains an answer that is neither 200 nor 204.
pub(super) fn explain(answer: &Answer, Purpose { noun, act, key }: &Purpose) -> String {
    let Refusal { error, code } = serde_json::from_str(&answer.body).unwrap_or_default();
    let why = match answer.status {
        400 => "the gate does not understand this".to_owned(),
        401 => "the gate does not accept this token".to_owned(),
        403 => format!("this token does not permit {act}"),
        404 => format!("there is no {noun} here: the policy of the gate has no `{key}`, or this is not a gate"),
        500..=599 => format!("the gate cannot give its {noun} now"),
        _ => format!("this is not the {noun} of a gate"),
    };
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    format!("{why}{error} ({}{code})", answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(status: u16, body: &str) -> String {
        let purpose = Purpose { noun: "status", act: "to read the status", key: "status" };
        explain(&Answer { status, body: body.to_owned() }, &purpose)
    }

    #[test]
    fn says_what_the_gate_says() {
        let body = r#"{"error":"Insufficient scope","code":"auth.insufficient_scope"}"#;
        let expected =
            "this token does not permit to read the status: Insufficient scope (403 auth.insufficient_scope)";
        assert_eq!(explained(403, body), expected);
        for body in ["", "<html>", "[]", r#"{"error":1}"#] {
            assert_eq!(explained(401, body), "the gate does not accept this token (401)");
        }
    }
}
