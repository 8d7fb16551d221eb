//! All URLs that a Server Object may stand for. Routes are made for one of them; requests to the others must not be
//! taken by routes of other operations.

use std::collections::BTreeMap;

use super::server::host_of;
use super::tree::TreeNode;
use crate::area::template::{rewritten, segments};

/// If there are more readings than this, those of the same shape are merged.
const MAX_PLACES: usize = 16;

/// The maximum number of URLs of a server.
const MAX_URLS: usize = 4096;

/// A capture that stands for any text.
const ANY: &str = "{server}";

/// A URL that a server may stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerReading {
    /// The URL. A variable that may have any value is in braces.
    pub(super) url: String,
    /// The host as the policy writes it; `None` if it is unknown.
    pub(super) host: Option<String>,
    /// The base path.
    pub(super) base: String,
}

/// The readings of a Server Object: one for each combination of its variables' values, or, if there are many, for each
/// shape.
///
/// # Errors
/// What cannot be read, and where. It is then unknown where requests come in.
pub(super) fn readings(server: &TreeNode<'_>) -> Result<Vec<ServerReading>, String> {
    let server = written_out(server)?;
    let url = match server.member("url") {
        Some(url) => url.scalar().ok_or_else(|| at(&url, &format!("`url` is {}, not a string", url.kind())))?,
        None => "/".to_owned(),
    };
    let mut readings: Vec<ServerReading> = Vec::new();
    for reading in filled(&url, &server)?.iter().map(|url| ServerReading::of(url)) {
        if !readings.iter().any(|known| (&known.host, &known.base) == (&reading.host, &reading.base)) {
            readings.push(reading);
        }
    }
    Ok(if readings.len() > MAX_PLACES { shapes(&url, &readings) } else { readings })
}

/// The node, if it is a table without references and merge keys.
fn written_out<'d>(place: &TreeNode<'d>) -> Result<TreeNode<'d>, String> {
    let problem = match place.member("$ref") {
        _ if !place.is_table() => format!("expected a table, found {}", place.kind()),
        Some(_) => "OpenAPI has no references to servers; write the server out".to_owned(),
        None => return place.clone().unmerged().map_err(|problem| at(place, &problem)),
    };
    Err(at(place, &problem))
}

/// A problem, with the pointer of its node.
pub(super) fn at(place: &TreeNode<'_>, problem: &str) -> String {
    format!("{}: {problem}", place.pointer)
}

/// The smallest readings that cover these, one for each number of segments.
fn shapes(url: &str, readings: &[ServerReading]) -> Vec<ServerReading> {
    let mut by_length: BTreeMap<usize, Vec<&ServerReading>> = BTreeMap::new();
    for reading in readings {
        by_length.entry(segments(&reading.base).len()).or_default().push(reading);
    }
    let shape = |readings: Vec<&ServerReading>| {
        let bases: Vec<_> = readings.iter().map(|reading| segments(&reading.base)).collect();
        let common = |index: usize| {
            let mut texts = bases.iter().filter_map(|base| base.get(index));
            let first = texts.next().copied().unwrap_or_default();
            if texts.all(|text| *text == first) { first } else { ANY }
        };
        let length = bases.first().map_or(0, Vec::len);
        let base = (0..length).map(common).collect::<Vec<_>>().join("/");
        ServerReading { url: url.to_owned(), host: common_host(&readings), base }
    };
    by_length.into_values().map(shape).collect()
}

/// The host pattern that covers all of them, if there is one.
fn common_host(readings: &[&ServerReading]) -> Option<String> {
    let hosts = readings.iter().map(|reading| reading.host.as_deref()).collect::<Option<Vec<_>>>()?;
    let first = hosts.first()?;
    if hosts.iter().all(|host| host == first) {
        return Some((*first).to_owned());
    }
    let (_, behind) = first.split_once('.')?;
    let has_it = |host: &&str| host.split_once('.').is_some_and(|(_, other)| other == behind);
    hosts.iter().all(has_it).then(|| format!("{ANY}.{behind}"))
}

