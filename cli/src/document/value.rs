//! What a file holds, whatever its syntax, with the place of each part in the text.

use std::collections::HashSet;

use portcullis::policy::{Place, PlaceStep};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value as Json};

use super::text::{Span, SyntaxError};

/// The most levels of nesting in a file. The policy itself may have less ([`portcullis::jose::json::MAX_DEPTH`]).
pub(crate) const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct SourceValue {
    pub(crate) node: SourceNode,
    pub(crate) span: Span,
}

/// A value that JSON can write, or one that it cannot.
#[derive(Clone, Debug)]
pub(crate) enum SourceNode {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<SourceValue>),
    Table(Vec<(SourceKey, SourceValue)>),
    /// In words: a date, a number that is infinite, …
    Foreign(&'static str),
}

/// A key of a table and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// Something of a value that JSON cannot say, or no policy may.
#[derive(Clone, Debug)]
pub(crate) struct ValueProblem {
    pub(crate) kind: ProblemKind,
    /// Below the value.
    pub(crate) place: Place,
    pub(crate) error: SyntaxError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// A key that is there twice.
    Repeated,
    /// A value that JSON cannot write.
    Foreign,
    /// Too many levels.
    Deep,
}

/// What is found at a place.
#[derive(Clone, Debug)]
pub(crate) struct Located<'v> {
    /// The value; the nearest one above where there is none.
    pub(crate) value: &'v SourceValue,
    /// The key in front of it.
    pub(crate) key: Option<&'v SourceKey>,
    /// Whether there is such a place.
    pub(crate) is_there: bool,
}

impl SourceValue {
    pub(crate) fn new(node: SourceNode, span: Span) -> Self {
        Self { node, span }
    }

    /// The value of a key, if this is a table that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// The items of the list at a key; none where there is no list.
    pub(crate) fn list(&self, name: &str) -> &[Self] {
        self.get(name).map(Self::items).unwrap_or_default()
    }

    /// The strings in the list at a key.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.list(name).iter().filter_map(Self::as_str).collect()
    }

    /// Keys and values, if this is a table.
    pub(crate) fn entries(&self) -> &[(SourceKey, Self)] {
        match &self.node {
            SourceNode::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The elements, if this is a list.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.node {
            SourceNode::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.node {
            SourceNode::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What stands at a place below this value.
    pub(crate) fn locate(&self, place: &Place) -> Located<'_> {
        let mut found = Located { value: self, key: None, is_there: true };
        for step in place.steps() {
            let next = match step {
                PlaceStep::Key(name) => found.value.entries().iter().find(|(key, _)| key.name == *name),
                PlaceStep::Index(index) => {
                    let Some(value) = found.value.items().get(*index) else {
                        return Located { is_there: false, ..found };
                    };
                    found = Located { value, key: None, is_there: true };
                    continue;
                }
            };
            let Some((key, value)) = next else {
                return Located { is_there: false, ..found };
            };
            found = Located { value, key: Some(key), is_there: true };
        }
        found
    }

    /// The value in JSON, with the keys of tables in their order; null for what JSON cannot express.
    pub(crate) fn to_json(&self) -> Json {
        match &self.node {
            SourceNode::Null | SourceNode::Foreign(_) => Json::Null,
            SourceNode::Bool(value) => Json::Bool(*value),
            SourceNode::Number(number) => Json::Number(number.clone()),
            SourceNode::Text(text) => Json::String(text.clone()),
            SourceNode::List(items) => items.iter().map(Self::to_json).collect(),
            SourceNode::Table(entries) => {
                entries.iter().map(|(key, value)| (key.name.clone(), value.to_json())).collect()
            }
        }
    }

    /// The same value, with other places.
    pub(crate) fn placed(mut self, place: &impl Fn(Span) -> Span) -> Self {
        self.span = place(self.span);
        self.node = match self.node {
            SourceNode::List(items) => SourceNode::List(items.into_iter().map(|item| item.placed(place)).collect()),
            SourceNode::Table(entries) => {
                let moved =
                    |(key, value): (SourceKey, Self)| (SourceKey { span: place(key.span), ..key }, value.placed(place));
                SourceNode::Table(entries.into_iter().map(moved).collect())
            }
            node => node,
        };
        self
    }

    /// The same value with the first of each key only, as [`Self::locate`] sees it.
    pub(crate) fn without_repeats(&self) -> Self {
        let node = match &self.node {
            SourceNode::List(items) => SourceNode::List(items.iter().map(Self::without_repeats).collect()),
            SourceNode::Table(entries) => {
                let mut seen = HashSet::new();
                let first = entries.iter().filter(|(key, _)| seen.insert(key.name.as_str()));
                SourceNode::Table(first.map(|(key, value)| (key.clone(), value.without_repeats())).collect())
            }
            node => node.clone(),
        };
        Self::new(node, self.span.clone())
    }

    /// What JSON cannot say, or no policy may: keys that are there twice, values of other kinds, too many levels.
    pub(crate) fn problems(&self, most_levels: usize) -> Vec<ValueProblem> {
        let mut problems = Vec::new();
        self.collect_problems(most_levels.min(MAX_DEPTH), &mut Vec::new(), &mut problems);
        problems
    }

    fn collect_problems<'v>(
        &'v self,
        levels: usize,
        steps: &mut Vec<PlaceStep<&'v str>>,
        problems: &mut Vec<ValueProblem>,
    ) {
        let problem = |kind, steps: &[PlaceStep<&str>], span: &Span, message: String| {
            let error = SyntaxError::new(span.clone(), message);
            ValueProblem { kind, place: Place::at(steps), error }
        };
        match (&self.node, levels) {
            (SourceNode::List(_) | SourceNode::Table(_), 0) => {
                problems.push(problem(ProblemKind::Deep, steps, &self.span, "nested too deeply".to_owned()));
            }
            (SourceNode::Foreign(what), _) => {
                let message = format!("expected a value that JSON has, found {what}");
                problems.push(problem(ProblemKind::Foreign, steps, &self.span, message));
            }
            (SourceNode::List(items), _) => {
                for (index, item) in items.iter().enumerate() {
                    steps.push(PlaceStep::Index(index));
                    item.collect_problems(levels - 1, steps, problems);
                    steps.pop();
                }
            }
            (SourceNode::Table(entries), _) => {
                let mut seen = HashSet::new();
                for (key, value) in entries {
                    steps.push(PlaceStep::Key(&key.name));
                    if !seen.insert(key.name.as_str()) {
                        let message = format!("the key {:?} is there twice", key.name);
                        problems.push(problem(ProblemKind::Repeated, steps, &key.span, message));
                    }
                    value.collect_problems(levels - 1, steps, problems);
                    steps.pop();
                }
            }
            _ => {}
        }
    }
}

impl Serialize for SourceValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}
