//! The search of the table with the case of ASCII letters in the path ignored, as some origins do. Literals that differ
//! only by case are then the same, so the search continues in all of them at once.

use super::methods::Methods;
use super::node::{Captor, Node};
use crate::route::path::RequestPath;

/// Finds the routes of a path below these nodes, with the precedence of the case-sensitive search. Of places that
/// differ only by case, the one whose literals match the path exactly comes first.
pub(super) fn find<'t>(
    nodes: &[&'t Node],
    path: &RequestPath<'_>,
    index: usize,
    captured: &mut impl Captor,
) -> Option<&'t Methods> {
    let Some(segment) = path.segment(index) else {
        return nodes.iter().find_map(|node| node.here.as_ref()).or_else(|| rest(nodes, path, index, captured));
    };
    let literals: Vec<&Node> = literals(nodes, segment);
    if let Some(found) = below(&literals, path, index, captured) {
        return Some(found);
    }
    let captures: Vec<&Node> = nodes.iter().filter_map(|node| node.capture.as_deref()).collect();
    captured.segment(segment);
    if let Some(found) = below(&captures, path, index, captured) {
        return Some(found);
    }
    captured.undo();
    rest(nodes, path, index, captured)
}

fn below<'t>(
    nodes: &[&'t Node],
    path: &RequestPath<'_>,
    index: usize,
    captured: &mut impl Captor,
) -> Option<&'t Methods> {
    if nodes.is_empty() { None } else { find(nodes, path, index + 1, captured) }
}

fn rest<'t>(
    nodes: &[&'t Node],
    path: &RequestPath<'_>,
    index: usize,
    captured: &mut impl Captor,
) -> Option<&'t Methods> {
    nodes.iter().find_map(|node| node.rest(path, index, captured))
}

/// The literals that equal this segment if case is ignored, exact matches first.
fn literals<'t>(nodes: &[&'t Node], segment: &str) -> Vec<&'t Node> {
    let lower = segment.to_ascii_lowercase();
    let others = nodes.iter().flat_map(|node| {
        let capitals = node.capitals.get(&lower).map_or(&[][..], Vec::as_slice).iter();
        let texts = capitals.map(String::as_str).chain([lower.as_str()]).filter(|text| *text != segment);
        texts.filter_map(|text| node.literals.get(text)).collect::<Vec<_>>()
    });
    nodes.iter().filter_map(|node| node.literals.get(segment)).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{RouteMatch, RouteTable};
    use super::*;
    use crate::route::pattern::{PathPattern, RoutePattern};

    fn find_in(table: &RouteTable, path: &str) -> Option<usize> {
        match table.find("h", &RequestPath::parse(path).unwrap(), "GET") {
            RouteMatch::Route(route, _) => Some(route),
            _ => None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_a_table_in_lower_case_does(
            patterns in prop::collection::vec("(/([aAbB]|\\{[xy]\\})){0,2}(/\\{\\*r\\})?", 1..8),
            path in "(/[aAbB]){0,3}",
        ) {
            let (mut table, mut lower, mut inserted) = (RouteTable::default(), RouteTable::default(), 0);
            for text in patterns {
                let text = if text.is_empty() { "/".to_owned() } else { text };
                let parse = |text: &str| PathPattern::parse(text).ok().map(RoutePattern::from);
                let (Some(pattern), Some(folded)) = (parse(&text), parse(&text.to_ascii_lowercase())) else { continue };
                // Two routes whose places differ only by case.
                if lower.insert(inserted, &folded).is_empty() {
                    prop_assert!(table.insert(inserted, &pattern).is_empty());
                    inserted += 1;
                }
            }
            let path = if path.is_empty() { "/".to_owned() } else { path };
            let expected = find_in(&lower, &path.to_ascii_lowercase());
            let parsed = RequestPath::parse(&path).unwrap();
            if let Some(found) = find_in(&table, &path) {
                let otherwise = table.find_ignoring_case("h", &parsed, "GET", found).map(|other| match other {
                    RouteMatch::Route(route, _) => Some(route),
                    _ => None,
                });
                prop_assert_eq!(otherwise.unwrap_or(Some(found)), expected, "{}", path);
            }
        }
    }
}
