//! Captures in the notation of other routers. In a policy such a segment is a literal, which matches only itself.
//!
//! Recognized are Express and similar routers (`:id`, `*`), Flask, Django and Rocket (`<int:id>`, `<path..>`), Next.js
//! and SvelteKit (`[id]`, `[...slug]`), TanStack Router and Remix (`$id`, `$`), Ant patterns and shells (`*`, `**`),
//! and regular expressions. The gate's reader already refuses braces, `%` and backslashes. Genuine literals must not be
//! mistaken for captures: `/users:batchGet`, `/c++`, `/@scope`, and `/$metadata` or `/$everything` (OData, FHIR).

use portcullis::route::syntax::is_name;

/// A path with a segment in another notation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignPattern<'p> {
    /// The first such segment.
    pub(super) segment: &'p str,
    /// A suggestion of the path in the notation of policies, if its meaning is clear.
    pub(super) meant: Option<String>,
}

/// What a segment means to other routers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SegmentMeaning<'p> {
    /// `{name}`
    One(&'p str),
    /// `{name}`, or nothing.
    OneOrNone(&'p str),
    /// `{*name}`
    Rest(&'p str),
    /// This literal.
    Literal(&'p str),
    /// Something that a policy cannot express.
    Other,
}

/// The first segment of a path that is in another router's notation.
pub(super) fn foreign(path: &str) -> Option<ForeignPattern<'_>> {
    let plain = path.strip_prefix('/').unwrap_or(path);
    let segments: Vec<&str> = plain.strip_suffix('/').unwrap_or(plain).split('/').collect();
    let last = segments.len().saturating_sub(1);
    let meanings: Vec<Option<SegmentMeaning<'_>>> =
        segments.iter().enumerate().map(|(index, segment)| meaning(segment, index == last)).collect();
    let segment = *segments.iter().zip(&meanings).find(|(_, meaning)| meaning.is_some())?.0;
    Some(ForeignPattern { segment, meant: meant(&segments, &meanings) })
}

fn meant(segments: &[&str], meanings: &[Option<SegmentMeaning<'_>>]) -> Option<String> {
    let mut taken: Vec<String> = segments.iter().filter_map(|segment| own_name(segment)).map(str::to_owned).collect();
    let mut fresh = |name: &str| {
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let name = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name));
        taken.extend(name.clone());
        name.unwrap_or_default()
    };
    let (mut path, mut without) = (String::new(), None);
    for (segment, meaning) in segments.iter().zip(meanings) {
        let written = match meaning {
            None => (*segment).to_owned(),
            Some(SegmentMeaning::Literal(text)) => (*text).to_owned(),
            Some(SegmentMeaning::One(name)) => format!("{{{}}}", fresh(name)),
            Some(SegmentMeaning::OneOrNone(name)) => {
                without = Some(if path.is_empty() { "/".to_owned() } else { path.clone() });
                format!("{{{}}}", fresh(name))
            }
            Some(SegmentMeaning::Rest(name)) => format!("{{*{}}}", fresh(name)),
            Some(SegmentMeaning::Other) => return None,
        };
        path = format!("{path}/{written}");
    }
    let also = without.map(|without| format!(", and `{without}` in a route of its own")).unwrap_or_default();
    Some(format!("did you mean `{path}`{also}?"))
}

/// The name of a capture in the notation of policies.
fn own_name(segment: &str) -> Option<&str> {
    let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(inner.strip_prefix('*').unwrap_or(inner))
}

/// What a segment means to other routers; `None` for one that means itself.
fn meaning(segment: &str, is_last: bool) -> Option<SegmentMeaning<'_>> {
    if segment.contains(['{', '}']) {
        return None;
    }
    let readings: [for<'s> fn(&'s str, bool) -> Option<SegmentMeaning<'s>>; 6] =
        [star, colon, angle, bracket, dollar, expression];
    let found = readings.iter().find_map(|read| read(segment, is_last))?;
    let is_possible = match found {
        SegmentMeaning::Rest(_) | SegmentMeaning::OneOrNone(_) => is_last,
        _ => true,
    };
    Some(if is_possible { found } else { SegmentMeaning::Other })
}

/// `*`, `**`, `*path`.
fn star(segment: &str, is_last: bool) -> Option<SegmentMeaning<'_>> {
    let name = segment.strip_prefix('*')?;
    match name {
        "" | "*" if is_last => Some(SegmentMeaning::Rest("rest")),
        "" => Some(SegmentMeaning::One("name")),
        _ => is_identifier(name).then_some(SegmentMeaning::Rest(name)),
    }
}

