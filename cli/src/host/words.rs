//! Why there was no response, in the same words on each machine.

/// There was no complete response in time.
pub(super) fn timed_out(milliseconds: u32) -> String {
    format!("no complete response within {milliseconds} ms")
}

pub(super) const REFUSED: &str = "the connection was refused";
pub(super) const CLOSED: &str = "the connection was closed before the response was complete";
pub(super) const NOT_FOUND: &str = "the host was not found";
