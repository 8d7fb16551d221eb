//! The path tree of one host.

use std::collections::HashMap;

use super::methods::Methods;
use crate::route::path::RequestPath;
use crate::route::pattern::{PathPattern, PatternSegment};

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
    pub(super) fn find(&self, path: &RequestPath<'_>, index: usize, captured: &mut Vec<String>) -> Option<&Methods> {
        let Some(segment) = path.segment(index) else {
            return self.here.as_ref().or_else(|| self.rest(path, index, captured));
        };
        if let Some(found) = self.literals.get(segment).and_then(|node| node.find(path, index + 1, captured)) {
            return Some(found);
        }
        if let Some(node) = &self.capture {
            captured.push(segment.to_owned());
            if let Some(found) = node.find(path, index + 1, captured) {
                return Some(found);
            }
            captured.pop();
        }
        self.rest(path, index, captured)
    }

    /// The routes of a `{*name}` below this node. It captures the rest of the path, which may be empty.
    pub(super) fn rest(&self, path: &RequestPath<'_>, index: usize, captured: &mut Vec<String>) -> Option<&Methods> {
        let rest = self.rest.as_ref()?;
        captured.push(path.rest(index));
        Some(rest)
    }
}

pub(super) fn has_upper_case(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}
