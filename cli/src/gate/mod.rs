//! A gate that runs somewhere, and what it is asked on its own paths.

mod refusal;
mod token;

use portcullis::platform::Get;
use portcullis::policy::url::check_key_url;
use serde_json::Value;

use crate::exit::Failure;
use crate::output::printable;
use crate::web::{Answer, ask_as_bearer};
pub(crate) use refusal::Purpose;

const TIMEOUT_MS: u32 = 10_000;

/// As large as the largest policy, of which the status names each issuer.
const MAX_BYTES: usize = 3 * 1024 * 1024;

/// A gate, and the token with which it is asked.
pub(crate) struct RemoteGate<'g> {
    root: &'g str,
    token: String,
}

impl<'g> RemoteGate<'g> {
    /// The gate at a URL that [`base`] has read. Asks for the token.
    ///
    /// # Errors
    /// There is no token.
    pub(crate) fn new(root: &'g str) -> Result<Self, Failure> {
        Ok(Self { root, token: token::read()? })
    }

    /// What the gate answers at a path of its own: to GET, or to POST with a body.
    ///
    /// # Errors
    /// `Err` if there is no answer; `Ok(Err)` if it is a refusal or not the gate's, in words.
    pub(crate) fn ask(
        &self,
        path: &str,
        body: Option<&str>,
        purpose: &Purpose,
    ) -> Result<Result<Answer, String>, Failure> {
        let url = format!("{}{path}", self.root);
        let get = Get { url: &url, etag: None, timeout_ms: TIMEOUT_MS, max_bytes: MAX_BYTES };
        let answer = ask_as_bearer(&self.token, get, body)
            .map_err(|fault| Failure::new(format!("{} {url}: {}", method(body), printable(&fault.0))))?;
        // In JSON it could be escaped.
        let unescaped = serde_json::from_str::<Value>(&answer.body).map(|value| value.to_string());
        if answer.body.contains(&self.token) || unescaped.is_ok_and(|body| body.contains(&self.token)) {
            return Ok(Err("the answer contains the token, so it is not the gate's, and is not shown".to_owned()));
        }
        if !matches!(answer.status, 200 | 204) {
            return Ok(Err(printable(&refusal::explain(&answer, purpose))));
        }
        Ok(Ok(answer))
    }
}

fn method(body: Option<&str>) -> &'static str {
    if body.is_some() { "POST" } else { "GET" }
}

/// A URL that is only a scheme and an authority, without a slash at its end. A path of the gate's own is so on the
/// whole host; below a path, an origin could receive the token.
pub(crate) fn base(text: &str) -> Result<String, String> {
    check_key_url(text)?;
    let root = text.strip_suffix('/').unwrap_or(text);
    match root.split_once("://") {
        Some((_, authority)) if !authority.contains(['/', '?']) => Ok(root.to_owned()),
        _ => Err("expected a URL without path and query".to_owned()),
    }
}

/// JSON as it came, for a terminal too: control characters that JSON allows in strings are escaped there.
pub(crate) fn as_it_came(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.trim_end().chars() {
        match c {
            // Whitespace: no string has one of these unescaped.
            '\n' | '\t' => shown.push(c),
            '\r' => {}
            c if c.is_control() => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_named_by_its_origin() {
        for (text, expected) in [
            ("https://api.example.com", "https://api.example.com"),
            ("https://api.example.com:8443/", "https://api.example.com:8443"),
            ("http://localhost:8787", "http://localhost:8787"),
            ("http://[::1]:8787", "http://[::1]:8787"),
        ] {
            assert_eq!(base(text).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "api.example.com",
            "http://api.example.com",
            "https://api.example.com/v1",
            "https://api.example.com//",
            "https://api.example.com?a",
            "https://api.example.com/?a",
            "https://api.example.com#a",
            "https://user@api.example.com",
            "file:///etc/passwd",
        ] {
            assert!(base(text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_stays_the_same_value_and_holds_no_control_characters() {
        let json = "{\"a\": \"\u{9b}31m\u{7f}é\",\r\n\t\"b\": 1.50}\n";
        let shown = as_it_came(json);
        assert_eq!(shown, "{\"a\": \"\\u009b31m\\u007fé\",\n\t\"b\": 1.50}");
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&shown), value(json));
    }
}
