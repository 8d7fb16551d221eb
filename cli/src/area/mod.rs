//! Areas: the requests that a pattern of a policy or a path template of a document matches, regardless of their method,
//! and how two areas overlap.

pub(crate) mod atlas;
pub(crate) mod template;

use portcullis::route::pattern::{HostPattern, PathPattern, PatternSegment};

use template::{around, has_operator};

/// A set of hosts and paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Area {
    pub(crate) host: AreaHost,
    pub(crate) parts: Vec<AreaPart>,
    /// Whether any number of segments may follow the parts, including none, like the gate's `{*name}`.
    pub(crate) rest: bool,
}

/// The hosts of an area. If two have a host in common, one contains the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum AreaHost {
    /// Every host.
    Any,
    /// One label, a dot, and this suffix.
    Label(String),
    /// This host.
    Exact(String),
}

/// The values of one segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AreaPart {
    /// This literal, decoded.
    Literal(String),
    /// Any text that matches this template, which contains parameters and more.
    Within(String),
    /// Any text.
    Capture,
}

impl Area {
    /// The requests that a pattern of the policy matches at one of its hosts; `None` for all hosts.
    pub(crate) fn of(path: &PathPattern, host: Option<&HostPattern>) -> Self {
        let host = match host {
            None => AreaHost::Any,
            Some(HostPattern::Label { suffix, .. }) => AreaHost::Label(suffix.clone()),
            Some(HostPattern::Exact(host)) => AreaHost::Exact(host.clone()),
        };
        let parts = path.segments.iter().map(|segment| match segment {
            PatternSegment::Literal(text) => AreaPart::Literal(text.clone()),
            PatternSegment::Capture(_) => AreaPart::Capture,
        });
        Self { host, parts: parts.collect(), rest: path.rest.is_some() }
    }

    /// The smallest area that contains this one and that a pattern of the policy can express.
    pub(crate) fn cover(&self) -> Self {
        let parts = self.parts.iter().map(|part| match part {
            AreaPart::Within(_) => AreaPart::Capture,
            part => part.clone(),
        });
        Self { parts: parts.collect(), ..self.clone() }
    }

    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.host.is_within(&other.host) && self.has_path_within(other)
    }

    pub(crate) fn has_path_within(&self, other: &Self) -> bool {
        let has_length = match (self.parts.len(), other.parts.len()) {
            (own, others) if other.rest => own >= others,
            (own, others) => own == others && !self.rest,
        };
        has_length && self.parts.iter().zip(&other.parts).all(|(own, other)| own.is_within(other))
    }

    /// Whether it has paths that begin like the other area and end with these segments, the first of which may be the
    /// other's last part.
    pub(crate) fn may_end(&self, other: &Self, tail: &[AreaPart]) -> bool {
        let may_be = |(own, part): (&AreaPart, &AreaPart)| own.is_within(part) || part.is_within(own);
        let is_long = self.parts.len() + 1 >= other.parts.len() + tail.len();
        self.rest || (is_long && self.parts.iter().rev().zip(tail.iter().rev()).all(may_be))
    }

    /// Whether it is a single path.
    pub(crate) fn is_literal(&self) -> bool {
        !self.rest && self.parts.iter().all(|part| matches!(part, AreaPart::Literal(_)))
    }

    /// The same with its literals in lower case.
    pub(crate) fn in_lower_case(&self) -> Self {
        let parts = self.parts.iter().map(|part| match part {
            AreaPart::Literal(text) => AreaPart::Literal(text.to_ascii_lowercase()),
            part => part.clone(),
        });
        Self { parts: parts.collect(), ..self.clone() }
    }

    /// The intersection of two patterns, which must not be empty.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        let (short, long) = if self.parts.len() < other.parts.len() { (self, other) } else { (other, self) };
        let mut parts = long.parts.clone();
        for (part, other) in parts.iter_mut().zip(&short.parts) {
            if other.is_within(part) {
                part.clone_from(other);
            }
        }
        let host = if self.host.is_within(&other.host) { &self.host } else { &other.host };
        Self { host: host.clone(), parts, rest: self.rest && other.rest }
    }
}

/// The name of the capture in a host pattern of the policy.
pub(crate) fn label_of(host: &str) -> Option<&str> {
    Some(host.strip_prefix('{')?.split_once('}')?.0)
}

impl AreaHost {
    /// Parses a host pattern of the policy.
    pub(crate) fn of(text: Option<&str>) -> Self {
        match text {
            None => Self::Any,
            Some(text) => match text.split_once("}.") {
                Some((_, suffix)) => Self::Label(suffix.to_owned()),
                None => Self::Exact(text.to_owned()),
            },
        }
    }

