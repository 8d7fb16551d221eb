//! The status of a gate, as it writes it. Unknown members are ignored, and each may be absent: the gate may have another
//! version than the tool.

use portcullis::time::UnixSeconds;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct GateStatus {
    pub(super) version: Option<String>,
    pub(super) policy: Option<PolicyStatus>,
    pub(super) issuers: Option<Vec<IssuerStatus>>,
    /// Requests that wait for keys.
    pub(super) waiting: Option<u64>,
    pub(super) tokens: Option<TokensStatus>,
    /// What the gate knows of revoked tokens.
    pub(super) revocations: Option<RevocationsStatus>,
}

/// The policy in force.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyStatus {
    pub(super) digest: Option<String>,
    /// `POLICY_KV`, or `variable`.
    pub(super) source: Option<String>,
    pub(super) routes: Option<u64>,
    pub(super) candidate: Option<CandidateStatus>,
}

/// The policy that is judged beside the one in force.
#[derive(Debug, Deserialize)]
pub(super) struct CandidateStatus {
    pub(super) digest: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct IssuerStatus {
    /// The policy's name of it.
    pub(super) name: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) keys: Option<Vec<KeyStatus>>,
    /// When its keys were fetched.
    #[serde(default, deserialize_with = "seconds")]
    pub(super) fetched_at: Option<UnixSeconds>,
    /// How old the key set is, in seconds.
    pub(super) age: Option<u64>,
    /// `fresh`, `stale`, `expired`, `static`, or `none`.
    pub(super) state: Option<String>,
    pub(super) last_failure: Option<FailureStatus>,
}

#[derive(Debug, Deserialize)]
pub(super) struct KeyStatus {
    pub(super) kid: Option<String>,
    pub(super) algorithms: Option<Vec<String>>,
}

/// The last fetch of keys that failed.
#[derive(Debug, Deserialize)]
pub(super) struct FailureStatus {
    #[serde(default, deserialize_with = "seconds")]
    pub(super) at: Option<UnixSeconds>,
    pub(super) reason: Option<String>,
}

/// The verified tokens that are cached.
#[derive(Debug, Deserialize)]
pub(super) struct TokensStatus {
    pub(super) kept: Option<u64>,
    pub(super) bytes: Option<u64>,
}

/// The list of revocations.
#[derive(Debug, Deserialize)]
pub(super) struct RevocationsStatus {
    /// How many entries it has, if it was read.
    pub(super) entries: Option<u64>,
    /// How old it is, in seconds.
    pub(super) age: Option<u64>,
    pub(super) last_failure: Option<FailureStatus>,
}

impl GateStatus {
    /// Reads a status; `None` if a document is none.
    pub(super) fn parse(json: &str) -> Option<Self> {
        let status: Self = serde_json::from_str(json).ok()?;
        (status.version.is_some() || status.policy.is_some() || status.issuers.is_some()).then_some(status)
    }
}

fn seconds<'d, D: serde::Deserializer<'d>>(deserializer: D) -> Result<Option<UnixSeconds>, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.map(UnixSeconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_another_version_is_one_and_other_documents_are_none() {
        for json in [
            r#"{"version":"9.0.0"}"#,
            r#"{"policy":{"digest":null,"new":[]},"more":1}"#,
            r#"{"issuers":[{},{"keys":[{}],"last_failure":{}}],"revocations":{"entries":3}}"#,
        ] {
            assert!(GateStatus::parse(json).is_some(), "{json}");
        }
        for json in ["", "<html>", "null", "[]", "{}", r#"{"ok":true}"#, r#"{"version":1}"#, r#"{"issuers":{}}"#] {
            assert!(GateStatus::parse(json).is_none(), "{json}");
        }
    }
}
