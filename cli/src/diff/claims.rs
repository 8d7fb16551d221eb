//! Tests of claims, so that those of two policies can be compared.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::policy::{ClaimRule, ClaimSelector, ClaimTest, Expected};

use super::change::Leaning;
use super::symbols::SymbolicRequest;

/// A test of a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClaimCheck {
    /// The names that lead to the claim, or one that may also be a path of names with dots between them.
    claim: Vec<Option<String>>,
    has_dots: bool,
    test: TestKind,
    values: BTreeSet<ExpectedValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TestKind {
    Is,
    Any,
    Contains,
    Has,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ExpectedValue {
    /// A string of the policy.
    Text(String),
    /// A value of the request, which also equals a number with its digits; `None` if there is none.
    Value(Option<String>),
    /// A number or a boolean.
    Literal(String),
}

/// What a change of the tests does.
pub(super) fn claim_leaning(old: &BTreeMap<ClaimCheck, String>, new: &BTreeMap<ClaimCheck, String>) -> Leaning {
    let implies = |one: &BTreeMap<ClaimCheck, String>, other: &BTreeMap<ClaimCheck, String>| {
        other.keys().all(|check| one.keys().any(|known| known.implies(check)))
    };
    Leaning { opens: !implies(new, old), closes: !implies(old, new) }
}

impl ClaimCheck {
    /// The tests that a rule consists of, each with the policy's words.
    pub(super) fn of(rule: &ClaimRule, request: &SymbolicRequest<'_>) -> Vec<(Self, String)> {
        let (claim, has_dots): (Vec<Option<String>>, bool) = match &rule.claim {
            ClaimSelector::Path(path) => (vec![Some(path.to_string())], path.to_string().contains('.')),
            ClaimSelector::Names(names) => (names.iter().map(|name| request.value(name)).collect(), false),
        };
        let expected = |value: &Expected| match value {
            Expected::Text(text) if text.literal().is_some() => ExpectedValue::Text(text.to_string()),
            Expected::Text(text) => ExpectedValue::Value(request.value(text)),
            // A number equals every other spelling of it.
            Expected::Literal(literal) => {
                let number = serde_json::to_string(literal).unwrap_or_default();
                ExpectedValue::Literal(number.parse::<f64>().map_or(number, |number| number.to_string()))
            }
        };
        let one = |test, values: &[Expected], words: String| {
            let values = values.iter().map(expected).collect();
            (Self { claim: claim.clone(), has_dots, test, values }, format!("{} {words}", rule.claim))
        };
        match &rule.test {
            ClaimTest::Is(value) => vec![one(TestKind::Is, std::slice::from_ref(value), format!("is {}", word(value)))],
            ClaimTest::Any(values) => {
                let words: Vec<String> = values.iter().map(word).collect();
                vec![one(TestKind::Any, values, format!("is or has {}", words.join(" or ")))]
            }
            ClaimTest::Contains(values) => {
                let each = values.iter();
                each.map(|value| {
                    one(TestKind::Contains, std::slice::from_ref(value), format!("contains {}", word(value)))
                })
                .collect()
            }
            ClaimTest::Has(name) => {
                let values = BTreeSet::from([ExpectedValue::Value(request.value(name))]);
                let check = Self { claim, has_dots, test: TestKind::Has, values };
                vec![(check, format!("{} has the member {name}", rule.claim))]
            }
        }
    }

    fn claim_is(&self, other: &Self) -> bool {
        (&self.claim, self.has_dots) == (&other.claim, other.has_dots)
    }

    /// Whether a token that passes this passes the other; false if that is unclear.
    fn implies(&self, other: &Self) -> bool {
        let is_wider = matches!((self.test, other.test), (TestKind::Any | TestKind::Is, TestKind::Any));
        self == other || (is_wider && self.claim_is(other) && self.values.is_subset(&other.values))
    }
}

fn word(value: &Expected) -> String {
    match value {
        Expected::Text(text) => text.to_string(),
        Expected::Literal(literal) => serde_json::to_string(literal).unwrap_or_default(),
    }
}
