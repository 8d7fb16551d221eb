//! What a route requires of claims: which claim each rule tests, and the test.

use std::{fmt, slice};

use super::place::{Place, PlaceStep};
use super::reader::{Field, Table};
use super::template::{RequestValues, Template, TemplateScope};
use crate::jose::claim_path::ClaimPath;
use crate::jose::json::{Json, MAX_EXACT, Object};

/// The tests of a map.
const TESTS: [&str; 3] = ["any", "contains", "has"];

/// The tests of a list, in which a bare value has no place.
const LISTED_TESTS: [&str; 4] = ["is", "any", "contains", "has"];

/// What the value of a claim must be.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRule {
    /// The claim that is tested; a token without it fails.
    pub claim: ClaimSelector,
    /// The test that its value must pass.
    pub test: ClaimTest,
}

/// Which claim a rule tests.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimSelector {
    /// The one at a path without templates.
    Path(ClaimPath),
    /// The one that these names lead to, each a member of the object before. None for a request without a value for one
    /// of them.
    Names(Vec<Template>),
}

/// A test of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimTest {
    /// The claim equals this.
    Is(Expected),
    /// The claim or, if it is a list, one of its elements equals one of these.
    Any(Vec<Expected>),
    /// The claim is a list with all of these among its elements, or a space-separated string with all of them among its
    /// words.
    Contains(Vec<Expected>),
    /// The claim is an object with a member of this name.
    Has(Template),
}

/// A value that a claim is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// A string, with values of the request.
    Text(Template),
    /// A number or a boolean.
    Literal(Json<'static>),
}

impl ClaimRule {
    /// Its templates.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let names = match &self.claim {
            ClaimSelector::Path(_) => &[],
            ClaimSelector::Names(names) => names.as_slice(),
        };
        let (values, member) = match &self.test {
            ClaimTest::Is(value) => (slice::from_ref(value), None),
            ClaimTest::Any(values) | ClaimTest::Contains(values) => (values.as_slice(), None),
            ClaimTest::Has(name) => (&[][..], Some(name)),
        };
        let texts = values.iter().filter_map(|value| match value {
            Expected::Text(template) => Some(template),
            Expected::Literal(_) => None,
        });
        names.iter().chain(texts).chain(member)
    }

    /// A map from paths to tests, or a list of tests that name their path.
    pub(super) fn read_all(field: &Field<'_>, scope: TemplateScope<'_>) -> Option<Vec<Self>> {
        match field.value {
            Json::Object(_) => field.entries(|path, field| Self::read_entry(path, &field, scope)),
            Json::Array(_) => field.list(|field| Self::read_listed(&field, scope)),
            other => field.fail(format!("expected a table or a list, found {}", other.kind())),
        }
    }

    fn read_entry(path: &str, field: &Field<'_>, scope: TemplateScope<'_>) -> Option<Self> {
        if path.split_once('{').is_some_and(|(_, behind)| behind.contains('}')) {
            field.fail::<()>(
                "expected a path without {…}: for values of the request use the list form, \
                 claims = [{ path = [\"a\", \"{b}\"], … }]",
            );
        }
        Some(Self { claim: ClaimSelector::Path(ClaimPath::new(path)), test: read_test(field, scope)? })
    }

    fn read_listed(field: &Field<'_>, scope: TemplateScope<'_>) -> Option<Self> {
        let table = field.table()?;
        let path = table.required("path").and_then(|field| field.list(|field| Template::read(&field, scope)));
        let tests = read_tests(&table, &LISTED_TESTS, scope);
        table.refuse_unknown_keys();
        let test = only(tests, field, "expected exactly one of is, any, contains and has beside path");
        Some(Self { claim: ClaimSelector::Names(path?), test: test? })
    }
}

impl ClaimSelector {
    /// The claim, if present.
    #[must_use]
    pub fn find<'c, 'j>(
        &self,
        claims: &'c Object<'j>,
        request: &(impl RequestValues + ?Sized),
    ) -> Option<&'c Json<'j>> {
        let names = match self {
            Self::Path(path) => return path.find(claims),
            Self::Names(names) => names,
        };
        let (last, outer) = names.split_last()?;
        let mut object = claims;
        for name in outer {
            object = object.get(&name.resolve(request).ok()?)?.as_object()?;
        }
        object.get(&last.resolve(request).ok()?)
    }
}

/// A path as written in the policy; names as keys of TOML that are joined by dots.
impl fmt::Display for ClaimSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Names(names) => {
                let names: Vec<String> = names.iter().map(Template::to_string).collect();
                let steps: Vec<_> = names.iter().map(|name| PlaceStep::Key(name.as_str())).collect();
                Place::at(&steps).fmt(f)
            }
        }
    }
}

/// The test of an entry of a map: a value, or a table that names the test.
fn read_test(field: &Field<'_>, scope: TemplateScope<'_>) -> Option<ClaimTest> {
    if field.value.as_object().is_none() {
        return read_expected(field, scope).map(ClaimTest::Is);
    }
    let table = field.table()?;
    let tests = read_tests(&table, &TESTS, scope);
    table.refuse_unknown_keys();
    only(tests, field, "expected a value, { any = [...] }, { contains = ... } or { has = name }")
}

/// Each of these tests that a table names; `None` for one that is wrong.
fn read_tests(table: &Table<'_>, names: &[&'static str], scope: TemplateScope<'_>) -> Vec<Option<ClaimTest>> {
    let tests = names.iter().filter_map(|name| {
        let field = table.field(name)?;
        Some(match *name {
            "is" => read_expected(&field, scope).map(ClaimTest::Is),
            "any" => read_values(&field, scope).map(ClaimTest::Any),
            "contains" if field.value.as_array().is_none() => {
                read_expected(&field, scope).map(|value| ClaimTest::Contains(vec![value]))
            }
            "contains" => read_values(&field, scope).map(ClaimTest::Contains),
            _ => Template::read(&field, scope).map(ClaimTest::Has),
        })
    });
    tests.collect()
}

fn only(tests: Vec<Option<ClaimTest>>, field: &Field<'_>, expected: &str) -> Option<ClaimTest> {
    match <[_; 1]>::try_from(tests) {
        Ok([test]) => test,
        Err(_) => field.fail(expected),
    }
}

fn read_values(field: &Field<'_>, scope: TemplateScope<'_>) -> Option<Vec<Expected>> {
    field.list(|field| read_expected(&field, scope))
}

fn read_expected(field: &Field<'_>, scope: TemplateScope<'_>) -> Option<Expected> {
    match field.value {
        Json::String(_) => Template::read(field, scope).map(Expected::Text),
        // What writes JSON may have rounded it already, and then it would admit another number.
        Json::Number(number) if number.as_f64().is_none_or(|number| number.abs() > MAX_EXACT) => {
            field.fail("expected a number up to 9007199254740991: in JSON, larger ones may stand for others")
        }
        Json::Number(_) | Json::Bool(_) => Some(Expected::Literal(field.value.clone().into_owned())),
        _ => field.fail("expected a string, a number or a boolean"),
    }
}
