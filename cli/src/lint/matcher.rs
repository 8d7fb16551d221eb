//! What a route matches, and example requests that it matches.

use std::ops::Deref;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::policy::Route;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{HostPattern, PathPattern, PatternSegment, RoutePattern};

/// The value of captures in example requests. No policy has such a literal.
pub(super) const ANY: &str = "zq0any0qz";

/// A dot is not encoded: an encoded one would be ambiguous.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.');

/// The maximum number of segments that examples have in place of `{*rest}`: a shorter path may match another route.
const MOST_SEGMENTS: usize = 8;

/// The hosts, path and methods that a route matches.
pub(super) struct RouteMatcher(pub(super) RoutePattern);

impl Deref for RouteMatcher {
    type Target = RoutePattern;

    fn deref(&self) -> &RoutePattern {
        &self.0
    }
}

impl RouteMatcher {
    pub(super) fn of(route: &Route) -> Self {
        Self(route.pattern.clone())
    }

    pub(super) fn is_literal(&self) -> bool {
        self.path.names().next().is_none()
    }

    /// Whether it matches this path and no other.
    pub(super) fn is_at(&self, path: &RequestPath<'_>) -> bool {
        let is_same = |(index, segment): (usize, &PatternSegment)| match segment {
            PatternSegment::Literal(text) => path.segment(index) == Some(text),
            PatternSegment::Capture(_) => false,
        };
        let segments = &self.path.segments;
        self.is_literal() && segments.iter().enumerate().all(is_same) && path.segment(segments.len()).is_none()
    }

    /// A host (`None` for all hosts) and the path, without the names of captures. Routes with the same place differ
    /// only in their methods.
    pub(super) fn place(&self, host: Option<&HostPattern>) -> String {
        let rest = self.path.rest.iter().map(|_| "{*}");
        let path: Vec<&str> = self.path.segments.iter().map(shape).chain(rest).collect();
        format!("{}/{}", host_of_place(host), path.join("/"))
    }

    /// Its places, one for each host.
    pub(super) fn places(&self) -> Vec<String> {
        self.hosts().map(|host| self.place(host)).collect()
    }

    /// The same with a path in lower case, as a case-insensitive origin compares it.
    pub(super) fn folded(&self) -> Self {
        let fold = |segment: &PatternSegment| match segment {
            PatternSegment::Literal(text) => PatternSegment::Literal(text.to_ascii_lowercase()),
            PatternSegment::Capture(name) => PatternSegment::Capture(name.clone()),
        };
        let segments = self.path.segments.iter().map(fold).collect();
        let path = PathPattern { segments, rest: self.path.rest.clone() };
        Self(RoutePattern { path, hosts: self.hosts.clone(), methods: self.methods.clone() })
    }

    /// Whether the two have a method in common.
    pub(super) fn shares_method(&self, other: &Self) -> bool {
        let are_all = self.methods.is_empty() || other.methods.is_empty();
        are_all || self.methods.iter().any(|method| other.methods.contains(method))
    }

    /// Whether it matches only the path before the other's `{*rest}`.
    pub(super) fn is_root_of(&self, other: &Self) -> bool {
        let lengths = [self, other].map(|matcher| matcher.path.segments.len());
        other.path.rest.is_some() && self.path.rest.is_none() && lengths[0] == lengths[1] && lengths[0] > 0
    }

    /// Its hosts; `None` stands for all hosts.
    fn hosts(&self) -> impl Iterator<Item = Option<&HostPattern>> {
        let all = self.hosts.is_empty().then_some(None);
        all.into_iter().chain(self.hosts.iter().map(Some))
    }

    /// Each of its hosts with an example; `None` stands for all hosts.
    pub(super) fn example_hosts(&self) -> Vec<(Option<&HostPattern>, String)> {
        let example = |host: Option<&HostPattern>| match host {
            None => ANY.to_owned(),
            Some(HostPattern::Exact(host)) => host.clone(),
            Some(HostPattern::Label { suffix, .. }) => format!("{ANY}.{suffix}"),
        };
        self.hosts().map(|host| (host, example(host))).collect()
    }

