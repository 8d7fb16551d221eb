//! Names that are nearly those of other routes: what a slip of the finger makes.

use std::collections::{BTreeSet, HashMap, HashSet};

use portcullis::policy::{Place, Step};
use strsim::damerau_levenshtein;

use super::{Lint, SIMILAR_AUDIENCE, SIMILAR_SCOPE};
use crate::document::{Node, Value};
use crate::finding::Subject;

/// Shorter ones differ by a letter as a matter of course.
const LEAST_LETTERS: usize = 4;

/// A name, how often it is there, and where first.
struct Use {
    name: String,
    count: usize,
    place: Vec<Step>,
}

pub(super) fn lint(lint: &mut Lint<'_>) {
    let (mut scopes, mut audiences) = (Uses::default(), Uses::default());
    for (index, written) in lint.routes().iter().enumerate() {
        let place = |key: &str| vec![Step::Key("routes".to_owned()), Step::Index(index), Step::Key(key.to_owned())];
        written.get("scopes").into_iter().for_each(|scope| scopes.collect(scope, place("scopes")));
        written.get("audience").into_iter().for_each(|audience| audiences.collect(audience, place("audience")));
    }
    for (rare, common) in scopes.similar() {
        let message = format!("{:?} is nearly {:?}, which is asked for elsewhere", rare.name, common.name);
        tell(lint, &SIMILAR_SCOPE, message, rare, common);
    }
    for (rare, common) in audiences.alike() {
        let message =
            format!("{:?} is another audience than {:?}: they are compared byte for byte", rare.name, common.name);
        tell(lint, &SIMILAR_AUDIENCE, message, rare, common);
    }
}

fn tell(lint: &mut Lint<'_>, rule: &super::Rule, message: String, rare: &Use, common: &Use) {
    let [place, related] = [rare, common].map(|used| used.place.iter().map(Step::borrowed).collect::<Vec<_>>());
    let span = Subject::Value.span(lint.value, &Place::at(&related));
    lint.note(rule, &place, message).related = Some((span, Place::at(&related).to_string()));
}

/// All names of a kind, in the order in which they come.
#[derive(Default)]
struct Uses {
    uses: Vec<Use>,
    index: HashMap<String, usize>,
}

impl Uses {
    fn collect(&mut self, value: &Value, place: Vec<Step>) {
        let below = |step| place.iter().cloned().chain([step]).collect();
        match &value.node {
            Node::Text(name) => self.add(name, place),
            Node::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.collect(item, below(Step::Index(index))));
            }
            Node::Table(entries) => {
                entries.iter().for_each(|(key, value)| self.collect(value, below(Step::Key(key.name.clone()))));
            }
            _ => {}
        }
    }

    fn add(&mut self, name: &str, place: Vec<Step>) {
        let next = self.uses.len();
        let index = *self.index.entry(name.to_owned()).or_insert(next);
        match self.uses.get_mut(index) {
            Some(used) => used.count += 1,
            None => self.uses.push(Use { name: name.to_owned(), count: 1, place }),
        }
    }

    /// Pairs that differ by one letter or by case, the rarer one first. Two names are that near only if they are the same
    /// without some one letter of each, so nothing else is compared; and of names that only count up, one is.
    fn similar(&self) -> Vec<(&Use, &Use)> {
        let mut near: HashMap<String, Vec<usize>> = HashMap::new();
        let mut counted = HashSet::new();
        let uses = self.uses.iter().enumerate().filter(|(_, used)| counted.insert(without_digits(&used.name)));
        for (index, used) in uses {
            for key in shortened(&used.name) {
                near.entry(key).or_default().push(index);
            }
        }
        let mut pairs = BTreeSet::new();
        for group in near.values() {
            for (position, one) in group.iter().enumerate() {
                for other in group.iter().skip(position + 1).filter(|other| *other != one) {
                    pairs.insert((*one.min(other), *one.max(other)));
                }
            }
        }
        let pairs = pairs.into_iter().filter_map(|(one, other)| Some((self.uses.get(one)?, self.uses.get(other)?)));
        pairs.filter(|(one, other)| is_slip(&one.name, &other.name)).map(by_count).collect()
    }

    /// Pairs that are the same but for case and a slash at the end, the rarer one first.
    fn alike(&self) -> Vec<(&Use, &Use)> {
        let mut seen: HashMap<String, &Use> = HashMap::new();
        let pairs = self.uses.iter().filter_map(|used| {
            let plain = used.name.to_lowercase().trim_end_matches('/').to_owned();
            let first = *seen.entry(plain).or_insert(used);
            (first.name != used.name).then(|| by_count((first, used)))
        });
        pairs.collect()
    }
}

fn by_count<'u>((first, second): (&'u Use, &'u Use)) -> (&'u Use, &'u Use) {
    if first.count < second.count { (first, second) } else { (second, first) }
}

fn without_digits(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// The name itself and the name without each of its letters, in lower case.
fn shortened(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.to_lowercase().chars().collect();
    let without = |skip: usize| {
        letters.iter().enumerate().filter(move |(at, _)| *at != skip).map(|(_, letter)| *letter).collect()
    };
    let mut keys: Vec<String> = (0..=letters.len()).map(without).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether one could be a slip for the other. Numbers count up on purpose (`v1`, `v2`), and so do single letters.
fn is_slip(one: &str, other: &str) -> bool {
    if one.to_lowercase() == other.to_lowercase() {
        return true;
    }
    if damerau_levenshtein(one, other) > 1 || one.len().min(other.len()) < LEAST_LETTERS {
        return false;
    }
    let words = |text: &str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let differing = one.iter().zip(&other).filter(|(one, other)| one != other);
    let is_counted = |word: &str| word.chars().count() < 2 || word.ends_with(|c: char| c.is_ascii_digit());
    one.len() != other.len() || !differing.into_iter().any(|(one, other)| is_counted(one) || is_counted(other))
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
        ] {
            assert!(is_slip(one, other), "{one} {other}");
            assert!(shortened(one).iter().any(|key| shortened(other).contains(key)), "{one} {other}");
        }
        for (one, other) in
            [("api:v1", "api:v2"), ("tier:a", "tier:b"), ("read:a", "write:a"), ("abc", "abd"), ("x1", "x")]
        {
            assert!(!is_slip(one, other), "{one} {other}");
        }
    }
}
