//! Times, as people write and read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::time::UnixSeconds;

use crate::exit::Failure;

/// Parses seconds since 1970, or a date as in RFC 3339.
pub(crate) fn parse(text: &str) -> Result<UnixSeconds, String> {
    let expected = || "expected seconds since 1970, or a date like 2027-01-15T08:00:00Z".to_owned();
    let seconds = match text.parse() {
        Ok(seconds) => seconds,
        Err(_) => {
            let date = humantime::parse_rfc3339_weak(text).map_err(|_| expected())?;
            date.duration_since(UNIX_EPOCH).map_err(|_| expected())?.as_secs()
        }
    };
    Some(UnixSeconds(seconds)).filter(|time| *time <= UnixSeconds::MAX_RFC3339).ok_or_else(expected)
}

/// A date, as in RFC 3339.
pub(crate) fn show(time: UnixSeconds) -> String {
    let UnixSeconds(seconds) = time.min(UnixSeconds::MAX_RFC3339);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

/// The value of a time claim, with its date.
pub(crate) fn show_claim(text: &str) -> String {
    match text.parse().map(UnixSeconds) {
        Ok(time) if time <= UnixSeconds::MAX_RFC3339 => format!("{} ({})", time.0, show(time)),
        _ => text.to_owned(),
    }
}

/// The current time.
///
/// # Errors
/// The clock is set before 1970.
#[expect(clippy::disallowed_methods, reason = "here `now` begins its way as an argument")]
pub(crate) fn clock() -> Result<UnixSeconds, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map(|since| UnixSeconds(since.as_secs())).map_err(|_| Failure::new("the clock is set before 1970"))
}
