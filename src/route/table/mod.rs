//! The route table: which route a request takes. The order in the policy means nothing.
//!
//! Precedence, from the outside in: the host group (exact host, then `{name}.host`, then routes without hosts; the
//! first in which the path matches decides), the most specific path (literal before `{name}` before `{*name}`, segment
//! by segment), then the method. Each place of the table is one (host, path); a place and a method have one route.

mod case;
mod listing;
mod methods;
mod node;
mod routes;

pub use listing::{Listed, ListedHost};
pub use methods::{Conflict, Methods, RouteIndex};
pub use routes::{Captures, RouteMatch, RouteTable};
