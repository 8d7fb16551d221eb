//! What public routes open: that which another route would protect, or that which none would let through.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::policy::Access;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{HostPattern, PathPattern, PatternSegment};
use portcullis::route::table::{RouteMatch, RouteTable};

use super::{DENY_OPENED, Lint, PUBLIC_ALONE, PUBLIC_OPENING, route};
use crate::document::Value;
use crate::finding::Subject;

/// What a capture of the example requests holds: no policy has such a literal.
const ANY: &str = "zq0any0qz";

/// An encoded dot has no one reading.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.');

/// Where a route is.
struct Location {
    hosts: Vec<HostPattern>,
    path: PathPattern,
    methods: Vec<String>,
}

pub(super) fn lint(lint: &mut Lint<'_>) {
    let locations: Vec<Option<Location>> = lint.routes().iter().map(Location::read).collect();
    let mut others = RouteTable::default();
    for (index, (route, location)) in lint.policy.routes.iter().zip(&locations).enumerate() {
        if let (false, Some(location)) = (matches!(route.access, Access::Public), location) {
            others.insert(index, &location.hosts, &location.path, &location.methods);
        }
    }
    for (index, (route, location)) in lint.policy.routes.iter().zip(&locations).enumerate() {
        if let (Access::Public, Some(location)) = (&route.access, location) {
            let other = location.protected_by(&others);
            let same_path = |other: usize| {
                locations
                    .get(other)
                    .and_then(Option::as_ref)
                    .is_some_and(|other| other.example_path() == location.example_path())
            };
            // Methods of one path are told apart on purpose.
            if !other.is_some_and(same_path) {
                tell(lint, index, location, other);
            }
        }
    }
}

/// Says what would become of the route's requests if it were not there.
fn tell(lint: &mut Lint<'_>, index: usize, location: &Location, otherwise: Option<usize>) {
    let Some(other) = otherwise else {
        let message = "is public and shadows no other route: without it these requests would be refused";
        lint.note(&PUBLIC_ALONE, &route(index), message);
        return;
    };
    let denies = lint.policy.routes.get(other).is_some_and(|route| matches!(route.access, Access::Deny));
    let related = Subject::Value.span(lint.value, &portcullis::policy::Place::at(&route(other)));
    let finding = if denies {
        lint.note(&DENY_OPENED, &route(index), format!("lets everyone through where routes[{other}] denies"))
    } else if location.is_literal() {
        // An exception for one path is meant.
        return;
    } else {
        let message = format!("lets everyone through where routes[{other}] asks for a token");
        lint.note(&PUBLIC_OPENING, &route(index), message)
    };
    finding.related = Some((related, format!("routes[{other}]")));
}

impl Location {
    fn read(written: &Value) -> Option<Self> {
        let texts = |key| {
            let items = written.get(key).map(Value::items).unwrap_or_default();
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>()
        };
        Some(Self {
            hosts: texts("hosts").into_iter().filter_map(|host| HostPattern::parse(host).ok()).collect(),
            path: PathPattern::parse(written.get("path")?.as_str()?).ok()?,
            methods: texts("methods").into_iter().map(str::to_owned).collect(),
        })
    }

    fn is_literal(&self) -> bool {
        self.path.names().next().is_none()
    }

    /// The route that takes an example of this one's requests.
    fn protected_by(&self, others: &RouteTable) -> Option<usize> {
        let path = self.example_path();
        let path = RequestPath::parse(&path).ok()?;
        let host = match self.hosts.first() {
            None => ANY.to_owned(),
            Some(HostPattern::Exact(host)) => host.clone(),
            Some(HostPattern::Label { suffix, .. }) => format!("{ANY}.{suffix}"),
        };
        let methods: Vec<&str> = self.methods.iter().map(String::as_str).collect();
        let methods = if methods.is_empty() { vec!["GET", "POST"] } else { methods };
        methods.into_iter().find_map(|method| match others.find(&host, &path, method) {
            RouteMatch::Route(index, _) => Some(index),
            RouteMatch::MethodNotAllowed(_) | RouteMatch::NoRoute => None,
        })
    }

    fn example_path(&self) -> String {
        let segments = self.path.segments.iter().map(|segment| match segment {
            PatternSegment::Literal(text) => text,
            PatternSegment::Capture(_) => ANY,
        });
        let rest = self.path.rest.as_ref().map(|_| ANY);
        let encoded: Vec<String> =
            segments.chain(rest).map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
        format!("/{}", encoded.join("/"))
    }
}
