//! A tree of areas by their segments, which finds those that contain or overlap a pattern without comparing it with
//! each.

use std::collections::{BTreeMap, HashMap};

use super::{Area, AreaHost, AreaPart, fits};

/// A set of areas, each with a number.
#[derive(Debug, Default)]
pub(crate) struct Atlas {
    hosts: BTreeMap<AreaHost, AtlasNode>,
}

#[derive(Debug, Default)]
struct AtlasNode {
    literals: HashMap<String, AtlasNode>,
    within: Vec<(String, AtlasNode)>,
    capture: Option<Box<AtlasNode>>,
    here: Vec<usize>,
    rest: Vec<usize>,
    kind: NodeKinds,
}

/// The kinds of the areas in a subtree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum NodeKinds {
    #[default]
    None,
    One(usize),
    Several,
}

/// Which areas to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SearchReach {
    /// Areas whose covering pattern contains all of the given pattern.
    Over,
    /// Areas that overlap the given pattern, except those of this kind.
    Across(usize),
}

impl SearchReach {
    fn is_across(self) -> bool {
        self != Self::Over
    }
}

impl Atlas {
    pub(crate) fn insert(&mut self, area: &Area, kind: usize, number: usize) {
        let mut node = self.hosts.entry(area.host.clone()).or_default();
        node.kind.add(kind);
        for part in &area.parts {
            node = match part {
                AreaPart::Literal(text) => node.literals.entry(text.clone()).or_default(),
                AreaPart::Capture => node.capture.get_or_insert_default(),
                AreaPart::Within(template) => node.within(template),
            };
            node.kind.add(kind);
        }
        if area.rest { node.rest.push(number) } else { node.here.push(number) }
    }

    /// The areas that overlap this pattern and whose covering pattern contains all of it, in order.
    pub(crate) fn over(&self, pattern: &Area) -> Vec<usize> {
        self.find(pattern, SearchReach::Over)
    }

    /// The areas that overlap this pattern, in order, without most of those of its own kind.
    pub(crate) fn across(&self, pattern: &Area, kind: usize) -> Vec<usize> {
        self.find(pattern, SearchReach::Across(kind))
    }

    fn find(&self, pattern: &Area, reach: SearchReach) -> Vec<usize> {
        let mut found = Vec::new();
        let mut search = |node: &AtlasNode| node.find(&pattern.parts, pattern.rest, reach, &mut found);
        pattern.host.holders().iter().filter_map(|host| self.hosts.get(host)).for_each(&mut search);
        let are_hosts_within = reach.is_across() && !matches!(pattern.host, AreaHost::Exact(_));
        let hosts = self.hosts.iter().filter(|_| are_hosts_within);
        let within = hosts.filter(|(host, _)| **host != pattern.host && host.is_within(&pattern.host));
        within.for_each(|(_, node)| search(node));
        found.sort_unstable();
        found
    }
}

impl NodeKinds {
    fn add(&mut self, kind: usize) {
        *self = match *self {
            Self::None => Self::One(kind),
            Self::One(known) if known == kind => *self,
            _ => Self::Several,
        };
    }
}

impl AtlasNode {
    fn within(&mut self, template: &str) -> &mut Self {
        let known = self.within.iter().position(|(known, _)| known == template);
        let index = known.unwrap_or(self.within.len());
        if index == self.within.len() {
            self.within.push((template.to_owned(), Self::default()));
        }
        match self.within.get_mut(index) {
            Some((_, node)) => node,
            None => self.capture.get_or_insert_default(),
        }
    }

    fn find(&self, parts: &[AreaPart], rest: bool, reach: SearchReach, found: &mut Vec<usize>) {
        if matches!((reach, self.kind), (SearchReach::Across(kind), NodeKinds::One(only)) if kind == only) {
            return;
        }
        let Some((part, behind)) = parts.split_first() else {
            return match (rest, reach) {
                (true, SearchReach::Over) => found.extend(&self.rest),
                (true, SearchReach::Across(_)) => self.all(found),
                (false, _) => found.extend(self.here.iter().chain(&self.rest)),
            };
        };
        found.extend(&self.rest);
        let mut next = |node: &Self| node.find(behind, rest, reach, found);
        self.capture.iter().for_each(|node| next(node));
        match part {
            AreaPart::Literal(text) => {
                self.literals.get(text).into_iter().for_each(&mut next);
                self.within.iter().filter(|(template, _)| fits(template, text)).for_each(|(_, node)| next(node));
            }
            AreaPart::Within(_) | AreaPart::Capture => {
                self.within.iter().for_each(|(_, node)| next(node));
                if reach.is_across() {
                    self.literals.values().for_each(next);
                }
            }
        }
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        let within = self.within.iter().map(|(_, node)| node);
        self.literals.values().chain(within).chain(self.capture.as_deref())
    }

    fn all(&self, found: &mut Vec<usize>) {
        found.extend(self.here.iter().chain(&self.rest));
        self.children().for_each(|child| child.all(found));
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::area;
    use super::*;

    #[test]
    fn what_lies_over_and_across_is_found() {
        let texts = ["/a/b", "/a/{x}", "/{x}/b", "/{x}.c/b", "/{x}/{y}", "/a/{r+}", "/{r+}", "/a", "/a/b/c", "/d/b"];
        let mut atlas = Atlas::default();
        texts.iter().enumerate().for_each(|(number, text)| atlas.insert(&area(text), number, number));
        let over = |text: &str| atlas.over(&area(text)).into_iter().map(|number| texts[number]).collect::<Vec<_>>();
        let across = |text: &str| {
            atlas.across(&area(text), usize::MAX).into_iter().map(|number| texts[number]).collect::<Vec<_>>()
        };
        assert_eq!(over("/a/b"), ["/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}", "/a/{r+}", "/{r+}"]);
        assert_eq!(over("/x.c/b"), ["/{x}/b", "/{x}.c/b", "/{x}/{y}", "/{r+}"]);
        assert_eq!(over("/{x}/b"), ["/{x}/b", "/{x}.c/b", "/{x}/{y}", "/{r+}"]);
        assert_eq!(over("/a/{r+}"), ["/a/{r+}", "/{r+}"]);
        assert_eq!(over("/a/{y}"), ["/a/{x}", "/{x}/{y}", "/a/{r+}", "/{r+}"], "the root of a rest");
        assert_eq!(across("/{x}/b"), ["/a/b", "/a/{x}", "/{x}/b", "/{x}.c/b", "/{x}/{y}", "/a/{r+}", "/{r+}", "/d/b"]);
        assert_eq!(across("/a/{r+}"), ["/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}", "/a/{r+}", "/{r+}", "/a/b/c"]);
    }

    #[test]
    fn hosts_lie_over_each_other() {
        let hosts = [None, Some("{t}.x.com"), Some("a.x.com"), Some("{t}.y.com"), Some("x.com")];
        let area = |host: Option<&str>| area(&format!("{}/a", host.unwrap_or_default()));
        let mut atlas = Atlas::default();
        hosts.iter().enumerate().for_each(|(number, host)| atlas.insert(&area(*host), 7, number));
        assert_eq!(atlas.over(&area(Some("a.x.com"))), [0, 1, 2]);
        assert_eq!(atlas.over(&area(Some("{u}.x.com"))), [0, 1]);
        assert_eq!(atlas.across(&area(Some("{u}.x.com")), 8), [0, 1, 2]);
        assert_eq!(atlas.across(&area(None), 8), [0, 1, 2, 3, 4]);
        assert_eq!(atlas.across(&area(None), 7), [0; 0], "all are of one kind");
    }
}
