//! What a check finds in a file.

pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod position;
pub(crate) mod rule;
pub(crate) mod sarif;

use portcullis::policy::Place;

use crate::document::{SourceNode, SourceValue, Span};
use rule::{FindingRule, Severity};

/// Something in a file that is wrong or suspicious.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// A short name for this kind of finding, for machines.
    pub(crate) rule: &'static str,
    /// The environment of wrangler.toml, where it is not the default one.
    pub(crate) environment: Option<String>,
    /// Where in the policy.
    pub(crate) place: Place,
    /// Where in the text.
    pub(crate) span: Span,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// Another part of the text that has to do with it, and what it is.
    pub(crate) related: Option<(Span, String)>,
}

impl Finding {
    pub(crate) fn new(rule: &FindingRule, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: rule.severity,
            rule: rule.name,
            environment: None,
            place: Place::default(),
            span,
            message: message.into(),
            help: None,
            related: None,
        }
    }

    pub(crate) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    pub(crate) fn of(self, environment: Option<&str>) -> Self {
        Self { environment: environment.map(str::to_owned), ..self }
    }

    /// The place and the message, as the gate logs them.
    pub(crate) fn title(&self) -> String {
        let environment = self.environment.as_ref().map(|name| format!("env.{name}: ")).unwrap_or_default();
        let place = if self.place.is_root() { String::new() } else { format!("{}: ", self.place) };
        format!("{environment}{place}{}", self.message)
    }
}

/// What of a place is underlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Highlight {
    Key,
    Value,
}

impl Highlight {
    /// The text to underline for a place of a policy. Where there is no such place, it is the table that lacks it.
    pub(crate) fn span(self, policy: &SourceValue, place: &Place) -> Span {
        let located = policy.locate(place);
        match (self, located.key) {
            (Self::Key, Some(key)) if located.is_there => key.span.clone(),
            _ => head(located.value),
        }
    }
}

/// What names a route best is its path.
fn head(value: &SourceValue) -> Span {
    match &value.node {
        SourceNode::Table(_) => value.get("path").map_or(value.span.clone(), |path| path.span.clone()),
        _ => value.span.clone(),
    }
}
