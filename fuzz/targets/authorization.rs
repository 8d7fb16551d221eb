//! The `Authorization` header. The input is the header's value, a newline, and the request's host.
//!
//! - The gate accepts what a second implementation of RFC 6750 §2.1 accepts. The token is a substring of the value.
//! - Two headers joined into one never yield a token.
//! - Every refusal has a challenge that is one well-formed header line.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use portcullis::answer::answer;
use portcullis::decision::{AnswerContext, Decision};
use portcullis::denial::{Denial, InvalidToken};
use portcullis::token::bearer::extract;
use portcullis_fuzz::support::{Token, policy, read};
use portcullis_fuzz::{get, trusting::Gate};

thread_local! {
    static GATE: OnceCell<(Gate, String)> = const { OnceCell::new() };
}

fuzz_target!(|text: &str| {
    let (value, host) = text.split_once('\n').unwrap_or((text, "api.example.com"));
    let expected = token_of(value);
    let extracted = extract(Some(value));
    match &extracted {
        Ok(Some(token)) => {
            assert_eq!(Some(*token), expected);
            let (value, token) = (value.as_bytes().as_ptr_range(), token.as_bytes().as_ptr_range());
            assert!(value.start <= token.start && token.end <= value.end, "a substring of the value");
            assert_joined(text);
        }
        Ok(None) => assert!(value.bytes().all(|b| b == b' ')),
        Err(denial) => {
            assert_eq!(expected, None);
            assert!(matches!(denial, Denial::UnsupportedScheme | Denial::MalformedAuthorization));
            assert_challenge(denial, host);
        }
    }
    assert_decision(value, &extracted);
});

/// `Bearer`, spaces, then characters of b64token, and padding only at the end.
fn token_of(value: &str) -> Option<&str> {
    let value = value.trim_start_matches(' ').trim_end_matches(' ');
    let (scheme, rest) = (value.get(..6)?, value.get(6..)?);
    let token = rest.trim_start_matches(' ');
    let body = token.split('=').next().unwrap_or_default();
    let is_token = scheme.eq_ignore_ascii_case("bearer")
        && rest.starts_with(' ')
        && !body.is_empty()
        && body.chars().all(|c| matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '.' | '_' | '~' | '+' | '/'))
        && token[body.len()..].chars().all(|c| c == '=');
    is_token.then_some(token)
}

fn assert_joined(text: &str) {
    let (value, other) = text.split_once('\n').unwrap_or((text, ""));
    for joined in [format!("{value}, {other}"), format!("{value},{value}"), format!("{value},{other}")] {
        assert_eq!(extract(Some(&joined)), Err(Denial::MalformedAuthorization), "{joined:?}");
    }
}

fn assert_challenge(denial: &Denial, host: &str) {
    let answer = answer(denial, &AnswerContext::at(host));
    assert_eq!(answer.status, 401);
    let challenge = answer.headers.iter().find(|(name, _)| *name == "www-authenticate").map(|(_, value)| value);
    let challenge = challenge.expect("every 401 has one");
    assert!(challenge.bytes().all(|b| (b' '..=b'~').contains(&b)), "{challenge:?}");
    let rest = challenge.strip_prefix("Bearer realm=\"").expect("a realm");
    // Quoted parameters that contain nothing that could end the quotes.
    let parts: Vec<&str> = rest.split('"').collect();
    let expected = if *denial == Denial::UnsupportedScheme { 2 } else { 6 };
    assert_eq!(parts.len(), expected, "{challenge:?}");
    assert!(!challenge.contains('\\'), "{challenge:?}");
}

/// The whole gate reads the header in the same way, and allows a request only with a token of three segments.
fn assert_decision(value: &str, extracted: &Result<Option<&str>, Denial>) {
    GATE.with(|gate| {
        let (gate, good) = gate.get_or_init(|| {
            let policy = policy(r#"[{"path": "/", "audience": "https://api.example.com"}]"#);
            (Gate::new(read(&policy)), Token::default().sign())
        });
        let value = value.replace("GOOD", good);
        let decision = gate.decide(&get("https://api.example.com/", &[("authorization", &value)]));
        match (decision, extract(Some(&value))) {
            (Decision::Allow(_), Ok(Some(token))) => assert!(token.matches('.').count() == 2),
            (Decision::Deny(Denial::MissingAuthorization), Ok(None)) => {}
            (Decision::Deny(Denial::InvalidToken(InvalidToken::Signature)), Ok(Some(_))) => {}
            (Decision::Deny(denial), Ok(Some(_))) => {
                assert_eq!(answer(&denial, &AnswerContext::at("h")).status / 100, 4)
            }
            (Decision::Deny(denial), Err(refused)) => assert_eq!(denial, refused),
            (decision, extracted) => panic!("{decision:?} for {extracted:?}"),
        }
        assert_eq!(extracted.is_ok(), token_of(&value).is_some() || value.trim_matches(' ').is_empty());
    });
}
