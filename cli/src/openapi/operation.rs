//! The operations of a document, with what their path items say.

use portcullis::route::method;

use super::remarks::{RemarkKind, Remarks};
use super::tree::{TreeNode, resolve};
use crate::document::SourceValue;

/// The members of a Path Item Object that are operations, and their methods; `None` is every method that no other
/// operation of the path has (an extension of Amazon API Gateway).
pub(super) const OPERATIONS: [(&str, Option<&str>); 9] = [
    ("get", Some("GET")),
    ("put", Some("PUT")),
    ("post", Some("POST")),
    ("delete", Some("DELETE")),
    ("options", Some("OPTIONS")),
    ("head", Some("HEAD")),
    ("patch", Some("PATCH")),
    ("trace", Some("TRACE")),
    ("x-amazon-apigateway-any-method", None),
];

/// The other members of a Path Item Object.
const OTHERS: [&str; 5] = ["$ref", "summary", "description", "servers", "parameters"];

/// An operation of a document, or something in its place that cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Operation<'d> {
    /// The path template, as the document writes it.
    pub(super) path: &'d str,
    /// The method; `None` for every method that no other operation of the path has.
    pub(super) method: Option<String>,
    /// Its node in the document.
    pub(super) place: TreeNode<'d>,
    /// The servers of its path item.
    pub(super) servers: Option<TreeNode<'d>>,
    /// The parameters of its path item and its own.
    pub(super) parameters: Vec<TreeNode<'d>>,
    /// Why it cannot be read, if it cannot.
    pub(super) problem: Option<String>,
    /// All lists of servers that may apply to it, if it cannot be read.
    pub(super) hidden_servers: Vec<TreeNode<'d>>,
}

/// All operations, in the order of the document.
pub(super) fn operations<'d>(document: &'d SourceValue, remarks: &mut Remarks) -> Vec<Operation<'d>> {
    let root = TreeNode::root(document);
    if let Some(webhooks) = root.member("webhooks").filter(|webhooks| webhooks.members().next().is_some()) {
        remarks.add(
            RemarkKind::Noted,
            "webhooks are requests that the API sends: they need no routes",
            &webhooks.pointer,
        );
    }
    let paths = root.member("paths");
    let paths: Vec<_> = paths.iter().flat_map(|paths| paths.members().collect::<Vec<_>>()).collect();
    let paths = paths.into_iter().filter(|(path, _)| !path.starts_with("x-"));
    paths.flat_map(|(path, item)| of_path(document, path, item)).collect()
}

/// The operations of a path, with one that denies for whatever cannot be read.
fn of_path<'d>(document: &'d SourceValue, path: &'d str, item: TreeNode<'d>) -> Vec<Operation<'d>> {
    let found = target(document, item.clone()).and_then(|item| {
        if item.member("security").is_some() {
            return Err("a path has no `security` of its own in OpenAPI".to_owned());
        }
        let found = of_item(document, path, &item);
        match found.iter().all(|operation| operation.refused().is_some()) {
            // The path still counts: a less specific one must not take its requests.
            true if found.is_empty() => Err("the path has no operations".to_owned()),
            true => Err("the path has no operation that the gate lets through".to_owned()),
            false => Ok(found),
        }
    });
    found.unwrap_or_else(|problem| vec![Operation::hidden(document, path, item, problem)])
}

