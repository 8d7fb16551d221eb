//! The path tree of one host.

use hashbrown::HashMap;

use super::methods::Methods;
use crate::route::path::RequestPath;
use crate::route::pattern::{PathPattern, PatternSegment};

/// Takes what a search captures.
pub(super) trait Captor {
    /// A segment.
    fn segment(&mut self, segment: &str);

    /// The rest of the path from this segment on.
    fn rest(&mut self, path: &RequestPath<'_>, index: usize);

    /// The last segment is not captured after all.
    fn undo(&mut self);
}

impl Captor for Vec<String> {
    fn segment(&mut self, segment: &str) {
        self.push(segment.to_owned());
    }

    fn rest(&mut self, path: &RequestPath<'_>, index: usize) {
        self.push(path.rest(index));
    }

    fn undo(&mut self) {
        self.pop();
    }
}

/// For searches whose captures nobody reads.
impl Captor for () {
    fn segment(&mut self, _: &str) {}

    fn rest(&mut self, _: &RequestPath<'_>, _: usize) {}

    fn undo(&mut self) {}
}

/// A node of the tree, one segment below its parent. Captures have no names here, since routes of one place may name
/// them differently.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) literals: HashMap<String, Node>,
    /// The literals with upper-case letters, by their text in lower case.
    pub(super) capitals: HashMap<String, Vec<String>>,
    pub(super) capture: Option<Box<Node>>,
    pub(super) rest: Option<Methods>,
    pub(super) here: Option<Methods>,
}

impl Node {
    /// The place of a path, created if it is new.
    pub(super) fn place(&mut self, path: &PathPattern) -> &mut Methods {
        let mut node = self;
        for segment in &path.segments {
            node = match segment {
                PatternSegment::Literal(text) => node.literal(text),
                PatternSegment::Capture(_) => node.capture.get_or_insert_default(),
            };
        }
        let place = if path.rest.is_some() { &mut node.rest } else { &mut node.here };
        place.get_or_insert_default()
    }

    fn literal(&mut self, text: &str) -> &mut Self {
        if has_upper_case(text) && !self.literals.contains_key(text) {
            self.capitals.entry(text.to_ascii_lowercase()).or_default().push(text.to_owned());
        }
        self.literals.entry(text.to_owned()).or_default()
    }

    /// Visits each node at most once, so the size of the table bounds the work, whatever the path.
    pub(super) fn find(&self, path: &RequestPath<'_>, index: usize, captured: &mut impl Captor) -> Option<&Methods> {
        let Some(segment) = path.segment(index) else {
            return self.here.as_ref().or_else(|| self.rest(path, index, captured));
        };
        if let Some(found) = self.literals.get(segment).and_then(|node| node.find(path, index + 1, captured)) {
            return Some(found);
        }
        if let Some(node) = &self.capture {
            captured.segment(segment);
            if let Some(found) = node.find(path, index + 1, captured) {
                return Some(found);
            }
            captured.undo();
        }
        self.rest(path, index, captured)
    }

    /// The routes of a `{*name}` below this node. It captures the rest of the path, which may be empty.
    pub(super) fn rest(&self, path: &RequestPath<'_>, index: usize, captured: &mut impl Captor) -> Option<&Methods> {
        let rest = self.rest.as_ref()?;
        captured.rest(path, index);
        Some(rest)
    }
}

pub(super) fn has_upper_case(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}
