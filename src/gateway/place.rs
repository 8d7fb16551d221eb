//! Which route a request has, if its path has one reading.

use super::Gateway;
use crate::denial::Denial;
use crate::platform::Platform;
use crate::policy::Route;
use crate::route::path::RequestPath;
use crate::route::table::{Captures, RouteIndex, RouteMatch};
use crate::trace::{Observer, Step};

impl<P: Platform + Observer> Gateway<P> {
    /// The path of a request as the gate reads it; `None` if it is ambiguous.
    pub fn path<'r>(&self, raw: &'r str) -> Option<RequestPath<'r>> {
        let parse = if self.keeps_encoded_slashes { RequestPath::parse_with_slashes } else { RequestPath::parse };
        parse(raw).ok()
    }

    /// The route of a request. Its path must have the same one for origins that ignore case, and for those that decode
    /// slashes before they split it. `host` is in lower case, without port and trailing dot.
    ///
    /// # Errors
    /// [`Denial::BadPath`], [`Denial::NoRoute`], [`Denial::MethodNotAllowed`].
    pub fn route(
        &self,
        host: &str,
        path: &RequestPath<'_>,
        method: &str,
        observer: &impl Observer,
    ) -> Result<(RouteIndex, &Route, Captures), Denial> {
        let table = &self.policy.table;
        let found = table.find(host, path, method);
        if path.has_encoded_slash() && self.has_no_place(&found, host, path, method) {
            return Err(Denial::BadPath);
        }
        match found {
            RouteMatch::Route(index, captures) => {
                if self.policy.refuses_case_variants
                    && let Some(otherwise) = table.find_ignoring_case(host, path, method, index)
                {
                    observer.observe(Step::Case { index, otherwise: &otherwise });
                    return Err(Denial::BadPath);
                }
                let route = self.policy.routes.get(index).ok_or(Denial::Misconfigured)?;
                if path.has_encoded_slash() {
                    let otherwise = self.with_slashes_decoded(host, path, method, index);
                    observer.observe(Step::EncodedSlash { index, otherwise: otherwise.as_ref() });
                    if !route.keeps_encoded_slashes || otherwise.is_some() {
                        return Err(Denial::BadPath);
                    }
                }
                Ok((index, route, captures))
            }
            RouteMatch::MethodNotAllowed(methods) => {
                Err(Denial::MethodNotAllowed { allow: methods.allow().into_iter().map(str::to_owned).collect() })
            }
            RouteMatch::NoRoute => Err(Denial::NoRoute),
        }
    }

    /// Whether a path with encoded slashes has no route at all that keeps them, or has one of another place once they are
    /// decoded.
    fn has_no_place(&self, found: &RouteMatch<'_>, host: &str, path: &RequestPath<'_>, method: &str) -> bool {
        let keeps = |index: RouteIndex| self.policy.routes.get(index).is_some_and(|route| route.keeps_encoded_slashes);
        match found {
            // Whether it keeps them is asked once it is known not to be a case variant.
            RouteMatch::Route(..) => false,
            RouteMatch::NoRoute => true,
            RouteMatch::MethodNotAllowed(methods) => {
                let otherwise = self.policy.table.find(host, &path.with_slashes_decoded(), method);
                !methods.routes().any(keeps) || !(otherwise == RouteMatch::NoRoute || otherwise == *found)
            }
        }
    }

    /// Whether a path with encoded slashes has a route for this method that keeps them. Nobody observes it: it is asked
    /// about the request that a preflight announces.
    pub(super) fn keeps_slashes(&self, host: &str, path: &RequestPath<'_>, method: &str) -> bool {
        let table = &self.policy.table;
        let Some(index) = table.find_route(host, path, method) else { return false };
        !self.has_case_variant(host, path, method, index)
            && self.policy.routes.get(index).is_some_and(|route| route.keeps_encoded_slashes)
            && self.with_slashes_decoded(host, path, method, index).is_none()
    }

    /// Whether a request of the route `known` matches another one for origins that ignore case, and that is refused.
    pub(super) fn has_case_variant(&self, host: &str, path: &RequestPath<'_>, method: &str, known: RouteIndex) -> bool {
        self.policy.refuses_case_variants && self.policy.table.find_ignoring_case(host, path, method, known).is_some()
    }

    /// What a request of the route `known` matches if slashes are decoded first; `None` if that is nothing or the same.
    fn with_slashes_decoded(
        &self,
        host: &str,
        path: &RequestPath<'_>,
        method: &str,
        known: RouteIndex,
    ) -> Option<RouteMatch<'_>> {
        let (table, decoded) = (&self.policy.table, path.with_slashes_decoded());
        match table.find(host, &decoded, method) {
            RouteMatch::Route(index, _) if index == known => {}
            RouteMatch::NoRoute => {}
            other => return Some(other),
        }
        let ignores_case = self.policy.refuses_case_variants;
        ignores_case.then(|| table.find_ignoring_case(host, &decoded, method, known)).flatten()
    }
}