    /// As the policy writes it.
    pub(crate) fn text(&self, label: &str) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Label(suffix) => Some(format!("{{{label}}}.{suffix}")),
            Self::Exact(host) => Some(host.clone()),
        }
    }

    /// The hosts of areas that contain all of these, themselves first.
    fn holders(&self) -> Vec<Self> {
        let mut holders = vec![self.clone()];
        if let Self::Exact(host) = self
            && let Some((_, suffix)) = host.split_once('.').filter(|(label, _)| !label.is_empty())
        {
            holders.push(Self::Label(suffix.to_owned()));
        }
        if *self != Self::Any {
            holders.push(Self::Any);
        }
        holders
    }

    /// One of these hosts, with this label or name where any is possible.
    pub(crate) fn example(&self, any: &str) -> String {
        match self {
            Self::Any => any.to_owned(),
            Self::Label(suffix) => format!("{any}.{suffix}"),
            Self::Exact(host) => host.clone(),
        }
    }

    pub(crate) fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Exact(host), Self::Label(suffix)) => {
                host.split_once('.').is_some_and(|(label, behind)| !label.is_empty() && behind == suffix)
            }
            _ => self == other,
        }
    }
}

impl AreaPart {
    fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Capture) => true,
            (Self::Literal(text), Self::Within(template)) => fits(template, text),
            _ => self == other,
        }
    }
}

/// Whether a text can match this template; true if that is unclear.
pub(crate) fn fits(template: &str, text: &str) -> bool {
    let Some((start, end)) = around(template) else { return true };
    let least = start.len() + end.len() + usize::from(!has_operator(template));
    text.len() >= least && text.starts_with(&start) && text.ends_with(&end)
}

/// Areas of tests.
#[cfg(test)]
mod samples {
    use super::template::PathParameter;
    use super::{Area, AreaHost, AreaPart};

    /// The area of a host and a path template.
    pub(super) fn area(text: &str) -> Area {
        let (host, path) = text.split_at(text.find('/').unwrap());
        let host = AreaHost::of(Some(host).filter(|host| !host.is_empty()));
        let mut area = Area { host, parts: Vec::new(), rest: false };
        for segment in path.split('/').skip(1) {
            match PathParameter::of(segment) {
                Some(PathParameter::Rest(_)) => {
                    area.parts.push(AreaPart::Capture);
                    area.rest = true;
                }
                Some(_) => area.parts.push(AreaPart::Capture),
                None if segment.contains('{') => area.parts.push(AreaPart::Within(segment.to_owned())),
                None => area.parts.push(AreaPart::Literal(segment.to_owned())),
            }
        }
        area
    }
}

#[cfg(test)]
mod tests {
    use super::samples::area;

    #[test]
    fn the_less_specific_holds_the_more_specific() {
        let within = [
            ("/a/b", "/a/{x}"),
            ("/a/{x}", "/{x}/{y}"),
            ("/a.b", "/{x}.b"),
            ("/{x}.b", "/{x}"),
            ("/a/b", "/a/{x+}"),
            ("/a/b/c", "/a/{x+}"),
            ("/a/{x}", "/a/{x+}"),
            ("/a/{x}/{y+}", "/{x}/{y+}"),
            ("h.com/a", "{t}.com/a"),
            ("h.com/a", "/a"),
            ("{t}.com/a", "/{x}"),
        ];
        for (one, other) in within {
            assert!(area(one).is_within(&area(other)), "{one} {other}");
            assert!(!area(other).is_within(&area(one)), "{one} {other}");
        }
        let apart = [
            ("/a/b", "/a"),
            ("/a", "/a/{x+}"),
            ("/a.c", "/{x}.b"),
            ("/.b", "/{x}.b"),
            ("/a/{x}", "/{x}/a"),
            ("/{x}.b", "/{x}.c"),
            ("com/a", "{t}.com/a"),
            ("x.h.com/a", "{t}.com/a"),
            ("h.com/{x}", "{t}.com/a"),
        ];
        for (one, other) in apart {
            assert!(!area(one).is_within(&area(other)) && !area(other).is_within(&area(one)), "{one} {other}");
        }
    }

    #[test]
    fn two_areas_meet_where_both_are() {
        for (one, other, both) in [
            ("/users/{id}/secret", "/users/me/{field}", "/users/me/secret"),
            ("/{a}/{b}/{c}", "/users/{x+}", "/users/{b}/{c}"),
            ("/{a}/{b}/{c+}", "/users/{x+}", "/users/{b}/{c+}"),
            ("/{a}/me", "/users/{x+}", "/users/me"),
            ("api.x.com/{page}", "{t}.x.com/admin", "api.x.com/admin"),
            ("{t}.x.com/{page}", "/admin", "{t}.x.com/admin"),
        ] {
            assert_eq!(area(one).meet(&area(other)), area(both), "{one} {other}");
            assert_eq!(area(other).meet(&area(one)), area(both), "{one} {other}");
        }
    }
}
