//! The route table, which finds the route of a request. The order of routes in the policy has no meaning.
//!
//! Precedence, from the outside in: the host group (exact host, then `{name}.host`, then routes without hosts; the
//! first in which the path matches decides), the most specific path (literal before `{name}` before `{*name}`, segment
//! by segment), then the method. Each place of the table is one (host, path), with at most one route per method.

mod case;
mod listing;
mod methods;
mod node;
mod routes;

pub use listing::{Listed, ListedHost};
pub use methods::{Conflict, Methods, RouteIndex};
pub use routes::{Captures, RouteMatch, RouteTable};
