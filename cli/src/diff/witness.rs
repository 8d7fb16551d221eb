//! Requests that stand for all requests of an area.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::space::{Candidate, Spellings};
use super::symbols::Symbols;
use crate::area::{Area, AreaPart};

/// A dot is not encoded: an encoded one would be ambiguous.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// The maximum number of combinations of spellings that are tried of one path.
const MAX_SPELLINGS: usize = 64;

/// The number of slashes from which on not all combinations of encoded ones are tried.
const MAX_JOINED: usize = 5;

/// A request without its method.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    pub(super) host: String,
    /// As received.
    pub(super) path: String,
    /// The area that it stands for, with its literals as they are spelled in the path or in a policy.
    pub(super) area: Area,
    pub(super) spelling: Spelling,
}

/// How a path is spelled, unless it is as a policy spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Spelling {
    /// Whether a literal is in a case that no policy has.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) in_other_case: bool,
    /// Whether a slash in it is encoded.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) has_encoded_slash: bool,
}

/// What makes witnesses.
pub(super) struct Witnesses<'s> {
    pub(super) symbols: &'s Symbols,
    pub(super) spellings: &'s Spellings,
    /// Whether a policy refuses paths that match another route if case is ignored.
    pub(super) mind_case: bool,
}

impl Witnesses<'_> {
    /// The witnesses of a candidate: of every length that some pattern has and more, in each spelling.
    pub(super) fn of(&self, candidate: &Candidate) -> Vec<Witness> {
        let area = &candidate.area;
        // Two segments that no pattern has can have an encoded slash between them.
        let beyond = 1 + usize::from(candidate.keeps_slashes);
        let more = if area.rest { candidate.longest.saturating_sub(area.parts.len()) + beyond } else { 0 };
        (0..=more).flat_map(|more| self.of_length(candidate, more)).collect()
    }

    /// The witnesses with a number of segments in place of the rest.
    fn of_length(&self, Candidate { area, keeps_slashes, .. }: &Candidate, more: usize) -> Vec<Witness> {
        let mut witnesses = Vec::new();
        let host = area.host.example(&self.symbols.host());
        for choice in self.spelled(area) {
            let own = choice.iter().enumerate().map(|(index, spelled)| self.segment(index, &spelled.text));
            let rest = (area.parts.len()..).take(more).map(|index| self.symbols.segment(index));
            let segments: Vec<String> = own.chain(rest).collect();
            let parts: Vec<AreaPart> = choice.iter().map(|spelled| spelled.part.clone()).collect();
            let in_other_case = choice.iter().any(|spelled| spelled.is_other);
            for joins in joins(segments.len(), *keeps_slashes) {
                let mut path = String::new();
                for (index, segment) in segments.iter().enumerate() {
                    path.push_str(if index > 0 && joins & (1 << (index - 1)) != 0 { "%2F" } else { "/" });
                    path.push_str(segment);
                }
                let path = if path.is_empty() { "/".to_owned() } else { path };
                let area = Area { parts: parts.clone(), rest: area.rest && more > 0, host: area.host.clone() };
                let spelling = Spelling { in_other_case, has_encoded_slash: joins != 0 };
                witnesses.push(Witness { host: host.clone(), path, area, spelling });
            }
        }
        witnesses
    }

    fn segment(&self, index: usize, text: &Option<String>) -> String {
        text.as_ref().map_or_else(|| self.symbols.segment(index), |text| utf8_percent_encode(text, SEGMENT).to_string())
    }

    /// The parts of an area with its literals in each spelling.
    fn spelled(&self, area: &Area) -> Vec<Vec<Spelled>> {
        let choices: Vec<Vec<Spelled>> = area.parts.iter().map(|part| self.choices(part)).collect();
        let count = choices.iter().try_fold(1_usize, |count, choices| count.checked_mul(choices.len()));
        if count.is_some_and(|count| count <= MAX_SPELLINGS) {
            return product(&choices);
        }
        // The usual spelling, and each and all of the others.
        let pick = |wanted: &dyn Fn(usize) -> usize| -> Vec<Spelled> {
            let picked = choices.iter().enumerate().filter_map(|(index, choices)| {
                choices.get(wanted(index).min(choices.len().saturating_sub(1))).cloned()
            });
            picked.collect()
        };
        let each = (0..choices.len()).flat_map(|changed| (1..MAX_SPELLINGS).map(move |number| (changed, number)));
        let each = each.filter(|(changed, number)| choices.get(*changed).is_some_and(|known| *number < known.len()));
        let each = each.map(|(changed, number)| pick(&|index| if index == changed { number } else { 0 }));
        [pick(&|_| 0), pick(&|_| usize::MAX)].into_iter().chain(each).collect()
    }

    /// The spellings of a part: those of the policies, and another one.
    fn choices(&self, part: &AreaPart) -> Vec<Spelled> {
        let AreaPart::Literal(lower) = part else {
            return vec![Spelled { part: part.clone(), text: None, is_other: false }];
        };
        let known = self.spellings.get(lower).cloned().unwrap_or_else(|| BTreeSet::from([lower.clone()]));
        let other = self.mind_case.then(|| in_other_case(lower, &known)).flatten();
        let usual = AreaPart::Literal(known.last().unwrap_or(lower).clone());
        let other = other.map(|text| Spelled { part: usual, text: Some(text), is_other: true });
        let known = known.into_iter().map(|text| Spelled {
            part: AreaPart::Literal(text.clone()),
            text: Some(text),
            is_other: false,
        });
        known.chain(other).collect()
    }
}

/// A part of an area as a path spells it.
#[derive(Clone, Debug)]
struct Spelled {
    /// As a policy spells it.
    part: AreaPart,
    /// The literal, if it is one.
    text: Option<String>,
    /// Whether no policy spells it so.
    is_other: bool,
}

/// Which segments follow an encoded slash, as bits: all combinations, or of many segments one or two.
fn joins(segments: usize, keeps_slashes: bool) -> Vec<u64> {
    let gaps = segments.saturating_sub(1).min(63);
    if !keeps_slashes {
        return vec![0];
    }
    if gaps < MAX_JOINED {
        return (0..1 << gaps).collect();
    }
    let pairs = (0..gaps).flat_map(|one| (one..gaps).map(move |other| 1 << one | 1 << other));
    std::iter::once(0).chain(pairs).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

fn product(choices: &[Vec<Spelled>]) -> Vec<Vec<Spelled>> {
    choices.iter().fold(vec![Vec::new()], |known, choices| {
        let longer = |parts: &Vec<Spelled>, choice: &Spelled| [parts.as_slice(), std::slice::from_ref(choice)].concat();
        known.iter().flat_map(|parts| choices.iter().map(move |choice| longer(parts, choice))).collect()
    })
}

/// A spelling that is not among the known ones, if the text has enough letters.
fn in_other_case(lower: &str, known: &BTreeSet<String>) -> Option<String> {
    let mixed = |skip: usize| -> String {
        lower.chars().enumerate().map(|(at, c)| if at == skip { c } else { c.to_ascii_uppercase() }).collect()
    };
    let others = std::iter::once(lower.to_ascii_uppercase()).chain((0..lower.chars().count()).map(mixed));
    others.chain([lower.to_owned()]).find(|text| !known.contains(text))
}
