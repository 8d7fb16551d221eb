//! What operators are told of decisions.

use super::proof::{read_binding, read_secret};
use super::reader::Field;

/// What is told of decisions, and how callers are named in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Which decisions are a line on the console.
    pub decisions: LoggedDecisions,
    /// How a verified caller is named in a line.
    pub subject: LoggedSubject,
    /// The Analytics Engine binding that receives a data point for each decision.
    pub analytics: Option<String>,
    /// Whether each decision is a span of the platform's traces.
    pub traces: bool,
}

/// Which decisions are a line on the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedDecisions {
    /// None of them.
    None,
    /// Refusals, also those that are not enforced.
    Refused,
    /// All of them.
    All,
}

/// How a verified caller is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedSubject {
    /// Not at all.
    None,
    /// By an HMAC of `iss` and `sub` under the Worker secret of this name.
    Hash(String),
    /// By `sub`.
    Plain,
}

impl Default for Log {
    fn default() -> Self {
        Self { decisions: LoggedDecisions::Refused, subject: LoggedSubject::None, analytics: None, traces: false }
    }
}

impl Log {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table()?;
        let decisions = table.or("decisions", LoggedDecisions::Refused, |field| {
            field.one_of(&[
                ("none", LoggedDecisions::None),
                ("refused", LoggedDecisions::Refused),
                ("all", LoggedDecisions::All),
            ])
        });
        let subject = table.or("subject", SubjectKind::None, |field| {
            field.one_of(&[("none", SubjectKind::None), ("hash", SubjectKind::Hash), ("plain", SubjectKind::Plain)])
        });
        let key = table.optional("subject_key", read_secret);
        let analytics = table.optional("analytics", |field| read_binding(field, "a binding"));
        let traces = table.or("traces", false, Field::boolean);
        table.refuse_unknown_keys();
        let (subject, key) = (subject?, key?);
        let subject = match (subject, key) {
            (SubjectKind::Hash, Some(key)) => LoggedSubject::Hash(key),
            (SubjectKind::Hash, None) => {
                table.fail("subject_key", "is required: the Worker secret under which subjects are hashed");
                return None;
            }
            (SubjectKind::None, _) => LoggedSubject::None,
            (SubjectKind::Plain, _) => LoggedSubject::Plain,
        };
        Some(Self { decisions: decisions?, subject, analytics: analytics?, traces: traces? })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SubjectKind {
    None,
    Hash,
    Plain,
}
