//! Reads a document and collects every error with its place. It reads policies and the other documents that people
//! write for the gate.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;

use super::place::{Place, PlaceStep};
use crate::jose::json::{Json, Object};

/// One error in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Where it is.
    pub place: Place,
    /// What was expected there, and what was found.
    pub message: String,
    /// If a name is wrong, the valid ones.
    pub names: Option<Names>,
    /// Another place that the error involves.
    pub related: Option<Place>,
}

/// The valid names, where a name is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// The keys of the table; the place has another one.
    Keys(Vec<&'static str>),
    /// The names that the value may contain.
    Values {
        /// The invalid name, as the document spells it.
        found: String,
        /// All names that are valid instead.
        valid: Vec<String>,
    },
}

impl PolicyError {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), names: None, related: None }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_root() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.place, self.message) }
    }
}

/// The errors found so far; all fields of a document record theirs here.
#[derive(Debug, Default)]
struct Errors(RefCell<Vec<PolicyError>>);

impl Errors {
    fn add(&self, error: PolicyError) {
        self.0.borrow_mut().push(error);
    }

    fn into_vec(self) -> Vec<PolicyError> {
        self.0.into_inner()
    }
}

/// Reads a whole document in JSON: the result of `read`, or all errors. `what` names the document in messages.
///
/// # Errors
/// All errors, each with its place.
pub fn read_document<T>(
    text: &str,
    what: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Result<T, Vec<PolicyError>> {
    let document = Json::parse(text)
        .map_err(|error| vec![PolicyError::new(Place::default(), format!("expected {what} in JSON: {error}"))])?;
    let errors = Errors::default();
    let result = Field::root(&document, &errors).table().and_then(|table| read(&table));
    match (result, errors.into_vec()) {
        (Some(result), errors) if errors.is_empty() => Ok(result),
        (_, errors) => Err(errors),
    }
}

/// A value of the document and its place.
#[derive(Clone)]
pub struct Field<'d> {
    /// The value that the document has at this place.
    pub value: &'d Json<'d>,
    place: Vec<PlaceStep<&'d str>>,
    errors: &'d Errors,
}

/// A table of the document. Its known keys are those that were asked for.
pub struct Table<'d> {
    object: &'d Object<'d>,
    place: Vec<PlaceStep<&'d str>>,
    errors: &'d Errors,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Field<'d> {
    fn root(value: &'d Json<'d>, errors: &'d Errors) -> Self {
        Self { value, place: Vec::new(), errors }
    }

    /// Records an error at this place. Always `None`, as the result of a reader that fails.
    pub fn fail<T>(&self, message: impl Into<String>) -> Option<T> {
        self.errors.add(PolicyError::new(self.place(), message));
        None
    }

    /// Records an error at this place that is due to another value.
    pub fn fail_beside(&self, message: impl Into<String>, other: &Field<'_>) {
        let related = Some(other.place());
        self.errors.add(PolicyError { related, ..PolicyError::new(self.place(), message) });
    }

    /// Its place in the document.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::at(&self.place)
    }

    /// Records that the value is or contains a name that is not one of the valid ones.
    pub fn fail_name<T>(
        &self,
        found: &str,
        valid: impl IntoIterator<Item = impl Into<String>>,
        message: impl Into<String>,
    ) -> Option<T> {
        let valid = valid.into_iter().map(Into::into).collect();
        let names = Some(Names::Values { found: found.to_owned(), valid });
        self.errors.add(PolicyError { names, ..PolicyError::new(self.place(), message) });
        None
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        self.fail(format!("expected {what}, found {}", self.value.kind()))
    }

    /// The result of `read` for the text at this place; if it fails, its message is recorded here.
    pub fn read<T>(&self, read: impl FnOnce(&'d str) -> Result<T, String>) -> Option<T> {
        let text = self.text()?;
        read(text).map_or_else(|message| self.fail(message), Some)
    }

    /// A string that is not empty.
    pub fn text(&self) -> Option<&'d str> {
        match self.value {
            Json::String(text) if text.is_empty() => self.fail("expected a string that is not empty"),
            Json::String(text) => Some(text),
            _ => self.expected("a string"),
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.value {
            Json::Bool(value) => Some(*value),
            _ => self.expected("true or false"),
        }
    }

    /// The value of one of these words.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.or_else(|| {
            let words = words.iter().map(|(word, _)| *word);
            self.fail_name(text, words.clone(), format!("expected {}, found {text:?}", alternatives(words)))
        })
    }

    /// A whole number in a range, all of which `N` can hold.
    pub fn integer<N: TryFrom<u64>>(&self, range: RangeInclusive<u64>) -> Option<N> {
        let Json::Number(number) = self.value else {
            return self.expected("a whole number");
        };
        // JSON has one kind of number: 1.0 is whole.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the float is whole and in range")]
        let from_float = |float: f64| (float.fract() == 0.0 && (0.0..1e15).contains(&float)).then_some(float as u64);
        let whole = number.as_u64().or_else(|| number.as_f64().and_then(from_float));
        let in_range = whole.filter(|number| range.contains(number)).and_then(|number| N::try_from(number).ok());
        in_range.or_else(|| {
            self.fail(format!("expected a whole number from {} to {}, found {number}", range.start(), range.end()))
        })
    }

    /// The elements of a list that is not empty.
    pub fn elements(&self) -> Option<Vec<Field<'d>>> {
        match self.value.as_array() {
            None => self.expected("a list"),
            Some([]) => self.fail("expected a list that is not empty"),
            Some(items) => {
                Some(items.iter().enumerate().map(|(i, value)| self.at(value, PlaceStep::Index(i))).collect())
            }
        }
    }

    /// The results of `read` for the elements of a list that is not empty; `None` if one fails, after all were read.
    pub fn list<T>(&self, read: impl FnMut(Field<'d>) -> Option<T>) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = self.elements()?.into_iter().map(read).collect();
        read.into_iter().collect()
    }

    /// The members of a table whose keys are names chosen by the policy.
    pub fn members(&self) -> Option<Vec<(&'d str, Field<'d>)>> {
        let Some(object) = self.value.as_object() else {
            return self.expected("a table");
        };
        Some(object.iter().map(|(name, value)| (name, self.at(value, PlaceStep::Key(name)))).collect())
    }

    /// The results of `read` for the members of such a table; `None` if one fails, after all were read.
    pub fn entries<T>(&self, mut read: impl FnMut(&'d str, Field<'d>) -> Option<T>) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = self.members()?.into_iter().map(|(name, field)| read(name, field)).collect();
        read.into_iter().collect()
    }

    /// The value of a key, if this is a table that has it.
    pub fn member(&self, name: &'d str) -> Option<Field<'d>> {
        Some(self.at(self.value.as_object()?.get(name)?, PlaceStep::Key(name)))
    }

    /// A table whose keys are fixed.
    pub fn table(&self) -> Option<Table<'d>> {
        let Some(object) = self.value.as_object() else {
            return self.expected("a table");
        };
        Some(Table { object, place: self.place.clone(), errors: self.errors, known: RefCell::default() })
    }

    fn at(&self, value: &'d Json<'d>, step: PlaceStep<&'d str>) -> Self {
        Self { value, place: below(&self.place, step), errors: self.errors }
    }
}

