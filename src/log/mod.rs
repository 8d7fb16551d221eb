//! What operators are told of decisions: lines on the console, and data points.
//!
//! A [`Report`] is what there is to tell of a decision, [`told`] says what is told of it under the policy's `log`, and
//! [`Quota`] what keeps a flood of refusals from flooding the log. Who writes it adds what only the platform knows of
//! the request: method, host, the ids of its ray and its trace.

pub mod difference;
pub mod quota;
mod report;
mod told;

pub use difference::Verdict;
pub use quota::Quota;
pub use report::{Report, Seen};
pub use told::told;