impl ServerReading {
    /// Parses a URL leniently. A relative one is relative to the root of the gate.
    pub(super) fn of(url: &str) -> Self {
        let behind_scheme = url.split_once("://").map(|(_, rest)| rest).or_else(|| url.strip_prefix("//"));
        let (authority, path) = match behind_scheme {
            Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
            None => ("", url),
        };
        let base = rewritten(path).trim_end_matches('/').to_owned();
        Self { url: url.to_owned(), host: host_of(authority), base }
    }
}

/// The URL with every combination of its variables' values.
fn filled(url: &str, server: &TreeNode<'_>) -> Result<Vec<String>, String> {
    let mut filled = vec![String::new()];
    let mut rest = url;
    while let Some((before, (name, behind))) = rest.split_once('{').and_then(|(a, b)| Some((a, b.split_once('}')?))) {
        let in_front = url.strip_suffix(rest).unwrap_or_default().len() + before.len();
        let values = values(name, server, (url.get(..in_front).unwrap_or_default(), behind))?;
        if filled.len() * values.len() > MAX_URLS {
            return Err(at(server, &format!("the server {url:?} stands for more than {MAX_URLS} URLs")));
        }
        let with = |url: &String| values.iter().map(|value| format!("{url}{before}{value}")).collect::<Vec<_>>();
        filled = filled.iter().flat_map(with).collect();
        rest = behind;
    }
    filled.iter_mut().for_each(|url| url.push_str(rest));
    Ok(filled)
}

/// The values of a variable, given the text before and after it. Without an `enum` it may have any value of the shape
/// of its default.
fn values(name: &str, server: &TreeNode<'_>, around: (&str, &str)) -> Result<Vec<String>, String> {
    let variables = server.member("variables").map(|variables| written_out(&variables)).transpose()?;
    let variable = variables.and_then(|variables| variables.member(name));
    let variable = variable.map(|variable| written_out(&variable)).transpose()?;
    let default = variable.as_ref().and_then(|variable| variable.member("default")?.scalar());
    let others = match variable.and_then(|variable| variable.member("enum")) {
        Some(listed) => {
            let values = listed.elements().and_then(|values| values.map(|value| value.scalar()).collect());
            values.ok_or_else(|| at(&listed, "expected a list of strings"))?
        }
        None => vec![any(name, default.as_deref().unwrap_or_default(), around)],
    };
    Ok(default.into_iter().chain(others).collect())
}

