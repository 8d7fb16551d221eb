//! How a command ends.

use crate::document::{Source, Unreadable};
use crate::finding::Finding;
use crate::output::NotJson;

/// The result of a command that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    Clean,
    Findings,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A message for the user.
    Message(String),
    /// What is wrong in a file.
    Findings(Box<(Source, Vec<Finding>)>),
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }

    pub(crate) fn findings(source: Source, findings: Vec<Finding>) -> Self {
        Self::Findings(Box::new((source, findings)))
    }
}

impl From<Unreadable> for Failure {
    fn from(Unreadable(message): Unreadable) -> Self {
        Self::Message(message)
    }
}

impl From<NotJson> for Failure {
    fn from(error: NotJson) -> Self {
        Self::new(error.to_string())
    }
}
