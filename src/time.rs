//! Points in time. Seconds and milliseconds are separate types, so that they cannot be confused.

/// Whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted (RFC 7519 §2, `NumericDate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// Days from the first of March of the year 0 to the first of January 1970.
const DAYS_TO_1970: u64 = 719_468;

impl UnixSeconds {
    /// The last second of the year 9999, the latest time that RFC 3339 can express.
    pub const MAX_RFC3339: Self = Self(253_402_300_799);

    /// Reads a time as JavaScript writes it (`2026-11-26T22:04:05.678Z`, RFC 3339 §5.6 in UTC), rounded up.
    #[must_use]
    pub fn from_iso(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        if !is_date || hour > 23 || minute > 59 || second > 60 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // Years begin in March here, so that a leap day is the last of its year.
        let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let leap_days = years / 4 - years / 100 + years / 400;
        let days = (years * 365 + leap_days + (months * 153 + 2) / 5 + day - 1).checked_sub(DAYS_TO_1970)?;
        let is_begun = fraction.bytes().any(|b| b != b'0');
        Some(Self(((days * 24 + hour) * 60 + minute) * 60 + second + u64::from(is_begun)))
    }

    /// Seconds from an earlier time to this one; 0 if the other is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time this many seconds later.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The millisecond with which this second begins.
    #[must_use]
    pub fn millis(self) -> UnixMillis {
        UnixMillis(self.0.saturating_mul(1000))
    }
}

impl UnixMillis {
    /// Milliseconds from an earlier time to this one; 0 if the other is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time this many milliseconds later.
    #[must_use]
    pub fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// This time in whole seconds, rounded down.
    #[must_use]
    pub fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1000)
    }
}

/// The end of a period that began at `at`. A beginning ahead of the clock is ignored: the clock was set back.
#[must_use]
pub fn end_of_period(at: Option<UnixMillis>, milliseconds: u64, now: UnixMillis) -> UnixMillis {
    at.filter(|at| *at <= now).map_or_else(UnixMillis::default, |at| at.plus(milliseconds))
}

/// The numbers in a text, each of so many digits.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_javascript_writes_them() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", Some(0)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00.001Z", Some(1)),
            ("2000-02-29T23:59:59.000Z", Some(951_868_799)),
            ("2000-03-01T00:00:00.000Z", Some(951_868_800)),
            ("2025-11-11T14:13:04.107Z", Some(1_762_870_385)),
            ("2026-12-31T23:59:59.999Z", Some(1_798_761_600)),
            ("2100-03-01T00:00:00.000Z", Some(4_107_542_400)),
            ("9999-12-31T23:59:59.000Z", Some(UnixSeconds::MAX_RFC3339.0)),
        ] {
            assert_eq!(UnixSeconds::from_iso(text), expected.map(UnixSeconds), "{text}");
        }
        for text in [
            "",
            "2025-11-11",
            "2025-11-11T14:13:04.107",
            "2025-11-11T14:13:04+00:00",
            "2025-13-11T14:13:04Z",
            "2025-00-11T14:13:04Z",
            "2025-11-32T14:13:04Z",
            "2025-11-11T24:13:04Z",
            "2025-11-11T14:13:04.1x7Z",
            "+025-11-11T14:13:04Z",
            "25-11-11T14:13:04Z",
            "1969-12-31T23:59:59Z",
            "2025-11-11T14:13:04:05Z",
        ] {
            assert_eq!(UnixSeconds::from_iso(text), None, "{text}");
        }
    }
}
