//! Findings about a file, and their formats.

pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod position;
pub(crate) mod rule;
pub(crate) mod sarif;

use portcullis::policy::Place;

use crate::document::{SourceNode, SourceValue, Span};
use rule::{FindingRule, Severity};

/// Something invalid or suspicious in a file.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// The stable name of this kind of finding.
    pub(crate) rule: &'static str,
    /// The environment of the configuration, unless it is the default one.
    pub(crate) environment: Option<String>,
    /// The place in the policy.
    pub(crate) place: Place,
    /// The span in the text.
    pub(crate) span: Span,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// The name or text that the span should probably hold instead.
    pub(crate) meant: Option<String>,
    /// A related span of the text, and its label.
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
            meant: None,
            related: None,
        }
    }

    pub(crate) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    /// Suggests what was most likely meant.
    pub(crate) fn suggest(&mut self, meant: impl Into<String>) {
        let meant = meant.into();
        self.help(format!("did you mean `{meant}`?"));
        self.meant = Some(meant);
    }

    /// What to write in place of the span, in the way in which the text has it there: in the same quotes or without.
    pub(crate) fn fix(&self, text: &str) -> Option<String> {
        let (meant, found) = (self.meant.as_ref()?, text.get(self.span.clone())?);
        let is_whole = |quote: char| found.len() >= 2 && found.starts_with(quote) && found.ends_with(quote);
        match ['"', '\''].into_iter().find(|quote| is_whole(*quote)) {
            _ if found.contains('\n') || found.starts_with("\"\"\"") || found.starts_with("'''") => None,
            Some(quote) => Some(format!("{quote}{meant}{quote}")),
            None => Some(meant.clone()),
        }
    }

    pub(crate) fn of(self, environment: Option<&str>) -> Self {
        Self { environment: environment.map(str::to_owned), ..self }
    }

    /// The place and the message, in the format of the gate's log.
    pub(crate) fn title(&self) -> String {
        let environment = self.environment.as_ref().map(|name| format!("env.{name}: ")).unwrap_or_default();
        let place = if self.place.is_root() { String::new() } else { format!("{}: ", self.place) };
        format!("{environment}{place}{}", self.message)
    }
}

/// Which part of a place is underlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Highlight {
    Key,
    Value,
}

impl Highlight {
    /// The span to underline for a place in a policy; for a missing key, that of the table without it.
    pub(crate) fn span(self, policy: &SourceValue, place: &Place) -> Span {
        let located = policy.locate(place);
        match (self, located.key) {
            (Self::Key, Some(key)) if located.is_there => key.span.clone(),
            _ => head(located.value),
        }
    }
}

/// The span that stands for a value. A route is best identified by its path.
fn head(value: &SourceValue) -> Span {
    match &value.node {
        SourceNode::Table(_) => value.get("path").map_or(value.span.clone(), |path| path.span.clone()),
        _ => value.span.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_is_written_as_the_text_is() {
        let fix = |text: &str, span: Span| {
            let mut finding = Finding::new(&rule::POLICY, span, "wrong");
            assert_eq!(finding.fix(text), None);
            finding.suggest("public");
            finding.fix(text)
        };
        assert_eq!(fix("access = \"pubic\"", 9..16).as_deref(), Some("\"public\""));
        assert_eq!(fix("access = 'pubic'", 9..16).as_deref(), Some("'public'"));
        assert_eq!(fix("access: pubic", 8..13).as_deref(), Some("public"));
        assert_eq!(fix("access = \"\"\"pubic\"\"\"", 9..20), None);
        assert_eq!(fix("access: >\n  pubic\n", 8..18), None);
        assert_eq!(fix("", 3..5), None);
    }
}
