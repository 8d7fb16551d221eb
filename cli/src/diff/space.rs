//! The areas in which two policies can treat requests differently.
//!
//! What a gate does with a request depends on the routes whose patterns match it: as received, with case ignored, and
//! with encoded slashes decoded. If both policies have the same routes there, they decide the same. So every difference
//! lies within a place that only one of them has, or whose routes differ; and within the intersection of all patterns
//! that match the request. In such an intersection, a request whose other segments no policy names stands for all that
//! no more specific pattern matches.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use portcullis::route::table::RouteIndex;

use super::side::Side;
use super::symbols::Symbols;
use crate::area::atlas::Atlas;
use crate::area::{Area, AreaPart};
use crate::exit::Failure;

/// The maximum number of areas. There can be more than routes.
const MAX_AREAS: usize = 200_000;

/// Into how many segments an origin may split what a capture takes, if it decodes slashes first.
const MOST_PIECES: usize = 3;

/// An area to look at, with its literals in lower case.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) area: Area,
    /// The methods that routes name there.
    pub(super) methods: BTreeSet<String>,
    /// Whether a route may take its paths with encoded slashes.
    pub(super) keeps_slashes: bool,
    /// The number of segments from which on a path has no more patterns.
    pub(super) longest: usize,
}

/// How the policies spell the literals of their paths, by their text in lower case.
pub(super) type Spellings = HashMap<String, BTreeSet<String>>;

/// What both policies have.
pub(super) struct Space {
    pub(super) candidates: Vec<Candidate>,
    pub(super) spellings: Spellings,
}

/// The places of a policy, with their routes by method.
type Places<'s> = HashMap<Area, BTreeMap<&'s str, RouteIndex>>;

impl Space {
    pub(super) fn new(old: &Side, new: &Side, symbols: &Symbols) -> Result<Self, Failure> {
        let (before, after) = (old.places(), new.places());
        let both = [(old, &before), (new, &after)];
        let areas: HashSet<&Area> = before.keys().chain(after.keys()).collect();
        let documents = changed_documents(old, new);
        let changed: HashSet<&Area> = changed_places(&areas, both, symbols).chain(documents.iter().copied()).collect();
        let mut patterns = Patterns::default();
        for area in areas.iter().chain(&documents) {
            let methods = [&before, &after].into_iter().filter_map(|places| places.get(*area)).flat_map(BTreeMap::keys);
            patterns.add(area.in_lower_case(), methods.copied());
        }
        let mut start: Vec<Area> = changed.iter().map(|area| area.in_lower_case()).collect();
        let keeping: HashSet<Area> = both.into_iter().flat_map(|(side, places)| keeping_places(side, places)).collect();
        if !keeping.is_empty() {
            // A route that keeps slashes may take the paths of one that does not.
            start.extend(changed.iter().flat_map(|area| split_captures(&area.in_lower_case())));
        }
        for area in keeping {
            let whole = area.rest.then(|| area.clone());
            split_captures(&area).into_iter().chain(whole).for_each(|split| patterns.add_split(split));
        }
        Ok(Self { candidates: patterns.meets(start)?, spellings: spellings(&areas) })
    }
}

/// The areas of the documents that only one of the gates serves.
fn changed_documents<'s>(old: &'s Side, new: &'s Side) -> Vec<&'s Area> {
    let [old, new] = [old, new].map(Side::documents);
    let removed = old.iter().filter(|document| !new.contains(document));
    let added = new.iter().filter(|document| !old.contains(document));
    removed.chain(added).map(|document| &document.area).collect()
}

/// The places that only one policy has, or whose routes differ.
fn changed_places<'p>(
    areas: &HashSet<&'p Area>,
    [(old, before), (new, after)]: [(&Side, &Places<'_>); 2],
    symbols: &Symbols,
) -> impl Iterator<Item = &'p Area> {
    // A change of `paths.case` is one everywhere.
    let is_everywhere = old.policy().refuses_case_variants != new.policy().refuses_case_variants;
    areas.iter().copied().filter(move |area| {
        is_everywhere || !same_place(area, [(old, before.get(*area)), (new, after.get(*area))], symbols)
    })
}

/// The places with a route that keeps encoded slashes, with their literals in lower case.
fn keeping_places(side: &Side, places: &Places<'_>) -> Vec<Area> {
    let keeps = |index: &RouteIndex| side.route(*index).is_some_and(|route| route.keeps_encoded_slashes);
    let keeping = places.iter().filter(|(_, routes)| routes.values().any(keeps));
    keeping.map(|(area, _)| area.in_lower_case()).collect()
}

