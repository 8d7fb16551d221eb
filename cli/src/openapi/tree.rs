//! Navigation in a document.
//!
//! Only the few members of an OpenAPI document that say who may call what are read. A typed model of the whole would
//! reject real documents for mistakes in schemas that no route needs, and would lose the positions of members.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::document::{SourceKey, SourceNode, SourceValue};

/// The maximum length of a chain of references.
const MAX_HOPS: usize = 16;

/// A value of a document, and the pointer to it.
#[derive(Clone, Debug)]
pub(super) struct TreeNode<'d> {
    pub(super) value: &'d SourceValue,
    pub(super) pointer: Pointer,
}

/// A pointer to a value (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Pointer {
    path: String,
    offset: usize,
}

impl<'d> TreeNode<'d> {
    pub(super) fn root(value: &'d SourceValue) -> Self {
        Self { value, pointer: Pointer::default() }
    }

    pub(super) fn member(&self, name: &str) -> Option<TreeNode<'d>> {
        self.members().find(|(member, _)| *member == name).map(|(_, place)| place)
    }

    /// The members, if this is a table; otherwise none.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'d str, TreeNode<'d>)> {
        let place = |key: &SourceKey, value| TreeNode { value, pointer: self.pointer.below(&key.name, key.span.start) };
        self.value.entries().iter().map(move |(key, value)| (key.name.as_str(), place(key, value)))
    }

    /// The elements, if this is a list.
    pub(super) fn elements(&self) -> Option<impl Iterator<Item = TreeNode<'d>>> {
        let SourceNode::List(items) = &self.value.node else { return None };
        let at = |(index, value): (usize, &'d SourceValue)| TreeNode {
            value,
            pointer: self.pointer.below(&index.to_string(), value.span.start),
        };
        Some(items.iter().enumerate().map(at))
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value.node, SourceNode::Table(_))
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.value.node, SourceNode::Null)
    }

    pub(super) fn text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// A string, a number or a boolean as text.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.value.node {
            SourceNode::Text(text) => Some(text.clone()),
            SourceNode::Number(number) => Some(number.to_string()),
            SourceNode::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// Its type, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value.node {
            SourceNode::Null | SourceNode::Foreign(_) => "nothing",
            SourceNode::Text(_) => "a string",
            SourceNode::Number(_) | SourceNode::Bool(_) => "a number or a boolean",
            SourceNode::List(_) => "a list",
            SourceNode::Table(_) => "a table",
        }
    }

    /// The text of a member that is a string.
    pub(super) fn text_of(&self, name: &str) -> Option<&'d str> {
        self.member(name)?.text()
    }

    /// The same node, unless it contains a merge key. YAML 1.2 has no merge keys, so the merged members would be
    /// missing.
    ///
    /// # Errors
    /// It contains one.
    pub(super) fn unmerged(self) -> Result<Self, String> {
        match self.member("<<") {
            Some(_) => Err("merge keys (<<) are not part of YAML 1.2; write them out".to_owned()),
            None => Ok(self),
        }
    }

    /// Follows `$ref`, and the references that it leads to, to a node without one.
    ///
    /// # Errors
    /// Why a reference cannot be followed.
    pub(super) fn follow(self, root: &'d SourceValue) -> Result<Self, String> {
        self.follow_through(root, |_| Ok(()))
    }

    /// The same, with a check of each node that contains a reference.
    ///
    /// # Errors
    /// Why a reference cannot be followed, or the result of `check`.
    pub(super) fn follow_through(
        self,
        root: &'d SourceValue,
        check: impl Fn(&Self) -> Result<(), String>,
    ) -> Result<Self, String> {
        let mut place = self;
        for _ in 0..MAX_HOPS {
            let Some(reference) = place.member("$ref") else { return Ok(place) };
            check(&place)?;
            let text = reference.text();
            let text = text.ok_or_else(|| format!("a reference is {}, not a string", reference.kind()))?;
            place = resolve(root, text)?;
        }
        Err("the reference is circular".to_owned())
    }
}

/// Resolves a reference within the document.
///
/// # Errors
/// Why it cannot be resolved.
pub(super) fn resolve<'d>(root: &'d SourceValue, reference: &str) -> Result<TreeNode<'d>, String> {
    let Some(fragment) = reference.strip_prefix('#') else {
        return Err("it refers to another document; bundle the documents into one first".to_owned());
    };
    let nowhere = || format!("{reference:?} refers to nothing in this document");
    let fragment = percent_decode_str(fragment).decode_utf8().map_err(|_| nowhere())?;
    if fragment.is_empty() {
        return Ok(TreeNode::root(root));
    }
    let mut place = TreeNode::root(root);
    for name in fragment.strip_prefix('/').ok_or_else(nowhere)?.split('/') {
        let name = name.replace("~1", "/").replace("~0", "~");
        let element = || place.elements()?.nth(name.parse().ok()?);
        place = place.member(&name).or_else(element).ok_or_else(nowhere)?;
    }
    Ok(place)
}

impl Pointer {
    /// The byte offset in the text.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    fn below(&self, name: &str, offset: usize) -> Self {
        Self { path: format!("{}/{}", self.path, name.replace('~', "~0").replace('/', "~1")), offset }
    }
}

/// As a URI fragment (RFC 6901 §6), but without encoding braces.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::yaml;
    use super::*;

    #[test]
    fn a_reference_is_followed_within_the_document() {
        let tree = yaml("{a: {$ref: '#/b~1c/0'}, b/c: [{$ref: '#/d%7Be%7D'}], 'd{e}': {x: y}, ~n: 1}");
        let place = TreeNode::root(&tree).member("a").unwrap().follow(&tree).unwrap();
        assert_eq!((place.text_of("x"), place.pointer.to_string()), (Some("y"), "#/d{e}".to_owned()));
        assert_eq!(resolve(&tree, "#").unwrap().pointer.to_string(), "#");
        assert_eq!(resolve(&tree, "#/b~1c/0").unwrap().pointer.to_string(), "#/b~1c/0");
    }

    #[test]
    fn a_reference_that_leads_nowhere_says_so() {
        let tree = yaml("{a: {$ref: '#/b'}, b: {$ref: '#/a'}, l: [1], n: {$ref: }, m: {$ref: 5}}");
        for (name, found) in [("n", "nothing"), ("m", "a number or a boolean")] {
            let problem = TreeNode::root(&tree).member(name).unwrap().follow(&tree).unwrap_err();
            assert_eq!(problem, format!("a reference is {found}, not a string"));
        }
        let circle = TreeNode::root(&tree).member("a").unwrap().follow(&tree).unwrap_err();
        assert_eq!(circle, "the reference is circular");
        for reference in ["#/c", "#c", "#/l/1", "#/l/x", "#/%ff", "#/a/"] {
            let problem = resolve(&tree, reference).unwrap_err();
            assert_eq!(problem, format!("{reference:?} refers to nothing in this document"));
        }
        for reference in ["other.yaml", "other.yaml#/a", "https://example.com/a#/b", ""] {
            assert!(resolve(&tree, reference).unwrap_err().contains("another document"), "{reference}");
        }
    }
}
