//! Where a route is, and requests that it is there for.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{HostPattern, PathPattern, PatternSegment};

use crate::document::Value;

/// What a capture of the example requests holds: no policy has such a literal.
const ANY: &str = "zq0any0qz";

/// An encoded dot has no one reading.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.');

/// The examples of a path that ends in `{*rest}` have up to so many segments there: a shorter path may have another route.
const MOST_SEGMENTS: usize = 8;

/// Where a route is.
pub(super) struct Location {
    pub(super) hosts: Vec<HostPattern>,
    pub(super) path: PathPattern,
    pub(super) methods: Vec<String>,
}

impl Location {
    pub(super) fn read(written: &Value) -> Option<Self> {
        Some(Self {
            hosts: written.texts("hosts").into_iter().filter_map(|host| HostPattern::parse(host).ok()).collect(),
            path: PathPattern::parse(written.get("path")?.as_str()?).ok()?,
            methods: written.texts("methods").into_iter().map(str::to_owned).collect(),
        })
    }

    pub(super) fn is_literal(&self) -> bool {
        self.path.names().next().is_none()
    }

    /// Whether its path is this one and no other.
    pub(super) fn is_at(&self, path: &RequestPath<'_>) -> bool {
        let is_same = |(index, segment): (usize, &PatternSegment)| match segment {
            PatternSegment::Literal(text) => path.segment(index) == Some(text),
            PatternSegment::Capture(_) => false,
        };
        let segments = &self.path.segments;
        self.is_literal() && segments.iter().enumerate().all(is_same) && path.segment(segments.len()).is_none()
    }

    /// Whether the other is at the same place, this host of this one's (`None` for all hosts) and the same path: what
    /// captures are called does not count.
    pub(super) fn shares_place(&self, other: &Self, host: Option<&HostPattern>) -> bool {
        let is_host = |own: &HostPattern| match (own, host) {
            (HostPattern::Label { suffix, .. }, Some(HostPattern::Label { suffix: wanted, .. })) => suffix == wanted,
            (own, wanted) => Some(own) == wanted,
        };
        let has_host = if host.is_none() { other.hosts.is_empty() } else { other.hosts.iter().any(is_host) };
        let (one, two) = (&self.path, &other.path);
        let is_same = |(one, two): (&PatternSegment, &PatternSegment)| match (one, two) {
            (PatternSegment::Literal(one), PatternSegment::Literal(two)) => one == two,
            (PatternSegment::Capture(_), PatternSegment::Capture(_)) => true,
            _ => false,
        };
        let is_as_long = one.segments.len() == two.segments.len() && one.rest.is_some() == two.rest.is_some();
        has_host && is_as_long && one.segments.iter().zip(&two.segments).all(is_same)
    }

    /// Each of its hosts with an example of it; `None` stands for all hosts.
    pub(super) fn example_hosts(&self) -> Vec<(Option<&HostPattern>, String)> {
        if self.hosts.is_empty() {
            return vec![(None, ANY.to_owned())];
        }
        let example = |host: &HostPattern| match host {
            HostPattern::Exact(host) => host.clone(),
            HostPattern::Label { suffix, .. } => format!("{ANY}.{suffix}"),
        };
        self.hosts.iter().map(|host| (Some(host), example(host))).collect()
    }

    /// A path that both match.
    pub(super) fn common_path(&self, other: &Self) -> Option<String> {
        let least = |location: &Self| location.path.segments.len() + usize::from(location.path.rest.is_some());
        let length = least(self).max(least(other));
        if [self, other].iter().any(|location| location.path.rest.is_none() && location.path.segments.len() != length) {
            return None;
        }
        let literal = |location: &Self, index: usize| match location.path.segments.get(index) {
            Some(PatternSegment::Literal(text)) => Some(text.clone()),
            _ => None,
        };
        let segments = (0..length).map(|index| match (literal(self, index), literal(other, index)) {
            (Some(one), Some(two)) if one != two => None,
            (one, two) => Some(encoded(&one.or(two).unwrap_or_else(|| ANY.to_owned()))),
        });
        Some(format!("/{}", segments.collect::<Option<Vec<_>>>()?.join("/")))
    }

    /// Paths that it matches.
    pub(super) fn example_paths(&self) -> Vec<String> {
        let segments = self.path.segments.iter().map(|segment| match segment {
            PatternSegment::Literal(text) => text.as_str(),
            PatternSegment::Capture(_) => ANY,
        });
        let leading: Vec<String> = segments.map(encoded).collect();
        let lengths = if self.path.rest.is_some() { 1..=MOST_SEGMENTS } else { 0..=0 };
        let path = |length| [leading.clone(), vec![ANY.to_owned(); length]].concat().join("/");
        lengths.map(|length| format!("/{}", path(length))).collect()
    }
}

fn encoded(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}