/// `:id`, `:id?`, `:path*`, `:id(\d+)`.
fn colon(segment: &str, _is_last: bool) -> Option<SegmentMeaning<'_>> {
    let named = segment.strip_prefix(':')?;
    let end = named.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(named.len());
    let (name, behind) = named.split_at_checked(end).filter(|(name, _)| is_identifier(name))?;
    let is_group = behind.starts_with('(') && behind.trim_end_matches(['?', '*', '+']).ends_with(')');
    Some(match (behind, behind.chars().next_back()) {
        ("", _) => SegmentMeaning::One(name),
        (":", _) => return None,
        ("?", _) => SegmentMeaning::OneOrNone(name),
        ("*" | "+", _) => SegmentMeaning::Rest(name),
        (_, Some('?')) if is_group => SegmentMeaning::OneOrNone(name),
        (_, Some('*' | '+')) if is_group => SegmentMeaning::Rest(name),
        _ if is_group && is_any(behind) => SegmentMeaning::Rest(name),
        _ if is_group => SegmentMeaning::One(name),
        _ => SegmentMeaning::Other,
    })
}

/// `<id>`, `<int:id>`, `<id:int>`, `<path:rest>`, `<rest..>`.
fn angle(segment: &str, _is_last: bool) -> Option<SegmentMeaning<'_>> {
    const CONVERTERS: [&str; 9] = ["int", "float", "str", "string", "slug", "uuid", "path", "any", "re"];
    let (before, from) = segment.split_once('<')?;
    let (inner, behind) = from.rsplit_once('>')?;
    if !before.is_empty() || !behind.is_empty() {
        return Some(SegmentMeaning::Other);
    }
    let (name, converter) = match inner.split_once(':') {
        None => (inner, ""),
        Some((converter, name)) if CONVERTERS.contains(&converter) || converter.contains('(') => (name, converter),
        Some((name, converter)) => (name, converter),
    };
    Some(match name.strip_suffix("..") {
        Some(name) if is_identifier(name) => SegmentMeaning::Rest(name),
        _ if !is_identifier(name) => SegmentMeaning::Other,
        _ if converter == "path" => SegmentMeaning::Rest(name),
        _ => SegmentMeaning::One(name),
    })
}

/// `[id]`, `[id=matcher]`, `[[lang]]`, `[...slug]`, `[[...slug]]`.
fn bracket(segment: &str, _is_last: bool) -> Option<SegmentMeaning<'_>> {
    let inner = segment.strip_prefix('[')?.strip_suffix(']')?;
    let optional = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let named = optional.unwrap_or(inner);
    let rest = named.strip_prefix("...");
    let name = rest.unwrap_or(named).split('=').next().filter(|name| is_identifier(name))?;
    Some(match (rest, optional) {
        (Some(_), _) => SegmentMeaning::Rest(name),
        (None, Some(_)) => SegmentMeaning::OneOrNone(name),
        (None, None) => SegmentMeaning::One(name),
    })
}

/// `$`, and `$name` if the name could be that of a parameter.
fn dollar(segment: &str, is_last: bool) -> Option<SegmentMeaning<'_>> {
    let name = segment.strip_prefix('$')?;
    if name.is_empty() {
        return is_last.then_some(SegmentMeaning::Rest("rest"));
    }
    let is_parameter = ["id", "slug", "uuid"].contains(&name)
        || ["Id", "_id", "ID", "Slug", "Uuid"].iter().any(|end| name.ends_with(end));
    (is_parameter && is_identifier(name)).then_some(SegmentMeaning::One(name))
}

/// Regular expressions, and anything else that contains a `*`.
fn expression(segment: &str, is_last: bool) -> Option<SegmentMeaning<'_>> {
    if is_any(segment) {
        return Some(if is_last { SegmentMeaning::Rest("rest") } else { SegmentMeaning::One("name") });
    }
    if let Some(literal) = segment.strip_suffix('$').filter(|literal| is_last && !literal.is_empty()) {
        return Some(meaning(literal, is_last).unwrap_or(SegmentMeaning::Literal(literal)));
    }
    if bare(segment).strip_suffix(['+', '*']).is_some_and(|class| class.starts_with('[') && class.ends_with(']')) {
        return Some(SegmentMeaning::One("name"));
    }
    let is_choice = segment.split_once('(').is_some_and(|(_, choice)| choice.contains('|') && choice.contains(')'));
    let marks = ["*", "(?", "[^", "]+", ")+", ")?", "(.+)", "[a-z", "[A-Z", "[0-9"];
    (is_choice || marks.iter().any(|mark| segment.contains(mark))).then_some(SegmentMeaning::Other)
}

/// Whether a regular expression matches anything.
fn is_any(expression: &str) -> bool {
    [".*", ".+"].contains(&bare(expression))
}

/// A regular expression without surrounding anchors and groups.
fn bare(expression: &str) -> &str {
    expression.trim_start_matches(['^', '(']).trim_end_matches(['$', ')', '?'])
}

fn is_identifier(name: &str) -> bool {
    is_name(name) && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && !is_range(name)
}

