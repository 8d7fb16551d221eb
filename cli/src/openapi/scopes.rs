//! Converts OpenAPI's alternatives of scopes to the policy's `all` and `any`.

/// The scopes that a route requires.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ImportedScopes {
    /// All of these.
    pub(crate) all: Vec<String>,
    /// At least one of these, unless empty.
    pub(crate) any: Vec<String>,
}

/// The scopes that are equivalent to these alternatives, each of which requires all of its scopes. If there are none,
/// `Err` with those of the first alternative, which allow less.
pub(super) fn combine(alternatives: &[Vec<String>]) -> Result<ImportedScopes, ImportedScopes> {
    let alternatives = without_stricter(alternatives);
    let Some((first, others)) = alternatives.split_first() else { return Ok(ImportedScopes::default()) };
    let first_only = ImportedScopes { all: first.to_vec(), any: Vec::new() };
    if others.is_empty() {
        return Ok(first_only);
    }
    let is_common = |scope: &&String| others.iter().all(|other| other.contains(scope));
    let all: Vec<String> = first.iter().filter(is_common).cloned().collect();
    let beyond = alternatives.iter().map(|scopes| scopes.iter().filter(|scope| !all.contains(scope)).collect());
    let beyond: Vec<Vec<&String>> = beyond.collect();
    if beyond.iter().all(|scopes| scopes.len() == 1) {
        let mut any: Vec<String> = beyond.into_iter().flatten().cloned().collect();
        any.sort_unstable();
        Ok(ImportedScopes { all, any })
    } else {
        Err(first_only)
    }
}

/// The alternatives without those that contain all scopes of another one, and so allow nothing more.
fn without_stricter(alternatives: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut kept: Vec<Vec<String>> = Vec::new();
    for scopes in alternatives {
        let holds = |inner: &[String], outer: &[String]| inner.iter().all(|scope| outer.contains(scope));
        if kept.iter().any(|other| holds(other, scopes)) {
            continue;
        }
        kept.retain(|other| !holds(scopes, other));
        kept.push(scopes.clone());
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn scopes(alternatives: &[&str]) -> Result<ImportedScopes, ImportedScopes> {
        combine(&alternatives.iter().map(|scopes| words(scopes)).collect::<Vec<_>>())
    }

    #[test]
    fn alternatives_become_all_and_any() {
        let is = |all: &str, any: &str| Ok(ImportedScopes { all: words(all), any: words(any) });
        assert_eq!(scopes(&[]), is("", ""));
        assert_eq!(scopes(&[""]), is("", ""));
        assert_eq!(scopes(&["a b"]), is("a b", ""));
        assert_eq!(scopes(&["a", "b", "c"]), is("", "a b c"));
        assert_eq!(scopes(&["x a", "b x"]), is("x", "a b"));
        assert_eq!(scopes(&["a", "a b"]), is("a", ""), "the second opens nothing further");
        assert_eq!(scopes(&["a b", "c", ""]), is("", ""));
        assert_eq!(scopes(&["a b", "c"]), Err(ImportedScopes { all: words("a b"), any: vec![] }));
    }

    fn opens(scopes: &ImportedScopes, token: &[String]) -> bool {
        let has = |scope| token.contains(scope);
        scopes.all.iter().all(has) && (scopes.any.is_empty() || scopes.any.iter().any(has))
    }

    proptest! {
        #[test]
        fn they_open_what_the_alternatives_open_and_never_more(
            alternatives in prop::collection::vec(prop::sample::subsequence(words("a b c d"), 0..=4), 1..5),
            token in prop::sample::subsequence(words("a b c d"), 0..=4),
        ) {
            let expected = alternatives.iter().any(|scopes| scopes.iter().all(|scope| token.contains(scope)));
            match combine(&alternatives) {
                Ok(scopes) => prop_assert_eq!(opens(&scopes, &token), expected),
                Err(scopes) => prop_assert!(expected || !opens(&scopes, &token)),
            }
        }
    }
}
