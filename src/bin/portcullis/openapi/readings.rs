//! All places that a server may stand for. Routes are made for one of them; what requests to the others find there
//! must not be a route for others.

use super::server::host_of;
use super::template::rewritten;
use super::tree::Place;

/// A variable with so many values stands for any.
const MAX_VALUES: usize = 16;

/// A place that a server may stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The server's URL there. A variable that may have any value is in braces.
    pub(super) url: String,
    /// The host as the policy writes it; `None` where that is not known.
    pub(super) host: Option<String>,
    /// What is in front of paths.
    pub(super) base: String,
}

/// The places of a Server Object: one for each value of its variables.
pub(super) fn readings(server: &Place<'_>) -> Vec<Reading> {
    server
        .text_of("url")
        .map(|url| filled(url, server))
        .unwrap_or_default()
        .iter()
        .map(|url| Reading::of(url))
        .collect()
}

impl Reading {
    /// Reads a URL, as far as it can be. One that is relative is taken to be so to the root of the gate.
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

/// The URL with each value of its variables.
fn filled(url: &str, server: &Place<'_>) -> Vec<String> {
    let mut filled = vec![String::new()];
    let mut rest = url;
    while let Some((before, (name, behind))) = rest.split_once('{').and_then(|(a, b)| Some((a, b.split_once('}')?))) {
        let mut values = values(name, server);
        if filled.len() * values.len() > MAX_VALUES {
            values = vec![format!("{{{name}}}")];
        }
        let with = |url: &String| values.iter().map(|value| format!("{url}{before}{value}")).collect::<Vec<_>>();
        filled = filled.iter().flat_map(with).collect();
        rest = behind;
    }
    filled.iter_mut().for_each(|url| url.push_str(rest));
    filled
}

/// The values of a variable. Without an `enum` it may have any: of as many segments as its default, as a rule.
fn values(name: &str, server: &Place<'_>) -> Vec<String> {
    let variable = server.member("variables").and_then(|variables| variables.member(name));
    let default = variable.as_ref().and_then(|variable| variable.member("default")?.scalar());
    let listed =
        variable.as_ref().and_then(|variable| variable.member("enum")).filter(|listed| listed.elements().is_some());
    let any = || {
        default.as_deref().unwrap_or_default().split('/').map(|_| format!("{{{name}}}")).collect::<Vec<_>>().join("/")
    };
    let others = match listed {
        Some(listed) => listed.elements().into_iter().flatten().filter_map(|value| value.scalar()).collect(),
        None => vec![any()],
    };
    default.iter().cloned().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::yaml;
    use super::*;

    fn read(text: &str) -> Vec<(Option<String>, String)> {
        readings(&Place::root(&yaml(text))).into_iter().map(|reading| (reading.host, reading.base)).collect()
    }

    fn places(expected: &[(Option<&str>, &str)]) -> Vec<(Option<String>, String)> {
        expected.iter().map(|(host, base)| (host.map(str::to_owned), (*base).to_owned())).collect()
    }

    #[test]
    fn each_value_of_a_variable_is_a_place() {
        let text = "{url: 'https://{h}.a.com/{v}', variables: {h: {default: x}, v: {default: v1, enum: [v1, v2]}}}";
        let (x, any) = (Some("x.a.com"), Some("{h}.a.com"));
        assert_eq!(read(text), places(&[(x, "/v1"), (x, "/v1"), (x, "/v2"), (any, "/v1"), (any, "/v1"), (any, "/v2")]));
        let text = "{url: 'https://a.com/{base}', variables: {base: {default: api/v1}}}";
        assert_eq!(read(text), places(&[(Some("a.com"), "/api/v1"), (Some("a.com"), "/{base}/{base}")]));
        assert_eq!(read("{url: '/{v}'}"), places(&[(None, "/{v}")]));
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
        assert_eq!(read("{}"), []);
        let values: Vec<String> = (0..40).map(|value| value.to_string()).collect();
        let many = format!("{{url: '/{{v}}', variables: {{v: {{default: 0, enum: [{}]}}}}}}", values.join(", "));
        assert_eq!(read(&many), places(&[(None, "/{v}")]));
    }
}
