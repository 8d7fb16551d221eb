//! How a command ends.

use crate::document::Source;
use crate::finding::{Finding, human};
use crate::output::{Output, Stream};

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

    /// Reports it to the user.
    pub(crate) fn report(&self, output: &Output) {
        match self {
            Self::Message(message) => output.error(message),
            Self::Findings(found) => human::write(&found.1, &found.0, output, Stream::Err),
        }
    }
}