    /// Paths that both match: the shortest one, and one segment more if both end in `{*rest}`.
    pub(super) fn common_paths(&self, other: &Self) -> Vec<String> {
        let [own, others] = [self, other].map(|matcher| matcher.path.segments.len());
        let length = own.max(others);
        let is_too_short = |matcher: &Self| matcher.path.rest.is_none() && matcher.path.segments.len() != length;
        if is_too_short(self) || is_too_short(other) {
            return Vec::new();
        }
        let literal = |matcher: &Self, index: usize| match matcher.path.segments.get(index) {
            Some(PatternSegment::Literal(text)) => Some(text.clone()),
            _ => None,
        };
        let segments = (0..length).map(|index| match (literal(self, index), literal(other, index)) {
            (Some(one), Some(two)) if one != two => None,
            (one, two) => Some(encoded(&one.or(two).unwrap_or_else(|| ANY.to_owned()))),
        });
        let Some(segments) = segments.collect::<Option<Vec<_>>>() else { return Vec::new() };
        let longest = usize::from(self.path.rest.is_some() && other.path.rest.is_some());
        (0..=longest).map(|below| path(&segments, below)).collect()
    }

    /// Example paths that it matches, of several lengths if it ends in `{*rest}`.
    pub(super) fn example_paths(&self) -> Vec<String> {
        let longest = if self.path.rest.is_some() { MOST_SEGMENTS } else { 0 };
        let segments = self.example_segments(|_, literal| literal.to_owned());
        (0..=longest).map(|below| path(&segments, below)).collect()
    }

    /// Example paths with literals in different case: all of them at once, and each alone.
    pub(super) fn paths_in_other_case(&self) -> Vec<String> {
        let count = self.path.segments.len();
        let choices = std::iter::once(0..count).chain((0..count).map(|index| index..index + 1));
        let choices = choices.map(|choice| {
            self.example_segments(
                |index, literal| {
                    if choice.contains(&index) { in_other_case(literal) } else { literal.to_owned() }
                },
            )
        });
        let own = self.example_segments(|_, literal| literal.to_owned());
        let longest = usize::from(self.path.rest.is_some());
        let others = choices.filter(|segments| *segments != own);
        others.flat_map(|segments| (0..=longest).map(move |below| path(&segments, below))).collect()
    }

    /// Example segments that its path matches, with its literals mapped by `literal`.
    fn example_segments(&self, literal: impl Fn(usize, &str) -> String) -> Vec<String> {
        let segments = self.path.segments.iter().enumerate().map(|(index, segment)| match segment {
            PatternSegment::Literal(text) => encoded(&literal(index, text)),
            PatternSegment::Capture(_) => ANY.to_owned(),
        });
        segments.collect()
    }
}

/// A path of these segments, followed by a number of others.
fn path(segments: &[String], below: usize) -> String {
    let all: Vec<&str> = segments.iter().map(String::as_str).chain(std::iter::repeat_n(ANY, below)).collect();
    format!("/{}", all.join("/"))
}

/// A segment without the name of its capture.
fn shape(segment: &PatternSegment) -> &str {
    match segment {
        PatternSegment::Literal(text) => text,
        PatternSegment::Capture(_) => "{}",
    }
}

fn host_of_place(host: Option<&HostPattern>) -> String {
    match host {
        None => String::new(),
        Some(HostPattern::Exact(host)) => host.clone(),
        Some(HostPattern::Label { suffix, .. }) => format!("{{}}.{suffix}"),
    }
}

fn in_other_case(literal: &str) -> String {
    let upper = literal.to_ascii_uppercase();
    if upper == literal { literal.to_ascii_lowercase() } else { upper }
}

fn encoded(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}
