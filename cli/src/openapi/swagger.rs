//! Swagger 2.0 documents, rewritten as OpenAPI 3.0 as far as a policy needs it: where requests come in, and who may
//! make them. Paths, operations, `security` and references mean the same in both.

use super::operation::OPERATIONS;
use super::tree::{Pointer, TreeNode};
use crate::document::{SourceKey, SourceNode, SourceValue, Span};

/// Members that have a meaning in OpenAPI 3 only.
const ONLY_IN_3: [&str; 3] = ["openapi", "servers", "components"];

/// Rewrites a Swagger 2.0 document. Members keep their places in the text. `bearer` are the names of the API keys that
/// are bearer tokens: Swagger 2.0 has no scheme for these, so documents declare the header `Authorization` as a key.
///
/// # Errors
/// What of the document cannot be read.
pub(super) fn rewritten(document: &SourceValue, bearer: &[&str]) -> Result<SourceValue, String> {
    let root = TreeNode::root(document);
    let address = Address::read(&root)?;
    let mut entries: Vec<_> = document
        .entries()
        .iter()
        .filter(|(key, _)| !ONLY_IN_3.contains(&key.name.as_str()))
        .map(|(key, value)| {
            let value = if key.name == "paths" { paths(value, &address) } else { value.clone() };
            (key.clone(), value)
        })
        .collect();
    entries.push(servers(&address.url(address.scheme.as_deref()), address.span.clone()));
    if let Some(definitions) = root.member("securityDefinitions") {
        let span = definitions.value.span.clone();
        let schemes =
            map(definitions.value, |key, scheme| security_scheme(scheme, bearer.contains(&key.name.as_str())));
        let components = table(vec![(key("securitySchemes", &span), schemes)], &span);
        entries.push((key("components", &span), components));
    }
    Ok(SourceValue::new(SourceNode::Table(entries), document.span.clone()))
}

/// Whether a document names a host, but no scheme: then `https` is assumed.
pub(super) fn assumes_https(document: &TreeNode<'_>) -> bool {
    let has_schemes = document.member("schemes").and_then(|schemes| schemes.elements()?.next()).is_some();
    let has_host = document.member("host").is_some_and(|host| host.text() != Some(""));
    has_host && !has_schemes
}

/// The names of the API keys in the header `Authorization` that are not said to be bearer tokens, with their places.
pub(super) fn unnamed_keys<'d>(document: &TreeNode<'d>, bearer: &[&str]) -> Vec<(&'d str, Pointer)> {
    let Some(definitions) = document.member("securityDefinitions") else { return Vec::new() };
    let schemes =
        definitions.members().filter(|(name, scheme)| !bearer.contains(name) && is_authorization(scheme.value));
    schemes.map(|(name, scheme)| (name, scheme.pointer)).collect()
}

/// Whether a scheme of Swagger 2.0 is an API key in the header `Authorization`.
fn is_authorization(scheme: &SourceValue) -> bool {
    let text = |name: &str| scheme.get(name).and_then(SourceValue::as_str).unwrap_or_default();
    text("type") == "apiKey" && text("in") == "header" && text("name").eq_ignore_ascii_case("authorization")
}

/// Where a document's API is.
struct Address {
    /// `host[:port]`; `None` if it is that of the document.
    host: Option<String>,
    /// Empty, or with a leading slash.
    base: String,
    /// `None` if the document does not say.
    scheme: Option<String>,
    /// What stands for it in the text.
    span: Span,
}

