//! The routes that match a request or nearly do, and why one of them was chosen. The route table decides; this repeats
//! its comparisons to explain the result.

use portcullis::policy::{PlaceStep, Policy};
use portcullis::request::Request;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{HostPattern, PatternSegment, RoutePattern};
use portcullis::route::table::{RouteMatch, RouteTable};
use serde::Serialize;

use super::near::difference as difference_of_paths;
use crate::document::SourceValue;

/// The maximum number of routes with a similar path that are shown.
const MAX_NEAR: usize = 3;

/// What a route matches, and how the policy writes it.
#[derive(Clone, Debug)]
pub(crate) struct RouteText {
    index: usize,
    pattern: RoutePattern,
    /// As the policy writes them.
    path_text: String,
    host_texts: Vec<String>,
}

/// A route that a request might have been for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RouteCandidate {
    /// Its index in the policy's `routes`.
    pub(crate) index: usize,
    pub(crate) path: String,
    /// Empty if the route takes all.
    pub(crate) methods: Vec<String>,
    /// Empty if the route takes all.
    pub(crate) hosts: Vec<String>,
    pub(crate) standing: CandidateStanding,
    /// Why it is not the request's route.
    pub(crate) reason: Option<String>,
}

/// Why a candidate is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CandidateStanding {
    /// It is the request's route.
    Chosen,
    /// It would be the route, but the request was answered before its route was looked up.
    #[serde(rename = "unasked")]
    NotLookedUp,
    /// It matches, but another route takes precedence.
    Behind,
    /// It matches the path, but not the method.
    OtherMethod,
    /// It matches the path, but not the host.
    OtherHost,
    /// Its path is similar to the request's. Listed only if no route matches the path.
    OtherPath,
}

/// The precedence of a match, compared in the order of the fields: the kind of host, then the path segment by segment,
/// then the method. The least comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Precedence {
    host: u8,
    path: Vec<u8>,
    method: u8,
}

const LITERAL: u8 = 0;
const CAPTURE: u8 = 1;
const REST: u8 = 2;

impl RouteText {
    /// The routes of a policy, and the document that it was read from.
    pub(crate) fn all(policy: &Policy, document: &SourceValue) -> Vec<Self> {
        let routes = policy.routes.iter().zip(document.list("routes")).enumerate();
        let texts = routes.map(|(index, (route, written))| Self {
            index,
            pattern: route.pattern.clone(),
            path_text: written.get("path").and_then(SourceValue::as_str).unwrap_or_default().to_owned(),
            host_texts: written.texts("hosts").into_iter().map(str::to_owned).collect(),
        });
        texts.collect()
    }

    /// The names of the captures of its path.
    pub(crate) fn captures(&self) -> impl Iterator<Item = &str> {
        self.pattern.path.names()
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Whether a table with only this route, for these hosts, finds it for the request; `None` if not even the path
    /// matches.
    fn takes(&self, hosts: &[HostPattern], target: &MatchTarget<'_>) -> Option<bool> {
        let mut table = RouteTable::default();
        table.insert(self.index, &RoutePattern { hosts: hosts.to_vec(), ..self.pattern.clone() });
        match table.find(target.host, target.path, target.method) {
            RouteMatch::Route(..) => Some(true),
            RouteMatch::MethodNotAllowed(_) => Some(false),
            RouteMatch::NoRoute => None,
        }
    }

    fn rank(&self, target: &MatchTarget<'_>) -> Option<RankedRoute<'_>> {
        let pattern = |host: &HostPattern| match host {
            HostPattern::Exact(_) => 0,
            HostPattern::Label { .. } => 1,
        };
        let groups = self.pattern.hosts.iter().filter(|host| self.takes(std::slice::from_ref(host), target).is_some());
        let host = if self.pattern.hosts.is_empty() { Some(2) } else { groups.map(pattern).min() };
        let has_method = self.takes(&self.pattern.hosts, target)?;
        let segment = |segment: &PatternSegment| match segment {
            PatternSegment::Literal(_) => LITERAL,
            PatternSegment::Capture(_) => CAPTURE,
        };
        let path = self
            .pattern
            .path
            .segments
            .iter()
            .map(segment)
            .chain(self.pattern.path.rest.as_ref().map(|_| REST))
            .collect();
        let names = |method: &str| self.pattern.methods.iter().any(|known| known == method);
        let method = match target.method {
            method if names(method) => 0,
            "HEAD" if names("GET") => 1,
            _ if has_method => 2,
            _ => 3,
        };
        Some(RankedRoute { route: self, precedence: Precedence { host: host?, path, method }, has_method })
    }
}

/// A route that matches the host and the path of a request.
struct RankedRoute<'r> {
    route: &'r RouteText,
    precedence: Precedence,
    /// Whether it also matches the method.
    has_method: bool,
}

impl RankedRoute<'_> {
    /// What candidates are sorted by.
    fn position(&self, chosen: Option<usize>) -> (bool, &Precedence, usize) {
        (Some(self.route.index) != chosen, &self.precedence, self.route.index)
    }
}

