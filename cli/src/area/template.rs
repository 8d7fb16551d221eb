//! The syntax of path templates: segments and parameters.

use percent_encoding::percent_decode_str;

/// Characters of a parameter that is more than a name: operators of RFC 6570, and patterns of web frameworks.
const OPERATORS: [char; 14] = ['/', '?', '#', ':', '=', '*', '+', ';', '&', ',', '!', '@', '|', '\\'];

/// A parameter that is a whole segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathParameter<'t> {
    /// It matches the segment.
    Segment(&'t str),
    /// `{name+}`: the rest of the path, in Amazon API Gateway.
    Rest(&'t str),
    /// `{*name}`, `{name*}`, `{+name}`: several segments in other notations, one in OpenAPI.
    Wide(&'t str),
    /// It is more than a name.
    Other(&'t str),
}

impl<'t> PathParameter<'t> {
    /// The parameter, if the segment is one.
    pub(crate) fn of(segment: &'t str) -> Option<Self> {
        let inner = segment.strip_prefix('{')?.strip_suffix('}').filter(|inner| !inner.contains(['{', '}']))?;
        let is_plain = |name: &str| !name.contains(OPERATORS) && !name.starts_with('.');
        let name = inner.trim_start_matches(['*', '+']).trim_end_matches(['*', '+']);
        Some(match inner {
            _ if is_plain(inner) => Self::Segment(inner),
            _ if !is_plain(name) => Self::Other(inner),
            _ if inner.strip_suffix('+') == Some(name) => Self::Rest(name),
            _ => Self::Wide(inner),
        })
    }
}

/// The decoded text before the first parameter of a segment and after the last one; `None` if it is unclear.
pub(crate) fn around(segment: &str) -> Option<(String, String)> {
    let (start, _) = segment.split_once('{')?;
    let (_, end) = segment.rsplit_once('}')?;
    let decode = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    Some((decode(start)?, decode(end)?)).filter(|(start, end)| !start.contains('}') && !end.contains('{'))
}

/// Whether a parameter within a segment is more than a name. It may then be empty or contain slashes.
pub(crate) fn has_operator(segment: &str) -> bool {
    let mut depth = 0_usize;
    segment.chars().any(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > 0 && OPERATORS.contains(&c)
    })
}

/// Whether the braces are balanced.
pub(crate) fn is_balanced(text: &str) -> bool {
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return false,
            '}' => depth -= 1,
            _ => {}
        }
    }
    depth == 0
}

/// The path, and the query or fragment after it. A `?` within a parameter belongs to the parameter, except at its
/// start: `{?a,b}` is a query (RFC 6570 §3.2.8).
pub(crate) fn split_query(text: &str) -> (&str, &str) {
    let starts_query =
        |at: usize| text.get(at..).is_some_and(|rest| ["{?", "{&", "{#"].iter().any(|start| rest.starts_with(start)));
    let mut outside = outside(text);
    let end = outside.find(|(at, c)| matches!(c, '?' | '#') || starts_query(*at)).map(|(at, _)| at);
    text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""))
}

/// The segments of a path. A slash within a parameter belongs to the parameter.
pub(crate) fn segments(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let mut start = 0;
    for (at, _) in outside(path).filter(|(_, c)| *c == '/') {
        segments.extend(path.get(start..at));
        start = at + 1;
    }
    segments.extend(path.get(start..));
    segments
}

/// The characters outside of parameters, including the opening braces. If the braces are not balanced, all characters.
fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut depth = 0_usize;
    let is_balanced = is_balanced(text);
    text.char_indices().filter(move |(_, c)| {
        let is_outside = depth == 0 || !is_balanced;
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_outside
    })
}

/// The path as clients and servers may normalize it: decoded, with dot segments removed (RFC 3986 §6.2.2).
pub(crate) fn rewritten(path: &str) -> String {
    let (path, _) = split_query(path);
    let decoded = percent_decode_str(path).decode_utf8_lossy().replace('\\', "/");
    let mut kept: Vec<&str> = Vec::new();
    for segment in segments(decoded.strip_prefix('/').unwrap_or(&decoded)) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_keep_what_is_within_them() {
        assert_eq!(segments("users/{id:[^/]+}/keys"), ["users", "{id:[^/]+}", "keys"]);
        assert_eq!(segments("a/{b{c/d}}/e"), ["a", "{b{c/d}}", "e"]);
        assert_eq!(segments("a{b/c"), ["a{b", "c"], "a brace without its partner");
        assert_eq!(split_query("/users/{id?}/keys?x={y}"), ("/users/{id?}/keys", "?x={y}"));
        assert_eq!(split_query("/list{?page,size}"), ("/list", "{?page,size}"));
        assert_eq!(split_query("/list#a"), ("/list", "#a"));
        assert_eq!(split_query("/a{b?c"), ("/a{b", "?c"));
    }

    #[test]
    fn a_parameter_is_what_its_operators_say() {
        use PathParameter::{Other, Rest, Segment, Wide};
        for (segment, expected) in [
            ("{id}", Some(Segment("id"))),
            ("{user.id}", Some(Segment("user.id"))),
            ("{}", Some(Segment(""))),
            ("{proxy+}", Some(Rest("proxy"))),
            ("{*path}", Some(Wide("*path"))),
            ("{**path}", Some(Wide("**path"))),
            ("{+path}", Some(Wide("+path"))),
            ("{path*}", Some(Wide("path*"))),
            ("{id?}", Some(Other("id?"))),
            ("{id:[0-9]+}", Some(Other("id:[0-9]+"))),
            ("{.ext}", Some(Other(".ext"))),
            ("{a}{b}", None),
            ("a", None),
        ] {
            assert_eq!(PathParameter::of(segment), expected, "{segment}");
        }
    }

    #[test]
    fn a_path_is_rewritten_as_clients_and_servers_do() {
        for (path, expected) in [
            ("/a/../b", "/b"),
            ("/./a/.", "/a"),
            ("/a%2Fb", "/a/b"),
            ("/a\\b?c", "/a/b"),
            ("/../..", "/"),
            ("v1/", "/v1/"),
        ] {
            assert_eq!(rewritten(path), expected, "{path}");
        }
    }
}