impl Address {
    fn read(root: &TreeNode<'_>) -> Result<Self, String> {
        let text = |name: &str| match root.member(name) {
            Some(member) => match member.text() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(format!("`{name}` is {}, not a string", member.kind())),
            },
            None => Ok(None),
        };
        // An empty host is none, as generators write it.
        let (host, base) = (text("host")?.filter(|host| !host.is_empty()), text("basePath")?.unwrap_or_default());
        let base = if base.is_empty() || base.starts_with('/') { base } else { format!("/{base}") };
        let scheme = root.member("schemes").map(|schemes| preferred(&schemes)).transpose()?.flatten();
        let place = ["schemes", "host", "basePath"].iter().find_map(|name| root.member(name));
        let span = place.map_or(root.value.span.clone(), |place| place.value.span.clone());
        Ok(Self { host, base, scheme, span })
    }

    /// The URL of the API by a scheme, https by default.
    fn url(&self, scheme: Option<&str>) -> String {
        match &self.host {
            Some(host) => format!("{}://{host}{}", scheme.unwrap_or("https"), self.base),
            None if self.base.is_empty() => "/".to_owned(),
            None => self.base.clone(),
        }
    }
}

/// The scheme to use of a list, which has no order: https where it is one of them.
fn preferred(schemes: &TreeNode<'_>) -> Result<Option<String>, String> {
    let elements = schemes.elements().ok_or_else(|| format!("`schemes` is {}, not a list", schemes.kind()))?;
    let names: Vec<String> = elements.filter_map(|scheme| scheme.text().map(str::to_ascii_lowercase)).collect();
    Ok(names.iter().find(|name| *name == "https").or(names.first()).cloned())
}

/// Gives operations with schemes of their own the server that these make.
fn paths(paths: &SourceValue, address: &Address) -> SourceValue {
    let operation = |operation: &SourceValue| {
        let Some(schemes) = operation.get("schemes") else { return without(operation, "servers") };
        let scheme = preferred(&TreeNode::root(schemes)).ok().flatten();
        let mut entries = without(operation, "servers").entries().to_vec();
        if scheme.is_some() && scheme != address.scheme && address.host.is_some() {
            entries.push(servers(&address.url(scheme.as_deref()), schemes.span.clone()));
        }
        SourceValue::new(SourceNode::Table(entries), operation.span.clone())
    };
    map(paths, |_, item| {
        map(&without(item, "servers"), |key, member| match OPERATIONS.iter().any(|(name, _)| *name == key.name) {
            true if matches!(member.node, SourceNode::Table(_)) => operation(member),
            _ => member.clone(),
        })
    })
}

/// A Security Scheme Object of OpenAPI 3.0, from one of Swagger 2.0.
fn security_scheme(scheme: &SourceValue, is_bearer: bool) -> SourceValue {
    let span = &scheme.span;
    let text = |name: &str| scheme.get(name).and_then(SourceValue::as_str);
    let http = |name: &str| vec![entry("type", "http", span), entry("scheme", name, span)];
    let entries = match text("type") {
        Some("basic") => http("basic"),
        Some("apiKey") if is_bearer && is_authorization(scheme) => http("bearer"),
        Some("oauth2") => {
            // Its only flow has these members itself.
            let flow = scheme
                .entries()
                .iter()
                .filter(|(key, _)| matches!(key.name.as_str(), "authorizationUrl" | "tokenUrl" | "scopes"));
            let flow = table(flow.cloned().collect(), span);
            let flows = table(vec![(key(text("flow").unwrap_or_default(), span), flow)], span);
            vec![entry("type", "oauth2", span), (key("flows", span), flows)]
        }
        _ => return scheme.clone(),
    };
    // A reference or a merge key makes it unreadable in both versions.
    let unread = scheme.entries().iter().filter(|(key, _)| matches!(key.name.as_str(), "$ref" | "<<"));
    table(entries.into_iter().chain(unread.cloned()).collect(), span)
}

fn servers(url: &str, span: Span) -> (SourceKey, SourceValue) {
    let server = table(vec![entry("url", url, &span)], &span);
    (key("servers", &span), SourceValue::new(SourceNode::List(vec![server]), span))
}

/// The table with each value mapped; anything else as it is.
fn map(value: &SourceValue, change: impl Fn(&SourceKey, &SourceValue) -> SourceValue) -> SourceValue {
    let SourceNode::Table(entries) = &value.node else { return value.clone() };
    table(entries.iter().map(|(key, value)| (key.clone(), change(key, value))).collect(), &value.span)
}

