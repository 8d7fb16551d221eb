//! `portcullis routes`: which route takes which requests, and what each requires.

use annotate_snippets::renderer::Style;
use clap::ValueEnum;
use portcullis::policy::{AccessKind, Place, PlaceStep, Route};
use portcullis::route::table::{Listed, ListedHost};
use serde::{Serialize, Serializer};

use crate::configuration;
use crate::document::{SourceNode, SourceValue};
use crate::exit::{Completion, Failure};
use crate::output::{BOLD, DIM, GREEN, Output, RED, YELLOW, wrap};
use crate::policy::{LoadedPolicy, PolicyInput, load};

/// List the routes in order of precedence, with what each requires
///
/// The first line that matches a request is its route: exact hosts come before host patterns, these before all other
/// hosts, then the most specific path. That path decides, whatever a less specific one would allow; a method that it
/// does not list is refused with 405.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RoutesArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// How to print the list
    #[arg(long, value_enum, default_value_t = RoutesFormat::Human)]
    format: RoutesFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoutesFormat {
    Human,
    Json,
}

const EXAMPLES: &str = "\
Examples:
  portcullis routes
  portcullis routes --env staging
  portcullis routes policy.yaml --format json | jq '.[] | select(.access == \"public\")'";

/// The maximum width of the path column; a longer path has a line of its own.
const MAX_PATH: usize = 34;

const METHODS: usize = 12;

pub(crate) fn run(args: &RoutesArgs, output: &Output) -> Result<Completion, Failure> {
    let path = args.input.file.clone().map_or_else(|| configuration::announced(output), Ok)?;
    let loaded = load(&path, &args.input.reading)?;
    let rows = rows(&loaded);
    match args.format {
        RoutesFormat::Json => output.json(&rows)?,
        RoutesFormat::Human => print(&rows, output),
    }
    Ok(Completion::Clean)
}

/// The routes of a policy in order of precedence.
pub(crate) fn rows(loaded: &LoadedPolicy) -> Vec<RouteRow<'_>> {
    loaded.policy.table.list().into_iter().filter_map(|row| RouteRow::new(row, loaded)).collect()
}

/// A host, a path and methods, and the route for them.
#[derive(Debug, Serialize)]
pub(crate) struct RouteRow<'p> {
    /// As the policy writes it; absent for any host.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    path: &'p str,
    /// Absent for all methods that no other row for this path takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<Vec<&'p str>>,
    #[serde(serialize_with = "as_name")]
    access: AccessKind,
    /// Present if the route is only tried: it forwards what it would refuse.
    #[serde(skip_serializing_if = "is_true")]
    enforce: bool,
    /// Its index in the policy's `routes`.
    route: usize,
    name: &'p str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issuers: Vec<&'p str>,
    /// Absent for `Authorization`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_header: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'p SourceValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'p SourceValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<&'p SourceValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'p SourceValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'p str>,
    /// Whether the policy has issuers whose tokens this route does not accept.
    #[serde(skip)]
    is_choosy: bool,
}

impl<'p> RouteRow<'p> {
    fn new(listed: Listed<'p>, loaded: &'p LoadedPolicy) -> Option<Self> {
        let route = loaded.policy.routes.get(listed.route)?;
        let written = loaded.value.list("routes").get(listed.route)?;
        let issuers = &loaded.policy.issuers;
        let taken = route.requirement().map(|requirement| requirement.issuers.as_slice()).unwrap_or_default();
        let origin = written.get("origin").or_else(|| loaded.value.get("origin"));
        Some(Self {
            host: listed.host.map(|host| written_host(host, route)),
            path: written.get("path")?.as_str()?,
            methods: listed.methods,
            access: route.access(),
            enforce: route.is_enforced,
            route: listed.route,
            name: &route.name,
            issuers: taken.iter().filter_map(|index| Some(issuers.get(*index)?.name.as_str())).collect(),
            token_header: route.forwarding().and_then(|forwarding| forwarding.token_header.as_deref()),
            audience: written.get("audience"),
            organization: written.get("organization"),
            scopes: written.get("scopes"),
            claims: written.get("claims"),
            origin: origin.and_then(SourceValue::as_str).filter(|_| route.forwarding().is_some()),
            is_choosy: taken.len() < issuers.len(),
        })
    }

