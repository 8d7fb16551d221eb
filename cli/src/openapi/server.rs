//! Servers: the base path of a document's paths, and the origin behind the gate.

use portcullis::policy::url::Origin;
use portcullis::route::pattern::HostPattern;

use super::path::{TemplatePath, TemplateSegment};
use super::tree::TreeNode;

/// A server of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    /// `http(s)://host[:port]`; `None` if it is that of the document.
    pub(super) root: Option<String>,
    /// The host as the policy writes it: `{name}.host` if the document lets its first label vary.
    pub(super) host: Option<String>,
    /// The base path: empty, or with a leading and without a trailing slash.
    pub(super) base: String,
    /// Remarks on what is not imported.
    pub(super) remarks: Vec<String>,
}

impl Server {
    /// Reads a Server Object. Variables get their defaults; one that is the first label of the host `may_vary`.
    ///
    /// # Errors
    /// Why it is not a usable server.
    pub(super) fn read(server: &TreeNode<'_>, may_vary: bool) -> Result<Self, String> {
        let server = server.clone().unmerged()?;
        let url = server.text_of("url").ok_or("the server has no url")?;
        let (variable, host) = varying_host(url, &server).filter(|_| may_vary).unzip();
        let (filled, remarks) = fill(url, &server, variable)?;
        Ok(Self { remarks, ..Self::parse(&filled, host)? })
    }

    /// Reads a server's URL without variables.
    ///
    /// # Errors
    /// Why it is not a usable server.
    pub(super) fn parse(url: &str, varying_host: Option<String>) -> Result<Self, String> {
        if url.starts_with('/') && !url.starts_with("//") {
            return Ok(Self { base: base(url)?, ..Self::default() });
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(format!("the server {url:?} is relative to the document's own URL, which is not known"));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let root = format!("{}://{authority}", scheme.to_ascii_lowercase());
        match Origin::parse(&root) {
            Ok(Origin::Url { .. }) => {}
            _ => return Err(format!("the server {url:?} is not an http or https URL with only a host and a path")),
        }
        let host = varying_host.or_else(|| host_of(authority));
        Ok(Self { root: Some(root), host, base: base(path)?, remarks: Vec::new() })
    }
}

fn base(path: &str) -> Result<String, String> {
    let problem = |problem: String| format!("the server's path {path:?} cannot precede routes: {problem}");
    let read = TemplatePath::parse(path, None).map_err(problem)?;
    let is_literal = read.segments.iter().all(|segment| matches!(segment, TemplateSegment::Literal(_)));
    if !is_literal || read.rest.is_some() || read.inexact.is_some() {
        return Err(problem("it is not literal".to_owned()));
    }
    Ok(path.trim_end_matches('/').to_owned())
}

/// The host of an authority, in the policy's notation.
pub(super) fn host_of(authority: &str) -> Option<String> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    HostPattern::parse(host).ok().map(|pattern| match pattern {
        HostPattern::Exact(host) => host,
        HostPattern::Label { name, suffix } => format!("{{{name}}}.{suffix}"),
    })
}

/// The URL with the defaults of its variables, and remarks on their other values.
fn fill(url: &str, server: &TreeNode<'_>, varying: Option<&str>) -> Result<(String, Vec<String>), String> {
    let (mut filled, mut remarks) = (String::new(), Vec::new());
    let mut rest = url;
    while let Some((before, from)) = rest.split_once('{') {
        let (name, behind) = from.split_once('}').ok_or_else(|| format!("the server {url:?} has an unmatched {{"))?;
        let variables = server.member("variables").map(TreeNode::unmerged).transpose()?;
        let variable = variables.and_then(|variables| variables.member(name)).map(TreeNode::unmerged).transpose()?;
        let default = variable.and_then(|variable| variable.member("default")?.scalar());
        let default = default.ok_or_else(|| format!("the server {url:?} has no default for {{{name}}}"))?;
        if varying != Some(name) {
            remarks.push(format!("routes are only for {{{name}}} = {default:?}, its default"));
        }
        filled.push_str(before);
        filled.push_str(&default);
        rest = behind;
    }
    filled.push_str(rest);
    Ok((filled, remarks))
}