fn of_item<'d>(document: &'d SourceValue, path: &'d str, item: &TreeNode<'d>) -> Vec<Operation<'d>> {
    let servers = item.member("servers");
    let hidden = |place: TreeNode<'d>, problem: String| {
        let mut hidden = Operation::hidden(document, path, place, problem);
        hidden.hidden_servers.extend(servers.clone());
        hidden
    };
    let operation = |method: Option<&str>, place: TreeNode<'d>| match target(document, place.clone()) {
        Ok(TreeNode { value, .. }) => {
            let place = TreeNode { value, ..place };
            let parameters = [parameters(document, item), parameters(document, &place)].concat();
            let (method, servers) = (method.map(str::to_owned), servers.clone());
            Operation { path, method, place, servers, parameters, problem: None, hidden_servers: Vec::new() }
        }
        Err(problem) => {
            let method = method.map(str::to_owned);
            Operation { method, ..hidden(place, problem) }
        }
    };
    let mut found = Vec::new();
    for (name, place) in item.members() {
        if let Some((_, method)) = OPERATIONS.iter().find(|(known, _)| *known == name) {
            found.push(operation(*method, place));
        } else if !OTHERS.contains(&name) && !name.starts_with("x-") {
            let problem = format!("the path has a member that is not an OpenAPI operation: {name:?}");
            found.push(hidden(place, problem));
        }
    }
    found
}

/// The parameters of a node, as far as they can be read. Unreadable ones cannot allow anything.
fn parameters<'d>(document: &'d SourceValue, place: &TreeNode<'d>) -> Vec<TreeNode<'d>> {
    let list = place.member("parameters");
    let elements = list.iter().filter_map(TreeNode::elements).flatten();
    elements.filter_map(|parameter| parameter.follow(document).ok()).collect()
}

/// All lists of servers in a node, in its operations, and wherever references and merge keys lead from it. Which of
/// them apply to something unreadable is unknown.
fn server_lists<'d>(document: &'d SourceValue, place: &TreeNode<'d>) -> Vec<TreeNode<'d>> {
    let is_operation = |name: &str| {
        OPERATIONS.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) || name.eq_ignore_ascii_case("query")
    };
    let (mut lists, mut seen, mut open) = (Vec::new(), Vec::new(), vec![place.clone()]);
    while let Some(place) = open.pop() {
        if seen.contains(&place.pointer) {
            continue;
        }
        for (name, member) in place.members() {
            match name {
                "servers" => lists.push(member),
                "$ref" => open.extend(member.text().and_then(|reference| resolve(document, reference).ok())),
                "<<" => open.extend(member.elements().into_iter().flatten().chain([member.clone()])),
                name if is_operation(name) => open.push(member),
                _ => {}
            }
        }
        seen.push(place.pointer);
    }
    lists
}

/// The node itself, or what it refers to. OpenAPI does not define the meaning of a reference with other members beside
/// it.
fn target<'d>(document: &'d SourceValue, place: TreeNode<'d>) -> Result<TreeNode<'d>, String> {
    let is_beside = |name: &str| !matches!(name, "$ref" | "summary" | "description") && !name.starts_with("x-");
    let is_alone = |place: &TreeNode<'d>| match place.members().find(|(name, _)| is_beside(name)) {
        Some(_) => Err("a reference with other members beside it is undefined".to_owned()),
        None => Ok(()),
    };
    let target = place.follow_through(document, is_alone)?;
    if target.is_table() { target.unmerged() } else { Err(format!("expected a table, found {}", target.kind())) }
}

impl<'d> Operation<'d> {
    /// Its method, if the gate always refuses it.
    pub(super) fn refused(&self) -> Option<&str> {
        self.method.as_deref().filter(|method| method::is_refused(method))
    }

    /// Whether a path parameter is, or may be, serialized as more than its value (`;name=value`, `.value`).
    pub(super) fn has_styled_parameter(&self) -> bool {
        let is_styled =
            |parameter: &TreeNode<'_>| parameter.member("style").is_some_and(|style| style.text() != Some("simple"));
        let in_path = |parameter: &TreeNode<'_>| parameter.text_of("in") == Some("path");
        let is_merged = |parameter: &TreeNode<'_>| parameter.member("<<").is_some();
        self.parameters.iter().any(|parameter| is_merged(parameter) || (in_path(parameter) && is_styled(parameter)))
    }