struct MatchTarget<'r> {
    host: &'r str,
    path: &'r RequestPath<'r>,
    method: &'r str,
}

/// The routes that match the request's path, the chosen one first, then in order of precedence; if there are none,
/// routes with a similar path.
/// `path` is that of the request, as the gate reads it.
pub(crate) fn candidates(
    routes: &[RouteText],
    request: &Request<'_>,
    path: &RequestPath<'_>,
    chosen: Option<usize>,
) -> Vec<RouteCandidate> {
    let host = request.url.host().to_ascii_lowercase();
    let target = MatchTarget { host: &host, path, method: request.method };
    let mut matching: Vec<RankedRoute<'_>> = routes.iter().filter_map(|route| route.rank(&target)).collect();
    matching.sort_by(|one, other| one.position(chosen).cmp(&other.position(chosen)));
    let near = matching.first().into_iter().flat_map(|first| {
        matching.iter().map(move |ranked| {
            let (standing, reason) = standing(ranked, first, chosen);
            ranked.route.candidate(standing, reason)
        })
    });
    let elsewhere = routes.iter().filter(|route| !matching.iter().any(|near| near.route.index == route.index));
    let elsewhere = elsewhere.filter(|route| route.takes(&[], &target).is_some());
    let elsewhere = elsewhere.map(|route| {
        let reason = format!("is only for {}, not for {host}", route.host_texts.join(" "));
        route.candidate(CandidateStanding::OtherHost, Some(reason))
    });
    let found: Vec<RouteCandidate> = near.chain(elsewhere).collect();
    if found.is_empty() { nearly(routes, path) } else { found }
}

/// The standing of a route that matches the path, and why it is not the request's. `first` is the first of these routes.
fn standing(
    ranked: &RankedRoute<'_>,
    first: &RankedRoute<'_>,
    chosen: Option<usize>,
) -> (CandidateStanding, Option<String>) {
    let RankedRoute { route, precedence, has_method } = ranked;
    let (leader, best) = (first.route.index, &first.precedence);
    if Some(route.index) == chosen {
        return (CandidateStanding::Chosen, None);
    }
    let (standing, reason) = if leader == route.index && *has_method {
        (CandidateStanding::NotLookedUp, "the request was answered before its route was looked up".to_owned())
    } else if best.host != precedence.host || best.path != precedence.path {
        (CandidateStanding::Behind, difference(best, precedence, leader))
    } else if *has_method {
        (CandidateStanding::Behind, format!("{} lists the method", place(leader)))
    } else if route.pattern.methods.is_empty() {
        (CandidateStanding::OtherMethod, "takes all methods except CONNECT, TRACE and TRACK".to_owned())
    } else {
        (CandidateStanding::OtherMethod, format!("takes only {}", route.pattern.methods.join(" ")))
    };
    (standing, Some(reason))
}

fn nearly(routes: &[RouteText], path: &RequestPath<'_>) -> Vec<RouteCandidate> {
    let near = routes.iter().filter_map(|route| {
        let reason = difference_of_paths(&route.pattern.path, path)?;
        Some(route.candidate(CandidateStanding::OtherPath, Some(reason)))
    });
    near.take(MAX_NEAR).collect()
}

impl RouteText {
    fn candidate(&self, standing: CandidateStanding, reason: Option<String>) -> RouteCandidate {
        let (methods, hosts) = (self.pattern.methods.clone(), self.host_texts.clone());
        RouteCandidate { index: self.index, path: self.path_text.clone(), methods, hosts, standing, reason }
    }
}