fn without(value: &SourceValue, name: &str) -> SourceValue {
    let SourceNode::Table(entries) = &value.node else { return value.clone() };
    table(entries.iter().filter(|(key, _)| key.name != name).cloned().collect(), &value.span)
}

fn table(entries: Vec<(SourceKey, SourceValue)>, span: &Span) -> SourceValue {
    SourceValue::new(SourceNode::Table(entries), span.clone())
}

fn entry(name: &str, text: &str, span: &Span) -> (SourceKey, SourceValue) {
    (key(name, span), SourceValue::new(SourceNode::Text(text.to_owned()), span.clone()))
}

fn key(name: &str, span: &Span) -> SourceKey {
    SourceKey { name: name.to_owned(), span: span.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::samples::yaml;
    use super::*;

    fn read(text: &str) -> serde_json::Value {
        rewritten(&yaml(text), &["jwt"]).unwrap().to_json()
    }

    #[test]
    fn host_base_path_and_schemes_are_a_server() {
        for (text, url) in [
            ("{host: a.com, basePath: /v2, schemes: [http, https]}", "https://a.com/v2"),
            ("{host: 'a.com:8080', basePath: /, schemes: [http]}", "http://a.com:8080/"),
            ("{host: a.com}", "https://a.com"),
            ("{host: a.com, schemes: []}", "https://a.com"),
            ("{host: a.com, schemes: [WSS, WS]}", "wss://a.com"),
            ("{basePath: v2}", "/v2"),
            ("{host: '', basePath: /v2, schemes: [https]}", "/v2"),
            ("{schemes: [https]}", "/"),
            ("{servers: [{url: 'https://other'}]}", "/"),
        ] {
            assert_eq!(read(text)["servers"], serde_json::json!([{ "url": url }]), "{text}");
        }
        for text in ["{host: 1}", "{basePath: []}", "{host: a.com, schemes: https}"] {
            assert!(rewritten(&yaml(text), &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn an_operation_by_another_scheme_has_its_own_server() {
        let paths =
            "{/a: {get: {schemes: [http]}, put: {schemes: [https]}, post: {servers: [{url: /x}]}, servers: []}}";
        let read = read(&format!("{{host: a.com, schemes: [https], paths: {paths}}}"));
        let item = &read["paths"]["/a"];
        assert_eq!(item["get"]["servers"][0]["url"], "http://a.com");
        for other in [&item["put"], &item["post"], item] {
            assert!(other.get("servers").is_none(), "{other}");
        }
    }

    #[test]
    fn security_definitions_are_security_schemes() {
        let read =
            |text: &str| read(&format!("{{securityDefinitions: {text}}}"))["components"]["securitySchemes"].clone();
        let json = |text: &str| yaml(text).to_json();
        assert_eq!(
            read(
                "{o: {type: oauth2, flow: accessCode, tokenUrl: https://t, authorizationUrl: https://a, scopes: {x: ''}}}"
            ),
            json(
                "{o: {type: oauth2, flows: {accessCode: {tokenUrl: https://t, authorizationUrl: https://a, scopes: {x: ''}}}}}"
            )
        );
        assert_eq!(read("{b: {type: basic}}"), json("{b: {type: http, scheme: basic}}"));
        let key = |name: &str| format!("{{{name}: {{type: apiKey, in: header, name: authorization}}}}");
        assert_eq!(read(&key("jwt")), json("{jwt: {type: http, scheme: bearer}}"));
        assert_eq!(read(&key("other")), json(&key("other")), "not said to be a token");
        let custom = "{jwt: {type: apiKey, in: header, name: x-api-key}}";
        assert_eq!(read(custom), json(custom));
        assert_eq!(read("{m: {<<: {type: basic}, type: basic}}")["m"]["<<"], json("{type: basic}"));
    }
}