    /// A substitute for something unreadable, for all methods.
    fn hidden(document: &'d SourceValue, path: &'d str, place: TreeNode<'d>, problem: String) -> Self {
        let hidden_servers = server_lists(document, &place);
        let problem = Some(problem);
        Self { path, method: None, place, servers: None, parameters: Vec::new(), problem, hidden_servers }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::yaml;
    use super::*;

    /// Path, method and problem of each operation.
    fn read(paths: &str) -> Vec<String> {
        let document = yaml(&format!(
            "{{components: {{pathItems: {{p: {{get: {{}}}}, o: 1, chain: {{$ref: '#/components/pathItems/p', post: {{}}}}}}}}, paths: {{{paths}}}}}"
        ));
        let found = operations(&document, &mut Remarks::default());
        let line = |found: Operation<'_>| {
            let (method, place) = (found.method.as_deref().unwrap_or("*"), &found.place.pointer);
            format!("{method} {} {place} {}", found.path, found.problem.unwrap_or_default())
        };
        found.into_iter().map(|found| line(found).trim_end().to_owned()).collect()
    }

    #[test]
    fn each_method_of_each_path_is_an_operation() {
        let found =
            read("/a: {summary: s, parameters: [], get: {}, trace: {}, x-y: {}}, x-z: {get: {}}, /b: {post: {}}");
        assert_eq!(found, ["GET /a #/paths/~1a/get", "TRACE /a #/paths/~1a/trace", "POST /b #/paths/~1b/post"]);
        assert_eq!(
            read("/a: {x-amazon-apigateway-any-method: {}}"),
            ["* /a #/paths/~1a/x-amazon-apigateway-any-method"]
        );
    }

    #[test]
    fn references_are_followed() {
        assert_eq!(read("/a: {$ref: '#/components/pathItems/p'}"), ["GET /a #/components/pathItems/p/get"]);
        assert_eq!(read("/a: {post: {$ref: '#/components/pathItems/p/get'}}"), ["POST /a #/paths/~1a/post"]);
    }

    #[test]
    fn what_cannot_be_read_stands_there_with_its_problem() {
        let cases = [
            ("/a: ", "* /a #/paths/~1a expected a table, found nothing"),
            ("/a: {}", "* /a #/paths/~1a the path has no operations"),
            ("/a: {trace: {}}", "* /a #/paths/~1a the path has no operation that the gate lets through"),
            ("/a: {get: []}", "GET /a #/paths/~1a/get expected a table, found a list"),
            ("/a: {GET: {}}", "* /a #/paths/~1a/GET the path has a member that is not an OpenAPI operation: \"GET\""),
            (
                "/a: {$ref: '#/components/pathItems/o'}",
                "* /a #/paths/~1a expected a table, found a number or a boolean",
            ),
            (
                "/a: {get: {$ref: '#/x', security: []}}",
                "GET /a #/paths/~1a/get a reference with other members beside it is undefined",
            ),
            (
                "/a: {$ref: '#/components/pathItems/chain'}",
                "* /a #/paths/~1a a reference with other members beside it is undefined",
            ),
            ("/a: {get: {$ref: }}", "GET /a #/paths/~1a/get a reference is nothing, not a string"),
            ("/a: {get: {$ref: 5}}", "GET /a #/paths/~1a/get a reference is a number or a boolean, not a string"),
            ("/a: {security: [], get: {}}", "* /a #/paths/~1a a path has no `security` of its own in OpenAPI"),
            (
                "/a: {get: {<<: {security: []}}}",
                "GET /a #/paths/~1a/get merge keys (<<) are not part of YAML 1.2; write them out",
            ),
            ("/a: {$ref: '#/x'}", "* /a #/paths/~1a \"#/x\" refers to nothing in this document"),
            (
                "/a: {get: {$ref: 'g.yaml'}}",
                "GET /a #/paths/~1a/get it refers to another document; bundle the documents into one first",
            ),
        ];
        for (paths, expected) in cases {
            assert_eq!(read(paths), [expected], "{paths}");
        }
    }
}