/// Why the leader takes precedence, if the method is not the reason.
fn difference(best: &Precedence, rank: &Precedence, leader: usize) -> String {
    let leader = place(leader);
    if best.host != rank.host {
        let group = |host| match host {
            0 => "its exact host",
            1 => "its host pattern",
            _ => "any host",
        };
        return format!("{leader} takes precedence: {} before {}", group(best.host), group(rank.host));
    }
    let kind = |segment: Option<&u8>| match segment {
        Some(&LITERAL) => "a literal",
        Some(&CAPTURE) => "{name}",
        Some(_) => "{*name}",
        None => "nothing",
    };
    let at = best.path.iter().zip(&rank.path).take_while(|(one, other)| one == other).count();
    let (one, other) = (kind(best.path.get(at)), kind(rank.path.get(at)));
    format!("{leader} takes precedence: {one} before {other} in segment {}", at + 1)
}

fn place(index: usize) -> String {
    portcullis::policy::Place::at(&[PlaceStep::Key("routes"), PlaceStep::Index(index)]).to_string()
}

#[cfg(test)]
mod tests {
    use portcullis::route::pattern::PathPattern;
    use portcullis::route::url::Url;
    use proptest::prelude::*;

    use super::*;

    const HOSTS: [&str; 5] = ["a.x.com", "b.x.com", "x.com", "{t}.x.com", "{t}.com"];
    const PATHS: [&str; 8] = ["/", "/a", "/{p}", "/{*r}", "/a/{q}", "/{p}/b", "/a/{*r}", "/{p}/b/{*r}"];
    const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "PUT"];

    fn some<const N: usize>(texts: [&'static str; N]) -> impl Strategy<Value = Vec<&'static str>> {
        proptest::sample::subsequence(texts.to_vec(), 0..=2)
    }

    /// `None` if two routes claim the same.
    fn table_of(texts: &[RouteText]) -> Option<RouteTable> {
        let mut table = RouteTable::default();
        let has_conflicts = texts.iter().any(|text| !table.insert(text.index, &text.pattern).is_empty());
        (!has_conflicts).then_some(table)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_first_in_the_order_is_the_one_that_the_table_finds(
            routes in prop::collection::vec((some(HOSTS), prop::sample::select(PATHS.to_vec()), some(METHODS)), 1..12),
            host in prop::sample::select(vec!["a.x.com", "c.x.com", "x.com", "y.com", "z"]),
            path in prop::sample::select(vec!["/", "/a", "/b", "/a/b", "/c/b", "/a/c", "/a/b/c", "/c/d/e"]),
            method in prop::sample::select(METHODS.to_vec()),
        ) {
            let (mut table, mut texts) = (RouteTable::default(), Vec::new());
            for (hosts, path, methods) in routes {
                let text = RouteText {
                    index: texts.len(),
                    pattern: RoutePattern {
                        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
                        path: PathPattern::parse(path).unwrap(),
                        methods: methods.iter().map(|&method| method.to_owned()).collect(),
                    },
                    path_text: path.to_owned(),
                    host_texts: hosts.iter().map(|&host| host.to_owned()).collect(),
                };
                // A policy has no two routes that claim the same.
                texts.push(text);
                match table_of(&texts) {
                    Some(all) => table = all,
                    None => drop(texts.pop()),
                }
            }
            let parsed = RequestPath::parse(path).unwrap();
            let url = format!("https://{host}{path}");
            let request = Request { method, url: Url::split(&url), headers: Vec::new() };
            let all = |chosen| candidates(&texts, &request, &parsed, chosen);
            let standing = |chosen| all(chosen).first().map(|first| (first.index, first.standing));
            match table.find(host, &parsed, method) {
                RouteMatch::Route(route, _) => {
                    prop_assert_eq!(standing(None).map(|(index, _)| index), Some(route));
                    prop_assert_eq!(standing(Some(route)), Some((route, CandidateStanding::Chosen)));
                }
                RouteMatch::MethodNotAllowed(_) => {
                    prop_assert_eq!(standing(None).map(|(_, standing)| standing), Some(CandidateStanding::OtherMethod));
                }
                RouteMatch::NoRoute => {
                    let none = |standing: Option<(usize, CandidateStanding)>| {
                        standing.is_none_or(|(_, standing)| matches!(standing, CandidateStanding::OtherHost | CandidateStanding::OtherPath))
                    };
                    prop_assert!(none(standing(None)));
                }
            }
        }
    }
}