impl<'d> Table<'d> {
    /// The value of a key, if present.
    pub fn field(&self, name: &'static str) -> Option<Field<'d>> {
        self.known.borrow_mut().push(name);
        let value = self.object.get(name)?;
        Some(Field { value, place: below(&self.place, PlaceStep::Key(name)), errors: self.errors })
    }

    /// The result of `read` for the value of a key; `default` if the key is absent.
    pub fn or<T>(
        &self,
        name: &'static str,
        default: impl Into<T>,
        read: impl FnOnce(&Field<'d>) -> Option<T>,
    ) -> Option<T> {
        self.field(name).map_or_else(|| Some(default.into()), |field| read(&field))
    }

    /// The result of `read` for the value of a key; `Some(None)` if the key is absent.
    pub fn optional<T>(&self, name: &'static str, read: impl FnOnce(&Field<'d>) -> Option<T>) -> Option<Option<T>> {
        self.field(name).map_or(Some(None), |field| read(&field).map(Some))
    }

    /// The value of a key that must be present.
    pub fn required(&self, name: &'static str) -> Option<Field<'d>> {
        let field = self.field(name);
        if field.is_none() {
            self.fail(name, "is required");
        }
        field
    }

    /// Records an error at a key of this table.
    pub fn fail(&self, name: &'d str, message: impl Into<String>) {
        self.errors.add(PolicyError::new(self.place_of(name), message));
    }

    /// Records an error at a key of this table that is due to another value.
    pub fn fail_beside(&self, name: &'d str, message: impl Into<String>, other: &Field<'_>) {
        let related = Some(other.place());
        self.errors.add(PolicyError { related, ..PolicyError::new(self.place_of(name), message) });
    }

    /// Records an error for each key that was not asked for. Call it last.
    pub fn refuse_unknown_keys(&self) {
        let known = self.known.borrow();
        for (name, _) in self.object.iter().filter(|(name, _)| !known.contains(name)) {
            let message = format!("unknown key; expected one of {}", known.join(", "));
            let names = Some(Names::Keys(known.clone()));
            self.errors.add(PolicyError { names, ..PolicyError::new(self.place_of(name), message) });
        }
    }

    fn place_of(&self, name: &'d str) -> Place {
        Place::at(&below(&self.place, PlaceStep::Key(name)))
    }
}

/// `"a", "b" or "c"`
fn alternatives<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("{word:?}")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn below<'d>(place: &[PlaceStep<&'d str>], step: PlaceStep<&'d str>) -> Vec<PlaceStep<&'d str>> {
    let mut below = Vec::with_capacity(place.len() + 1);
    below.extend_from_slice(place);
    below.push(step);
    below
}
