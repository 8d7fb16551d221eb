//! A walk over the policy document that collects every error with its place.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;

use crate::json::{Json, Object};

/// One thing that is wrong in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Where, as in `routes[3].scopes`; empty for the document as a whole.
    pub place: String,
    /// What was expected there, and what was found.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.place, self.message) }
    }
}

/// The errors found so far.
#[derive(Debug, Default)]
pub(super) struct Errors(RefCell<Vec<PolicyError>>);

impl Errors {
    pub(super) fn add(&self, place: impl Into<String>, message: impl Into<String>) {
        self.0.borrow_mut().push(PolicyError { place: place.into(), message: message.into() });
    }

    pub(super) fn into_vec(self) -> Vec<PolicyError> {
        self.0.into_inner()
    }
}

/// A value of the document and its place.
#[derive(Clone)]
pub(super) struct Field<'d> {
    pub(super) value: &'d Json<'d>,
    pub(super) place: String,
    errors: &'d Errors,
}

/// A table of the document, whose keys are known by the names that were asked for.
pub(super) struct Table<'d> {
    object: &'d Object<'d>,
    place: String,
    errors: &'d Errors,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Field<'d> {
    pub(super) fn root(value: &'d Json<'d>, errors: &'d Errors) -> Self {
        Self { value, place: String::new(), errors }
    }

    /// Notes an error at this place; for use as the last word of a reading that fails.
    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Option<T> {
        self.errors.add(self.place.clone(), message);
        None
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        self.fail(format!("expected {what}, found {}", self.value.kind()))
    }

    /// The value that a reader makes of this place; its message goes to this place if it fails.
    pub(super) fn read<T>(&self, read: impl FnOnce(&'d str) -> Result<T, String>) -> Option<T> {
        let text = self.text()?;
        read(text).map_or_else(|message| self.fail(message), Some)
    }

    pub(super) fn text(&self) -> Option<&'d str> {
        match self.value {
            Json::String(text) if text.is_empty() => self.fail("expected a string that is not empty"),
            Json::String(text) => Some(text),
            _ => self.expected("a string"),
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value {
            Json::Bool(value) => Some(*value),
            _ => self.expected("true or false"),
        }
    }

    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let Json::Number(number) = self.value else {
            return self.expected("a whole number");
        };
        // JSON has one kind of number: 1.0 is whole.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the float is whole and in range")]
        let from_float = |float: f64| (float.fract() == 0.0 && (0.0..1e15).contains(&float)).then_some(float as u64);
        let whole = number.as_u64().or_else(|| number.as_f64().and_then(from_float));
        let in_range = whole.filter(|number| range.contains(number));
        in_range.or_else(|| {
            self.fail(format!("expected a whole number from {} to {}, found {number}", range.start(), range.end()))
        })
    }

    /// The elements of a list that is not empty.
    pub(super) fn elements(&self) -> Option<Vec<Field<'d>>> {
        match self.value.as_array() {
            None => self.expected("a list"),
            Some([]) => self.fail("expected a list that is not empty"),
            Some(items) => Some(items.iter().enumerate().map(|(i, value)| self.at(value, &format!("[{i}]"))).collect()),
        }
    }

    /// What `read` makes of each element of a list that is not empty; `None` if one fails, when all have been read.
    pub(super) fn list<T>(&self, read: impl FnMut(Field<'d>) -> Option<T>) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = self.elements()?.into_iter().map(read).collect();
        read.into_iter().collect()
    }

    /// The members of a table whose keys are names of the policy's own.
    pub(super) fn members(&self) -> Option<Vec<(&'d str, Field<'d>)>> {
        let Some(object) = self.value.as_object() else {
            return self.expected("a table");
        };
        Some(object.iter().map(|(name, value)| (name, self.at(value, &member(&self.place, name)))).collect())
    }

    /// The value of a key, where this is a table that has it.
    pub(super) fn member(&self, name: &str) -> Option<Field<'d>> {
        Some(self.at(self.value.as_object()?.get(name)?, &member(&self.place, name)))
    }

    pub(super) fn table(&self) -> Option<Table<'d>> {
        let Some(object) = self.value.as_object() else {
            return self.expected("a table");
        };
        Some(Table { object, place: self.place.clone(), errors: self.errors, known: RefCell::default() })
    }

    fn at(&self, value: &'d Json<'d>, below: &str) -> Self {
        Self { value, place: format!("{}{below}", self.place), errors: self.errors }
    }
}

impl<'d> Table<'d> {
    /// The value of a key, if it is there.
    pub(super) fn field(&self, name: &'static str) -> Option<Field<'d>> {
        self.known.borrow_mut().push(name);
        let value = self.object.get(name)?;
        Some(Field { value, place: format!("{}{}", self.place, member(&self.place, name)), errors: self.errors })
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, name: &'static str) -> Option<Field<'d>> {
        let field = self.field(name);
        if field.is_none() {
            self.fail(name, "is required");
        }
        field
    }

    /// Notes an error at a key of this table.
    pub(super) fn fail(&self, name: &str, message: impl Into<String>) {
        self.errors.add(format!("{}{}", self.place, member(&self.place, name)), message);
    }

    /// Notes an error for each key that nothing asked for. Call it last.
    pub(super) fn refuse_unknown_keys(&self) {
        let known = self.known.borrow();
        for (name, _) in self.object.iter().filter(|(name, _)| !known.contains(name)) {
            self.fail(name, format!("unknown key; expected one of {}", known.join(", ")));
        }
    }
}

/// How a member is written behind the place of its table.
fn member(table: &str, name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let dot = if table.is_empty() { "" } else { "." };
    if is_bare { format!("{dot}{name}") } else { format!("{dot}{name:?}") }
}
