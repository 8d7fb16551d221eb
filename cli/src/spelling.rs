//! Suggestions for misspelled names.

/// The name that was most likely meant.
pub(crate) fn nearest<'n>(found: &str, valid: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let best = valid.into_iter().min_by_key(|name| distance(found, name))?;
    is_near(found, best).then_some(best)
}

/// Whether a text could be a misspelling of another: one edit is allowed, and one more for every four characters of
/// `text`.
pub(crate) fn is_near(text: &str, other: &str) -> bool {
    distance(text, other) <= 1 + text.chars().count() / 4
}

/// The edit distance between two texts, ignoring case.
fn distance(one: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase())
}
