//! What a file holds, whatever its syntax, with the place of each part in the text.

use portcullis::policy::{Place, Step};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

use super::{MAX_DEPTH, Span, SyntaxError};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) node: Node,
    pub(crate) span: Span,
}

/// A value that JSON can write, or one that it cannot.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Value>),
    Table(Vec<(Key, Value)>),
    /// In words: a date, a number that is infinite, …
    Foreign(&'static str),
}

/// A key of a table and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// What is found at a place.
#[derive(Clone, Debug)]
pub(crate) struct Located<'v> {
    /// The value; the nearest one above where there is none.
    pub(crate) value: &'v Value,
    /// The key in front of it.
    pub(crate) key: Option<&'v Key>,
    /// Whether there is such a place.
    pub(crate) is_there: bool,
}

impl Value {
    pub(crate) fn new(node: Node, span: Span) -> Self {
        Self { node, span }
    }

    /// The value of a key, if this is a table that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// Keys and values, if this is a table.
    pub(crate) fn entries(&self) -> &[(Key, Self)] {
        match &self.node {
            Node::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The elements, if this is a list.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What stands at a place below this value.
    pub(crate) fn locate(&self, place: &Place) -> Located<'_> {
        let mut found = Located { value: self, key: None, is_there: true };
        for step in place.steps() {
            let next = match step {
                Step::Key(name) => found.value.entries().iter().find(|(key, _)| key.name == *name),
                Step::Index(index) => {
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

    /// The same value, with other places.
    pub(crate) fn placed(mut self, place: &impl Fn(Span) -> Span) -> Self {
        self.span = place(self.span);
        self.node = match self.node {
            Node::List(items) => Node::List(items.into_iter().map(|item| item.placed(place)).collect()),
            Node::Table(entries) => {
                let moved = |(key, value): (Key, Self)| (Key { span: place(key.span), ..key }, value.placed(place));
                Node::Table(entries.into_iter().map(moved).collect())
            }
            node => node,
        };
        self
    }

    /// What JSON cannot say, or no policy may: keys that are there twice, values of other kinds, too many levels.
    pub(crate) fn problems(&self, most_levels: usize) -> Vec<SyntaxError> {
        let mut problems = Vec::new();
        self.collect_problems(most_levels.min(MAX_DEPTH), &mut problems);
        problems
    }

    fn collect_problems(&self, levels: usize, problems: &mut Vec<SyntaxError>) {
        let children = self.items().iter().chain(self.entries().iter().map(|(_, value)| value));
        match (&self.node, levels) {
            (Node::List(_) | Node::Table(_), 0) => {
                return problems.push(SyntaxError::new(self.span.clone(), "nested too deeply"));
            }
            (Node::Foreign(what), _) => {
                let message = format!("expected a value that JSON has, found {what}");
                problems.push(SyntaxError::new(self.span.clone(), message));
            }
            (Node::Table(entries), _) => problems.extend(repeated(entries)),
            _ => {}
        }
        children.for_each(|child| child.collect_problems(levels - 1, problems));
    }
}

fn repeated(entries: &[(Key, Value)]) -> Vec<SyntaxError> {
    let mut seen = std::collections::HashSet::new();
    let again = entries.iter().filter(|(key, _)| !seen.insert(key.name.as_str()));
    again.map(|(key, _)| SyntaxError::new(key.span.clone(), format!("the key {:?} is there twice", key.name))).collect()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.node {
            Node::Null | Node::Foreign(_) => serializer.serialize_unit(),
            Node::Bool(value) => serializer.serialize_bool(*value),
            Node::Number(number) => number.serialize(serializer),
            Node::Text(text) => serializer.serialize_str(text),
            Node::List(items) => serializer.collect_seq(items),
            Node::Table(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(&key.name, value)?;
                }
                map.end()
            }
        }
    }
}
