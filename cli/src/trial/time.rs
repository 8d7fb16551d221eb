//! Times, as people write and read them.

use std::time::{Duration, UNIX_EPOCH};

/// The last second whose year has four digits.
pub(crate) const LAST_SECOND: u64 = 253_402_300_799;

/// Parses seconds since 1970, or a date as in RFC 3339.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let expected = || "expected seconds since 1970, or a date like 2027-01-15T08:00:00Z".to_owned();
    let seconds = match text.parse() {
        Ok(seconds) => seconds,
        Err(_) => {
            let date = humantime::parse_rfc3339_weak(text).map_err(|_| expected())?;
            date.duration_since(UNIX_EPOCH).map_err(|_| expected())?.as_secs()
        }
    };
    if seconds <= LAST_SECOND { Ok(seconds) } else { Err(expected()) }
}

/// A date, as in RFC 3339.
pub(crate) fn show(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND))).to_string()
}

/// The value of a time claim, with its date.
pub(crate) fn show_claim(text: &str) -> String {
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= LAST_SECOND => format!("{seconds} ({})", show(seconds)),
        _ => text.to_owned(),
    }
}