fn spellings(areas: &HashSet<&Area>) -> Spellings {
    let mut spellings = Spellings::new();
    for text in areas.iter().flat_map(|area| literals(area)) {
        spellings.entry(text.to_ascii_lowercase()).or_default().insert(text.to_owned());
    }
    spellings
}

/// Whether both policies have the same routes at a place, as far as it matters there.
fn same_place(
    area: &Area,
    [(old, before), (new, after)]: [(&Side, Option<&BTreeMap<&str, RouteIndex>>); 2],
    symbols: &Symbols,
) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let same = |(method, index): (&&str, &RouteIndex)| {
        let other = after.get(method).map(|other| new.effect_at(area, *other, symbols));
        other.is_some_and(|other| other == old.effect_at(area, *index, symbols))
    };
    before.len() == after.len() && before.iter().all(same)
}

fn literals(area: &Area) -> impl Iterator<Item = &str> {
    area.parts.iter().filter_map(|part| match part {
        AreaPart::Literal(text) => Some(text.as_str()),
        AreaPart::Within(_) | AreaPart::Capture => None,
    })
}

/// The areas of an origin that splits what the captures take: one of them into several segments, or each into two.
fn split_captures(area: &Area) -> Vec<Area> {
    let captures: Vec<usize> =
        area.parts.iter().enumerate().filter(|(_, part)| **part == AreaPart::Capture).map(|(index, _)| index).collect();
    let widened = |widths: &dyn Fn(usize) -> usize| {
        let parts = area.parts.iter().enumerate();
        let parts = parts.flat_map(|(index, part)| std::iter::repeat_n(part.clone(), widths(index)));
        Area { parts: parts.collect(), ..area.clone() }
    };
    let one = captures.iter().flat_map(|capture| (2..=MOST_PIECES).map(move |pieces| (*capture, pieces)));
    let mut areas: Vec<Area> =
        one.map(|(capture, pieces)| widened(&|index| if index == capture { pieces } else { 1 })).collect();
    if captures.len() > 1 {
        areas.push(widened(&|index| if captures.contains(&index) { 2 } else { 1 }));
    }
    areas
}

/// All patterns of both policies, with their literals in lower case.
#[derive(Default)]
struct Patterns {
    atlas: Atlas,
    numbers: HashMap<Area, usize>,
    areas: Vec<Pattern>,
}

/// A pattern, or what an origin that decodes slashes makes of one.
struct Pattern {
    area: Area,
    methods: BTreeSet<String>,
    /// Whether a path of it may have had encoded slashes that a route keeps.
    is_split: bool,
}

impl Patterns {
    fn add<'m>(&mut self, area: Area, methods: impl Iterator<Item = &'m str>) {
        let number = self.number(area);
        let named = methods.filter(|method| !method.is_empty()).map(str::to_owned);
        if let Some(pattern) = self.areas.get_mut(number) {
            pattern.methods.extend(named);
        }
    }

    fn add_split(&mut self, area: Area) {
        let number = self.number(area);
        if let Some(pattern) = self.areas.get_mut(number) {
            pattern.is_split = true;
        }
    }

    /// The number of a pattern, which is new if it is not known.
    fn number(&mut self, area: Area) -> usize {
        *self.numbers.entry(area.clone()).or_insert_with(|| {
            self.atlas.insert(&area, self.areas.len(), self.areas.len());
            self.areas.push(Pattern { area, methods: BTreeSet::new(), is_split: false });
            self.areas.len() - 1
        })
    }

    /// These areas, and all intersections of patterns within them.
    fn meets(&self, start: Vec<Area>) -> Result<Vec<Candidate>, Failure> {
        let mut seen: HashSet<Area> = HashSet::new();
        let mut open: Vec<Area> = start.into_iter().filter(|area| seen.insert(area.clone())).collect();
        let mut candidates = Vec::new();
        while let Some(area) = open.pop() {
            let over = self.atlas.across(&area, usize::MAX);
            let over: Vec<&Pattern> = over.into_iter().filter_map(|number| self.areas.get(number)).collect();
            for other in &over {
                let meet = area.meet(&other.area);
                if !seen.contains(&meet) {
                    seen.insert(meet.clone());
                    open.push(meet);
                }
            }
            if seen.len() > MAX_AREAS {
                return Err(Failure::new(format!("the routes overlap in more than {MAX_AREAS} ways")));
            }
            let longest = over.iter().map(|other| other.area.parts.len()).max().unwrap_or_default();
            let above: Vec<&Pattern> = over.into_iter().filter(|other| area.is_within(&other.area)).collect();
            let methods = above.iter().flat_map(|other| other.methods.iter().cloned()).collect();
            let keeps_slashes = above.iter().any(|other| other.is_split);
            candidates.push(Candidate { area, methods, keeps_slashes, longest });
        }
        Ok(candidates)
    }
}