/// Whether it is like `a-z`, a character class and not a name.
fn is_range(name: &str) -> bool {
    matches!(name.as_bytes(), [_, b'-', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_of_other_routers_is_reported_in_the_own_one() {
        for (path, segment, meant) in [
            ("/admin/*", "*", "/admin/{*rest}"),
            ("/admin/*/", "*", "/admin/{*rest}"),
            ("/*", "*", "/{*rest}"),
            ("/files/**", "**", "/files/{*rest}"),
            ("/a/*/b", "*", "/a/{name}/b"),
            ("/a/*/b/*/c", "*", "/a/{name}/b/{name2}/c"),
            ("/{rest}/*", "*", "/{rest}/{*rest2}"),
            ("/files/*path", "*path", "/files/{*path}"),
            ("/users/:id", ":id", "/users/{id}"),
            ("/users/:user_id/posts/:id", ":user_id", "/users/{user_id}/posts/{id}"),
            ("/users/:id([0-9]+)", ":id([0-9]+)", "/users/{id}"),
            ("/files/:path*", ":path*", "/files/{*path}"),
            ("/files/:path+", ":path+", "/files/{*path}"),
            ("/files/:path(.*)", ":path(.*)", "/files/{*path}"),
            ("/files/:path(.*)*", ":path(.*)*", "/files/{*path}"),
            ("/users/<id>", "<id>", "/users/{id}"),
            ("/users/<int:id>/x", "<int:id>", "/users/{id}/x"),
            ("/users/<id:int>", "<id:int>", "/users/{id}"),
            ("/files/<path:file>", "<path:file>", "/files/{*file}"),
            ("/files/<file..>", "<file..>", "/files/{*file}"),
            ("/users/[id]", "[id]", "/users/{id}"),
            ("/users/[id=integer]", "[id=integer]", "/users/{id}"),
            ("/docs/[...slug]", "[...slug]", "/docs/{*slug}"),
            ("/docs/[[...slug]]", "[[...slug]]", "/docs/{*slug}"),
            ("/posts/$id", "$id", "/posts/{id}"),
            ("/posts/$postId/edit", "$postId", "/posts/{postId}/edit"),
            ("/files/$", "$", "/files/{*rest}"),
            ("/users$", "users$", "/users"),
            ("/users/(.*)", "(.*)", "/users/{*rest}"),
            ("/users/.*", ".*", "/users/{*rest}"),
            ("/users/.*$", ".*$", "/users/{*rest}"),
            ("/users/(.+)/x", "(.+)", "/users/{name}/x"),
            ("/users/[0-9]+", "[0-9]+", "/users/{name}"),
            ("/users/([0-9]+)", "([0-9]+)", "/users/{name}"),
            ("/users/[a-z]*", "[a-z]*", "/users/{name}"),
        ] {
            let meant = Some(format!("did you mean `{meant}`?"));
            assert_eq!(foreign(path), Some(ForeignPattern { segment, meant }), "{path}");
        }
        for (path, meant) in [
            ("/users/:id?", "did you mean `/users/{id}`, and `/users` in a route of its own?"),
            ("/[[lang]]", "did you mean `/{lang}`, and `/` in a route of its own?"),
        ] {
            assert_eq!(foreign(path).unwrap().meant.as_deref(), Some(meant), "{path}");
        }
    }

    #[test]
    fn what_no_policy_can_say_is_reported_all_the_same() {
        for path in [
            "/a/**/b",
            "/a/*path/b",
            "/files/*.js",
            "/files*",
            "/flights/:from-:to",
            "/files/:name.json",
            "/:lang?/docs",
            "/files/<name>.json",
            "/file.(js|css)",
            "/(a|b)",
            "/(?:a)",
            "/(www)?",
            "/x[^a]",
            "/v[0-9]",
        ] {
            assert_eq!(foreign(path).map(|foreign| foreign.meant), Some(None), "{path}");
        }
    }

    #[test]
    fn an_honest_literal_is_none() {
        for path in [
            "/",
            "/a.b",
            "/@scope/name",
            "/$metadata",
            "/$batch",
            "/Patient/{id}/$everything",
            "/Patient/$validate",
            "/c++",
            "/a+b",
            "/v1/users:batchGet",
            "/v1/{name}/users:batchGet",
            "/12:30",
            "/emoji/:+1:",
            "/emoji/:smile:",
            "/.well-known/jwks.json",
            "/Products(5)",
            "/Orders(id=5)/Items",
            "/(group)",
            "/[5]",
            "/~user",
            "/a,b",
            "/a=b",
            "/a|b",
            "/a&b",
            "/...",
            "/a-b_c",
            "/us$er",
            "/{id}/{*rest}",
            "/o?x=1",
            "/o#x",
            "/a<b",
        ] {
            assert_eq!(foreign(path), None, "{path}");
        }
    }
}
