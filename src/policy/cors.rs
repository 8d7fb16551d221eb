//! Which pages of other origins may use a route (Fetch standard, "HTTP CORS protocol").

use std::borrow::Cow;

use super::methods::read_methods;
use super::reader::Field;
use super::web_origin::{OriginPattern, WebOrigins};
use crate::route::syntax::is_token;

/// Matches every name in the lists of the CORS protocol, but only for requests without credentials.
const WILDCARD: &str = "*";

const DEFAULT_HEADERS: &str = "authorization, content-type";

/// How long browsers may cache a preflight response, in seconds, unless the policy says otherwise.
const DEFAULT_MAX_AGE: u64 = 600;

/// The `cors` of the policy or of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The page origins that are allowed.
    pub origins: WebOrigins,
    /// The request headers that pages may set, as a comma-separated list.
    pub headers: Cow<'static, str>,
    /// The methods that pages may use; `None` for those of the routes with the same path.
    pub methods: Option<Vec<String>>,
    /// The response headers that pages may read, as a comma-separated list.
    pub expose: Cow<'static, str>,
    /// Whether pages may send credentials, such as cookies.
    pub credentials: bool,
    /// How long browsers may cache a preflight response, in seconds.
    pub max_age: u64,
}

/// The settings of documents that everyone may read.
pub static PUBLIC_DOCUMENTS: Cors = Cors {
    origins: WebOrigins::Any,
    headers: Cow::Borrowed(WILDCARD),
    methods: None,
    expose: Cow::Borrowed(""),
    credentials: false,
    max_age: DEFAULT_MAX_AGE,
};

impl Cors {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table()?;
        let origins = table.required("origins").and_then(|field| read_origins(&field));
        let header_names = table.optional("headers", read_names);
        let methods = table.optional("methods", read_methods);
        let exposed_names = table.or("expose", Vec::new(), read_names);
        let credentials = table.or("credentials", false, Field::boolean);
        let max_age = table.or("max_age", DEFAULT_MAX_AGE, |field| field.integer(0..=86_400));
        if credentials == Some(true) {
            let has_wildcard =
                |names: Option<&Vec<String>>| names.is_some_and(|names| names.iter().any(|n| n == WILDCARD));
            let refused = [
                ("origins", origins == Some(WebOrigins::Any)),
                ("headers", has_wildcard(header_names.iter().flatten().next())),
                ("expose", has_wildcard(exposed_names.as_ref())),
            ];
            for (name, _) in refused.iter().filter(|(_, is_refused)| *is_refused) {
                table.fail(name, "expected no \"*\" with credentials, browsers do not treat it as a wildcard then");
            }
        }
        table.refuse_unknown_keys();
        Some(Self {
            origins: origins?,
            headers: header_names?.map_or(Cow::Borrowed(DEFAULT_HEADERS), |names| names.join(", ").into()),
            methods: methods?,
            expose: exposed_names?.join(", ").into(),
            credentials: credentials?,
            max_age: max_age?,
        })
    }
}

fn read_origins(field: &Field<'_>) -> Option<WebOrigins> {
    if let Some([only]) = field.value.as_array()
        && only.as_str() == Some(WILDCARD)
    {
        return Some(WebOrigins::Any);
    }
    field.list(|field| field.read(OriginPattern::parse)).map(WebOrigins::OneOf)
}

/// Names of headers, in lower case. The wildcard consists of the same characters.
fn read_names(field: &Field<'_>) -> Option<Vec<String>> {
    if field.value.as_array().is_some_and(<[_]>::is_empty) {
        return Some(Vec::new());
    }
    field.list(|field| {
        field.read(|text| {
            if is_token(text) {
                Ok(text.to_ascii_lowercase())
            } else {
                Err("expected the name of a header, or \"*\"".to_owned())
            }
        })
    })
}
