//! Parsed values, independent of the file's syntax, with their spans in the text.

use std::collections::HashSet;

use portcullis::policy::{Place, PlaceStep};
use serde::{Serialize, Serializer};
use serde_json::{Number, Value as Json};

use super::text::{Span, SyntaxError};

/// The maximum depth of nesting in a file. A policy in it may be nested less deeply ([`portcullis::jose::json::MAX_DEPTH`]).
pub(crate) const MAX_DEPTH: usize = 64;

/// A value and its span.
#[derive(Clone, Debug)]
pub(crate) struct SourceValue {
    pub(crate) node: SourceNode,
    pub(crate) span: Span,
}

/// A value of JSON, or one that JSON cannot represent.
#[derive(Clone, Debug)]
pub(crate) enum SourceNode {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<SourceValue>),
    Table(Vec<(SourceKey, SourceValue)>),
    /// What JSON cannot represent, in words: a date, an infinite number, …
    Foreign(&'static str),
}

/// A key of a table and its span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// A part of a value that JSON cannot represent, or that a policy must not contain.
#[derive(Clone, Debug)]
pub(crate) struct ValueProblem {
    pub(crate) kind: ProblemKind,
    /// Relative to the value.
    pub(crate) place: Place,
    pub(crate) error: SyntaxError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// A duplicate key.
    Repeated,
    /// A value that JSON cannot represent.
    Foreign,
    /// Nested too deeply.
    Deep,
}

/// The result of looking up a place.
#[derive(Clone, Debug)]
pub(crate) struct Located<'v> {
    /// The value; if there is none, the nearest one that contains the place.
    pub(crate) value: &'v SourceValue,
    /// Its key, if it is a member of a table.
    pub(crate) key: Option<&'v SourceKey>,
    /// Whether the place exists.
    pub(crate) is_there: bool,
}

impl SourceValue {
    pub(crate) fn new(node: SourceNode, span: Span) -> Self {
        Self { node, span }
    }

    /// The value of a key, if this is a table with that key.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// The elements of the list at a key; none if there is no list.
    pub(crate) fn list(&self, name: &str) -> &[Self] {
        self.get(name).map(Self::items).unwrap_or_default()
    }

    /// The strings in the list at a key; none if there is no list.
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

    /// Looks up a place within this value.
    pub(crate) fn locate(&self, place: &Place) -> Located<'_> {
        let mut found = Located { value: self, key: None, is_there: true };
        for step in place.steps() {
            let next = match step {
                PlaceStep::Key(name) => {
                    let mut entries = found.value.entries().iter();
                    entries.find(|(key, _)| key.name == *name).map(|(key, value)| (Some(key), value))
                }
                PlaceStep::Index(index) => found.value.items().get(*index).map(|value| (None, value)),
            };
            let Some((key, value)) = next else { return Located { is_there: false, ..found } };
            found = Located { value, key, is_there: true };
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

    /// The same value, with its spans mapped.
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

    /// The same value with only the first of duplicate keys, which is the one that [`Self::locate`] finds.
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

    /// Duplicate keys, values that JSON cannot represent, and values that are nested too deeply.
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
                let message = format!("expected a value that JSON can represent, found {what}");
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
                        let message = format!("duplicate key {:?}", key.name);
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
