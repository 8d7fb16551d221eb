//! Placeholders for the Worker's secrets, which are not available here. Values made with them are shown as
//! placeholders, too.

use portcullis::jose::algorithm::{Curve, KeyType};
use portcullis::jose::base64url;
use portcullis::policy::Policy;
use portcullis::upstream::Forward;

use crate::exit::Failure;

/// Published keys: RFC 7515 §A.3 and RFC 7517 §A.2.
const P256: [&str; 2] = [
    r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#,
    r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#,
];

/// Published keys: RFC 8037 §A.1 (RFC 8032 §7.1, test 1) and RFC 8032 §7.1, test 2.
const ED25519: [&str; 2] = [
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#,
    r#"{"kty":"OKP","crv":"Ed25519","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
        "d":"TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs"}"#,
];

/// Placeholders for the secrets that a policy names.
#[derive(Clone, Debug, Default)]
pub(super) struct StandIns {
    /// The names of the secrets with the keys of assertions, and a published key for each.
    keys: Vec<(String, &'static str)>,
    /// The header that carries an assertion.
    header: Option<String>,
}

impl StandIns {
    /// # Errors
    /// There is no placeholder for keys of the assertions' algorithm.
    pub(super) fn new(policy: &Policy) -> Result<Self, Failure> {
        let Some(settings) = &policy.identity.assertion else { return Ok(Self::default()) };
        let published = published_keys(settings.algorithm.key_type()).ok_or_else(|| {
            Failure::new(format!("there is no placeholder key for assertions signed with {}", settings.algorithm))
        })?;
        let keys = settings.keys.iter().cloned().zip(published).collect();
        Ok(Self { keys, header: Some(settings.header.clone()) })
    }

    /// The placeholder for a secret: a published key for assertions, or else the secret's name in angle brackets.
    pub(super) fn secret(&self, name: &str) -> String {
        let key = self.keys.iter().find(|(known, _)| known == name);
        key.map_or_else(|| format!("<{name}>"), |(_, key)| (*key).to_owned())
    }

    /// Replaces assertions by their contents.
    pub(super) fn show(&self, forward: &mut Forward<'_>) {
        for (name, value) in &mut forward.set {
            if self.header.as_deref() == Some(name) {
                *value = format!("<signed {}>", payload(value)).into();
            }
        }
    }
}

/// Published keys of a type; `None` for types that the gate does not sign with.
fn published_keys(key_type: KeyType) -> Option<[&'static str; 2]> {
    match key_type {
        KeyType::Ec(Curve::P256) => Some(P256),
        KeyType::Ed25519 => Some(ED25519),
        KeyType::Rsa | KeyType::Ec(Curve::P384 | Curve::P521) => None,
    }
}

/// The payload of a JWS.
fn payload(jws: &str) -> String {
    let payload = jws.split('.').nth(1).and_then(base64url::decode);
    payload.and_then(|payload| String::from_utf8(payload).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portcullis::jose::algorithm::Algorithm;

    use super::*;

    #[test]
    fn each_algorithm_of_assertions_has_published_keys() {
        for algorithm in Algorithm::OF_ASSERTIONS {
            assert!(published_keys(algorithm.key_type()).is_some(), "{algorithm}");
        }
    }
}
