//! Path patterns that nearly match a request, to show if no route does.

use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{PathPattern, PatternSegment};

use crate::spelling::is_near;

/// The only difference between a pattern and a request's path; `None` if there is none, or more than one.
pub(super) fn difference(pattern: &PathPattern, path: &RequestPath<'_>) -> Option<String> {
    let literals = || pattern.segments.iter().enumerate().filter_map(|(index, segment)| literal(segment, index, path));
    let mut others = literals().filter(|(_, expected, found)| expected != found);
    let (other, is_only) = (others.next(), others.next().is_none());
    let (expected, found) = (pattern.segments.len(), (0..).take_while(|index| path.segment(*index).is_some()).count());
    // Without a literal in common, any path would be similar.
    let has_more = |than: usize| literals().nth(than).is_some();
    let is_long_enough = if pattern.rest.is_some() { found >= expected } else { found == expected };
    match other {
        Some((index, expected, found)) if is_only && is_long_enough && (is_near(expected, found) || has_more(1)) => {
            Some(format!("has {expected:?} in segment {}, where the request has {found:?}", index + 1))
        }
        None if !is_long_enough && expected.abs_diff(found) <= 1 && has_more(0) => {
            let s = if expected == 1 { "" } else { "s" };
            let more = if pattern.rest.is_some() { " and more" } else { "" };
            Some(format!("has {expected} segment{s}{more}, where the request has {found}"))
        }
        _ => None,
    }
}

/// The index and text of a literal segment, and the request's segment at that index.
fn literal<'p>(
    segment: &'p PatternSegment,
    index: usize,
    path: &'p RequestPath<'_>,
) -> Option<(usize, &'p str, &'p str)> {
    match segment {
        PatternSegment::Literal(text) => path.segment(index).map(|found| (index, text.as_str(), found)),
        PatternSegment::Capture(_) => None,
    }
}
