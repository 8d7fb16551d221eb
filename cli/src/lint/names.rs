//! Names that are probably misspelled: they are almost those of other routes.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use portcullis::policy::PlaceStep;
use strsim::damerau_levenshtein;

use super::linter::Linter;
use crate::document::{SourceNode, SourceValue};
use crate::finding::rule::{FindingRule, SIMILAR_AUDIENCE, SIMILAR_SCOPE};

/// Shorter names often differ by one letter.
const LEAST_LETTERS: usize = 4;

/// A name in this many routes is intended, even if others have one that is almost the same.
const ESTABLISHED: usize = 2;

/// A name, the number of routes that have it, and its first place.
struct NameUse {
    name: String,
    /// The name without digits, the same for names that only count up.
    without_digits: String,
    routes: usize,
    last_route: usize,
    place: Vec<PlaceStep>,
}

pub(super) fn lint(lint: &mut Linter<'_>) {
    let (mut scopes, mut audiences) = (NameUses::default(), NameUses::default());
    for (index, written) in lint.routes().iter().enumerate() {
        let place = |key: &str| {
            vec![PlaceStep::Key("routes".to_owned()), PlaceStep::Index(index), PlaceStep::Key(key.to_owned())]
        };
        written.get("scopes").into_iter().for_each(|scope| scopes.collect(scope, index, place("scopes")));
        written.get("audience").into_iter().for_each(|audience| audiences.collect(audience, index, place("audience")));
    }
    for (rare, common) in scopes.similar() {
        let place = if rare.is_beside(common) { "is in the same list" } else { "is required elsewhere" };
        let message = format!("{:?} is almost {:?}, which {place}", rare.name, common.name);
        tell(lint, &SIMILAR_SCOPE, message, rare, common);
    }
    for (rare, common) in audiences.alike() {
        let message =
            format!("{:?} is not the same audience as {:?}: they are compared byte for byte", rare.name, common.name);
        tell(lint, &SIMILAR_AUDIENCE, message, rare, common);
    }
}

fn tell(lint: &mut Linter<'_>, rule: &FindingRule, message: String, rare: &NameUse, common: &NameUse) {
    let [place, related] = [rare, common].map(|used| used.place.iter().map(PlaceStep::borrowed).collect::<Vec<_>>());
    lint.note_beside(rule, &place, message, &related);
}

impl NameUse {
    /// Whether one could be a misspelling of the other. If several routes have each of them, both are intended, unless
    /// they differ only by case.
    fn could_be(&self, other: &Self) -> bool {
        let are_established = self.routes.min(other.routes) >= ESTABLISHED;
        is_slip(&self.name, &other.name) && (!are_established || is_same_but_for_case(&self.name, &other.name))
    }

    /// Whether both are first used in the same list.
    fn is_beside(&self, other: &Self) -> bool {
        let [list, other] = [self, other].map(|used| used.place.split_last().map(|(_, list)| list));
        list == other
    }
}

/// All names of a kind, in the order of their first use.
#[derive(Default)]
struct NameUses {
    uses: Vec<NameUse>,
    index: HashMap<String, usize>,
}