/// The variable that is the first label of the host and may have any value, and the host in the policy's notation.
fn varying_host<'u>(url: &'u str, server: &TreeNode<'_>) -> Option<(&'u str, String)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (name, _) = authority.strip_prefix('{')?.split_once("}.")?;
    let variable = server.member("variables")?.member(name)?;
    // With a default of several labels, the host has more labels than the pattern.
    let has_labels = variable.member("default").and_then(|default| default.scalar())?.contains('.');
    Some((name, host_of(authority)?)).filter(|_| variable.member("enum").is_none() && !has_labels)
}

#[cfg(test)]
mod tests {
    use super::super::samples::yaml;
    use super::*;

    fn read(text: &str) -> Result<Server, String> {
        Server::read(&TreeNode::root(&yaml(text)), true)
    }

    fn server(root: Option<&str>, host: Option<&str>, base: &str) -> Server {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Server { root: owned(root), host: owned(host), base: base.to_owned(), remarks: Vec::new() }
    }

    #[test]
    fn a_url_is_taken_apart() {
        let parse = |url| Server::parse(url, None);
        let api = |base| Ok(server(Some("https://api.a.com"), Some("api.a.com"), base));
        assert_eq!(parse("https://api.a.com"), api(""));
        assert_eq!(parse("https://api.a.com/"), api(""));
        assert_eq!(parse("HTTPS://api.a.com/v1/"), api("/v1"));
        assert_eq!(parse("http://A.com:8080/b"), Ok(server(Some("http://A.com:8080"), Some("a.com"), "/b")));
        assert_eq!(parse("http://[::1]:80"), Ok(server(Some("http://[::1]:80"), Some("[::1]"), "")));
        assert_eq!(parse("/"), Ok(server(None, None, "")));
        assert_eq!(parse("/api/v1/"), Ok(server(None, None, "/api/v1")));
    }

    #[test]
    fn what_is_no_place_says_so() {
        for url in [
            "",
            "v1",
            "./v1",
            "../v1",
            "//a.com/v1",
            "ws://a.com",
            "https://",
            "https://u@a.com",
            "https://a.com/v1?x=1",
            "https://a.com/#x",
            "https://a.com//v1",
            "https://a.com/../v1",
            "/a/{b}",
        ] {
            assert!(Server::parse(url, None).is_err(), "{url}");
        }
        for text in [
            "{}",
            "{url: 1}",
            "{<<: {x: y}, url: 'https://a.com'}",
            "{url: '/{v}', variables: {v: {<<: {enum: [a]}, default: a}}}",
            "{url: 'https://a.com/{v}'}",
            "{url: 'https://a.com/{v', variables: {v: {default: x}}}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_have_their_defaults() {
        let text = "{url: 'https://{h}.a.com:{p}/{v}', variables: {h: {default: x, enum: [x, y]}, p: {default: 8443}, v: {default: v1}}}";
        let read = read(text).unwrap();
        assert_eq!((read.root.as_deref(), read.base.as_str()), (Some("https://x.a.com:8443"), "/v1"));
        assert_eq!(read.host.as_deref(), Some("x.a.com"));
        assert_eq!(read.remarks.len(), 3, "{:?}", read.remarks);
    }

    #[test]
    fn a_first_label_of_any_value_is_captured() {
        let read = |url: &str| {
            let text = format!("{{url: '{url}', variables: {{t: {{default: demo}}, r: {{default: eu}}}}}}");
            read(&text).unwrap()
        };
        let varying = Server { root: Some("https://demo.a.com".to_owned()), ..server(None, Some("{t}.a.com"), "/v1") };
        assert_eq!(read("https://{t}.a.com/v1"), varying);
        assert_eq!(read("https://{t}.{r}.a.com").host.as_deref(), Some("demo.eu.a.com"), "two labels vary");
        assert_eq!(read("https://x-{t}.a.com").host.as_deref(), Some("x-demo.a.com"));
        let labels = super::tests::read("{url: 'https://{t}.a.com', variables: {t: {default: eu.api}}}").unwrap();
        assert_eq!((labels.host.as_deref(), labels.remarks.len()), (Some("eu.api.a.com"), 1), "of two labels");
    }
}