    fn who(&self) -> &'static str {
        match self.access {
            AccessKind::Public => "public",
            AccessKind::Deny => "denied",
            AccessKind::Optional => "token, if any",
            AccessKind::Token => "token",
        }
    }

    fn style(&self) -> Style {
        match self.access {
            _ if !self.enforce => YELLOW,
            AccessKind::Public => YELLOW,
            AccessKind::Deny => RED,
            AccessKind::Optional | AccessKind::Token => GREEN,
        }
    }

    /// The requirements, one per line.
    fn requirements(&self) -> Vec<String> {
        let tried = if self.enforce { "" } else { "only tried: " };
        let mut lines = vec![format!("{tried}{}", self.who())];
        lines.extend(self.token_header.map(|header| format!("in {header}")));
        if self.is_choosy && !self.issuers.is_empty() {
            lines.push(format!("of {}", self.issuers.join(" or ")));
        }
        lines.extend(self.audience.map(|audience| match audience.as_str() {
            Some("*") => "for any audience".to_owned(),
            _ => format!("for {}", words(audience).join(" or ")),
        }));
        lines.extend(self.organization.map(|organization| match organization.as_str() {
            Some("*") => "in any organization".to_owned(),
            _ => format!("in organization {}", words(organization).join(" ")),
        }));
        lines.extend(self.scopes.map(scopes));
        let claims = self.claims.into_iter();
        let named = claims.clone().flat_map(SourceValue::entries).map(|(path, test)| (path.name.clone(), test));
        let listed = claims.flat_map(SourceValue::items).map(|test| (joined(test.texts("path")), test));
        lines.extend(named.chain(listed).map(|(claim, test)| format!("claim {claim} {}", claim_test(test))));
        lines
    }
}

/// A helper of serde.
fn is_true(value: &bool) -> bool {
    *value
}

fn as_name<S: Serializer>(access: &AccessKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(access.name())
}

fn written_host(host: ListedHost<'_>, route: &Route) -> String {
    match host {
        ListedHost::Exact(host) => host.to_owned(),
        ListedHost::Label { suffix } => {
            let name = route.pattern.host_label_name(&format!("x.{suffix}")).unwrap_or_default();
            format!("{{{name}}}.{suffix}")
        }
    }
}

fn words(value: &SourceValue) -> Vec<String> {
    match &value.node {
        SourceNode::Text(text) => vec![text.clone()],
        SourceNode::List(items) => items.iter().flat_map(words).collect(),
        _ => vec![value.to_json().to_string()],
    }
}

fn scopes(value: &SourceValue) -> String {
    let [all, any] = ["all", "any"].map(|key| value.get(key).map(words).unwrap_or_default());
    let all = if value.entries().is_empty() { words(value) } else { all };
    match (all.is_empty(), any.is_empty()) {
        (false, true) => format!("with {}", all.join(" and ")),
        (true, _) => format!("with {}", any.join(" or ")),
        (false, false) => format!("with {} and ({})", all.join(" and "), any.join(" or ")),
    }
}

/// Names as a dotted key of TOML.
fn joined(names: Vec<&str>) -> String {
    let steps: Vec<PlaceStep<&str>> = names.into_iter().map(PlaceStep::Key).collect();
    Place::at(&steps).to_string()
}

fn claim_test(value: &SourceValue) -> String {
    match ["any", "contains", "has"].map(|test| value.get(test)) {
        [Some(any), ..] => format!("is {}", words(any).join(" or ")),
        [_, Some(contains), _] => format!("has {}", words(contains).join(" and ")),
        [_, _, Some(name)] => format!("has the member {}", words(name).join(" ")),
        [None, None, None] => format!("is {}", words(value.get("is").unwrap_or(value)).join(" ")),
    }
}

fn print(rows: &[RouteRow<'_>], output: &Output) {
    let path = rows.iter().map(|row| row.path.chars().count()).filter(|length| *length <= MAX_PATH).max();
    let path = path.unwrap_or_default().max("PATH".len());
    let has_hosts = rows.iter().any(|row| row.host.is_some());
    let mut host = None;
    if !has_hosts {
        output.line(&header(path, output));
    }
    for row in rows {
        if has_hosts && host != Some(&row.host) {
            let name = row.host.as_deref().unwrap_or("any host");
            let gap = if host.is_some() { "\n" } else { "" };
            output.line(&format!("{gap}{}\n{}", output.paint(BOLD, name), header(path, output)));
            host = Some(&row.host);
        }
        output.line(&text(row, path, output));
    }
}

fn header(path: usize, output: &Output) -> String {
    output.paint(DIM, &format!("{:METHODS$}{:path$}  REQUIRES", "METHODS", "PATH"))
}

/// A row: methods and path on the left, requirements on the right, on as many lines as needed.
fn text(row: &RouteRow<'_>, path: usize, output: &Output) -> String {
    let width = output.width().saturating_sub(METHODS + path + 2).max(20);
    let methods = row.methods.as_ref().map_or_else(|| "*".to_owned(), |methods| methods.join(" "));
    let methods: Vec<String> = wrap(&methods, METHODS - 1, "").lines().map(str::to_owned).collect();
    let requirements = row.requirements();
    let right =
        requirements.iter().flat_map(|line| wrap(line, width, "  ").lines().map(str::to_owned).collect::<Vec<_>>());
    // A path that is too long for its column has the first line to itself.
    let is_long = row.path.chars().count() > path;
    let right: Vec<String> = is_long.then(String::new).into_iter().chain(right).collect();
    let lines = (0..methods.len().max(right.len())).map(|n| {
        let [method, right] = [&methods, &right].map(|lines| lines.get(n).map(String::as_str).unwrap_or_default());
        let path_here = if n == 0 { row.path } else { "" };
        let right = if n == usize::from(is_long) { output.paint(row.style(), right) } else { right.to_owned() };
        format!("{method:METHODS$}{path_here:path$}  {right}").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