impl NameUses {
    fn collect(&mut self, value: &SourceValue, route: usize, place: Vec<PlaceStep>) {
        let below = |step| place.iter().cloned().chain([step]).collect();
        match &value.node {
            SourceNode::Text(name) => self.add(name, route, place),
            SourceNode::List(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(index, item)| self.collect(item, route, below(PlaceStep::Index(index))));
            }
            SourceNode::Table(entries) => {
                entries
                    .iter()
                    .for_each(|(key, value)| self.collect(value, route, below(PlaceStep::Key(key.name.clone()))));
            }
            _ => {}
        }
    }

    fn add(&mut self, name: &str, route: usize, place: Vec<PlaceStep>) {
        let next = self.uses.len();
        let index = *self.index.entry(name.to_owned()).or_insert(next);
        match self.uses.get_mut(index) {
            Some(used) if used.last_route == route => {}
            Some(used) => (used.routes, used.last_route) = (used.routes + 1, route),
            None => {
                let without_digits = name.chars().filter(|letter| !letter.is_ascii_digit()).collect();
                self.uses.push(NameUse { name: name.to_owned(), without_digits, routes: 1, last_route: route, place });
            }
        }
    }

    /// Pairs that differ by one letter or by case, the rarer name first. Two names can differ by one letter only if
    /// they have a shortened form in common, so only such names are compared; names that only count up are not.
    fn similar(&self) -> Vec<(&NameUse, &NameUse)> {
        let uses = self.uses.iter().enumerate();
        let mut near: Vec<(u64, usize)> =
            uses.flat_map(|(index, used)| shortened(&used.name).into_iter().map(move |key| (key, index))).collect();
        near.sort_unstable();
        near.dedup();
        let form = |index: usize| self.uses.get(index).map(|used| used.without_digits.as_str());
        let mut pairs = BTreeSet::new();
        for group in near.chunk_by(|(one, _), (other, _)| one == other) {
            for (position, (_, one)) in group.iter().enumerate() {
                for (_, other) in group.iter().skip(position + 1).filter(|(_, other)| form(*other) != form(*one)) {
                    pairs.insert((*one, *other));
                }
            }
        }
        let pairs = pairs.into_iter().filter_map(|(one, other)| Some((self.uses.get(one)?, self.uses.get(other)?)));
        pairs.filter(|(one, other)| one.could_be(other)).map(by_count).collect()
    }

    /// Pairs that differ only by case or a trailing slash, the rarer name first.
    fn alike(&self) -> Vec<(&NameUse, &NameUse)> {
        let mut seen: HashMap<String, &NameUse> = HashMap::new();
        let pairs = self.uses.iter().filter_map(|used| {
            let plain = used.name.to_lowercase().trim_end_matches('/').to_owned();
            let first = *seen.entry(plain).or_insert(used);
            (first.name != used.name).then(|| by_count((first, used)))
        });
        pairs.collect()
    }
}

fn by_count<'u>((first, second): (&'u NameUse, &'u NameUse)) -> (&'u NameUse, &'u NameUse) {
    if first.routes < second.routes { (first, second) } else { (second, first) }
}

/// Hashes of the name in lower case, and of the name without each one of its letters. Hashes, because large policies
/// have many.
fn shortened(name: &str) -> Vec<u64> {
    let name = name.to_lowercase();
    let cuts = name.char_indices().map(|(at, letter)| at..at + letter.len_utf8());
    let mut text = String::with_capacity(name.len());
    let key = |cut: Range<usize>| {
        text.clone_from(&name);
        text.replace_range(cut, "");
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    };
    std::iter::once(0..0).chain(cuts).map(key).collect()
}

/// Whether one could be a misspelling of the other. Words of a single letter, with or without a number, count up on
/// purpose.
fn is_slip(one: &str, other: &str) -> bool {
    if is_same_but_for_case(one, other) {
        return true;
    }
    if damerau_levenshtein(one, other) > 1 || one.len().min(other.len()) < LEAST_LETTERS {
        return false;
    }
    let words = |text: &str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let differing = one.iter().zip(&other).filter(|(one, other)| one != other);
    let is_counted = |word: &str| word.chars().filter(|letter| !letter.is_ascii_digit()).count() < 2;
    one.len() != other.len() || !differing.into_iter().any(|(one, other)| is_counted(one) || is_counted(other))
}

fn is_same_but_for_case(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_one_letter_or_case() {
        for (one, other) in [
            ("read:users", "read:user"),
            ("read:users", "raed:users"),
            ("read:users", "read:Users"),
            ("read:users", "read:uzers"),
            ("read:users", "read-users"),
            ("v2:read", "v2:reed"),
            ("oauth2:read", "oauht2:read"),
            ("read:items1", "read:itms1"),
            ("read:users2", "read:user2"),
        ] {
            assert!(is_slip(one, other), "{one} {other}");
            assert!(shortened(one).iter().any(|key| shortened(other).contains(key)), "{one} {other}");
        }
        for (one, other) in [
            ("api:v1", "api:v2"),
            ("tier:a", "tier:b"),
            ("read:a", "write:a"),
            ("abc", "abd"),
            ("x1", "x"),
            ("read:v1", "read:w1"),
        ] {
            assert!(!is_slip(one, other), "{one} {other}");
        }
    }
}