/// A wildcard of the same shape as the default: with as many segments, or as many labels of a host.
fn any(name: &str, default: &str, (in_front, behind): (&str, &str)) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let any = if name.is_empty() { ANY.to_owned() } else { format!("{{{name}}}") };
    let (scheme, default) = match default.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), default),
    };
    let behind_scheme = in_front.split_once("://").map_or(in_front, |(_, rest)| rest);
    let in_host = !behind_scheme.contains('/') && (!scheme.is_empty() || in_front.contains("://"));
    let shape = |(index, text): (usize, &str)| match text {
        "" if index == 0 => String::new(),
        text if index == 0 && in_host => text.split('.').map(|_| any.clone()).collect::<Vec<_>>().join("."),
        _ => any.clone(),
    };
    let begins_path = (in_host || in_front.is_empty())
        && !in_front.ends_with("://")
        && matches!(behind.chars().next(), None | Some('/'));
    let shaped = default.split('/').enumerate().map(shape).collect::<Vec<_>>().join("/");
    match shaped.as_str() {
        // It may be a path, of one segment.
        "" if begins_path => format!("/{any}"),
        "" => any,
        shaped => format!("{scheme}{shaped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::yaml;
    use super::*;

    fn read(text: &str) -> Vec<(Option<String>, String)> {
        readings(&TreeNode::root(&yaml(text)))
            .unwrap()
            .into_iter()
            .map(|reading| (reading.host, reading.base))
            .collect()
    }

    fn places(expected: &[(Option<&str>, &str)]) -> Vec<(Option<String>, String)> {
        expected.iter().map(|(host, base)| (host.map(str::to_owned), (*base).to_owned())).collect()
    }

    #[test]
    fn each_value_of_a_variable_is_a_place() {
        let text = "{url: 'https://{h}.a.com/{v}', variables: {h: {default: x}, v: {default: v1, enum: [v1, v2]}}}";
        let (x, any) = (Some("x.a.com"), Some("{h}.a.com"));
        assert_eq!(read(text), places(&[(x, "/v1"), (x, "/v2"), (any, "/v1"), (any, "/v2")]));
        let text = "{url: 'https://a.com/{base}', variables: {base: {default: api/v1}}}";
        assert_eq!(read(text), places(&[(Some("a.com"), "/api/v1"), (Some("a.com"), "/{base}/{base}")]));
        assert_eq!(read("{url: '/{v}'}"), places(&[(None, "/{v}")]));
        for (url, default, other) in [
            ("https://a.com{b}", "", (Some("a.com"), "/{b}")),
            ("https://a.com{b}", "/v1", (Some("a.com"), "/{b}")),
            ("https://a.com/{b}", "", (Some("a.com"), "/{b}")),
            ("https://{b}.a.com", "eu.api", (None, "")),
            ("https://{b}/v1", "a.com", (None, "/v1")),
            ("{b}/v1", "https://a.com/x", (None, "/{b}/v1")),
            ("{b}", "", (None, "/{b}")),
            ("{b}/v1", "/x", (None, "/{b}/v1")),
            ("{b}://a.com/v1", "https", (Some("a.com"), "/v1")),
        ] {
            let read = read(&format!("{{url: '{url}', variables: {{b: {{default: '{default}'}}}}}}"));
            assert_eq!(read.last(), places(&[other]).last(), "{url} {default}");
        }
    }

    #[test]
    fn what_routes_cannot_be_for_is_read_as_far_as_it_can_be() {
        for (url, host, base) in [
            ("wss://a.com/v1/", Some("a.com"), "/v1"),
            ("//a.com/v1", Some("a.com"), "/v1"),
            ("../v1", None, "/v1"),
            ("v1/../v2", None, "/v2"),
            ("https://a.{x}.com/v1?y", None, "/v1"),
            ("", None, ""),
        ] {
            assert_eq!(read(&format!("{{url: '{url}'}}")), places(&[(host, base)]), "{url}");
        }
        assert_eq!(read("{}"), places(&[(None, "")]), "as OpenAPI has it without servers");
    }

    #[test]
    fn many_places_become_one_for_each_shape() {
        let many = |url: &str, value: &str| {
            let values: Vec<String> = (0..40).map(|number| value.replace('0', &number.to_string())).collect();
            let variables = format!(
                "{{v: {{default: {value}, enum: [{}]}}, w: {{default: w, enum: [w, x/y]}}}}",
                values.join(", ")
            );
            read(&format!("{{url: '{url}', variables: {variables}}}"))
        };
        assert_eq!(many("/{v}", "0"), places(&[(None, "/{server}")]));
        assert_eq!(many("/{v}/a", "r0/v1"), places(&[(None, "/{server}/v1/a")]));
        assert_eq!(many("/{w}/{v}", "0"), places(&[(None, "/w/{server}"), (None, "/x/y/{server}")]));
        assert_eq!(many("https://{v}.a.com/b", "r0"), places(&[(Some("{server}.a.com"), "/b")]));
        assert_eq!(many("https://{v}.a.com/b", "r0.x"), places(&[(Some("{server}.x.a.com"), "/b")]));
        assert_eq!(many("https://{v}.a.com/{w}", "x.r0"), places(&[(None, "/w"), (None, "/x/y")]));
        assert_eq!(many("https://a.com:{v}", "1"), places(&[(Some("a.com"), "")]));
    }

    #[test]
    fn what_is_not_written_out_is_not_read() {
        let all: Vec<String> = (0..80).map(|number| number.to_string()).collect();
        let many = format!("{{default: '0', enum: [{}]}}", all.join(", "));
        for text in [
            "[]",
            "'/v1'",
            "{<<: {url: /v1}}",
            "{$ref: '#/x'}",
            "{url: [/v1]}",
            "{url: '/{v}', variables: {<<: {v: {default: a}}}}",
            "{url: '/{v}', variables: {v: {$ref: '#/x'}}}",
            "{url: '/{v}', variables: {v: {default: a, enum: b}}}",
            "{url: '/{v}', variables: {v: {default: a, enum: [[b]]}}}",
            &format!("{{url: '/{{v}}/{{w}}', variables: {{v: {many}, w: {many}}}}}"),
        ] {
            assert!(readings(&TreeNode::root(&yaml(text))).is_err(), "{text}");
        }
    }
}
