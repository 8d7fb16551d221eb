//! Request paths: decoded once, and refused if another server could read them differently (RFC 3986 §3.3, §6.2.2).
//!
//! Stricter than the RFC: dot segments, empty segments, encoded separators and the like are errors instead of being
//! normalised, because the origin may normalise them differently (path confusion, CVE-2021-31920).

use std::borrow::Cow;

use memchr::memchr;
use percent_encoding::percent_decode_str;

/// Capacity that few paths exceed.
const TYPICAL_SEGMENTS: usize = 8;

/// An unambiguous request path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath<'a> {
    raw: &'a str,
    segments: Vec<Segment<'a>>,
    has_encoded_slash: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment<'a> {
    decoded: Cow<'a, str>,
    /// Where the segment ends in the path as received.
    end: usize,
}

/// The path is ambiguous: servers may read it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbiguousPath;

impl<'a> RequestPath<'a> {
    /// Splits and decodes the path of a request target, given without its query.
    ///
    /// One trailing slash is ignored.
    ///
    /// # Errors
    /// [`AmbiguousPath`] for an empty, `.` or `..` segment, a backslash, `;`, `#`, a control character, an encoded
    /// `/ \ % . ;` or control character, invalid percent-encoding, and invalid UTF-8 once decoded.
    pub fn parse(raw: &'a str) -> Result<Self, AmbiguousPath> {
        let path = Self::parse_with_slashes(raw)?;
        if path.has_encoded_slash { Err(AmbiguousPath) } else { Ok(path) }
    }

    /// The same, except that an encoded slash is a character of its segment. Servers that decode it first read a path of
    /// more segments, [`RequestPath::with_slashes_decoded`].
    ///
    /// # Errors
    /// [`AmbiguousPath`] as above, and if what stands between such slashes is empty, `.` or `..`.
    pub fn parse_with_slashes(raw: &'a str) -> Result<Self, AmbiguousPath> {
        let mut rest = raw.strip_prefix('/').ok_or(AmbiguousPath)?;
        let mut segments = Vec::with_capacity(TYPICAL_SEGMENTS);
        let (mut end, mut has_encoded_slash) = (0, false);
        while !rest.is_empty() {
            let (text, behind) = rest.split_at(memchr(b'/', rest.as_bytes()).unwrap_or(rest.len()));
            end += 1 + text.len();
            let decoded = decode_segment(text)?;
            // Borrowed segments are those without an escape.
            has_encoded_slash |= matches!(&decoded, Cow::Owned(decoded) if decoded.contains('/'));
            segments.push(Segment { decoded, end });
            rest = behind.get(1..).unwrap_or_default();
        }
        Ok(Self { raw, segments, has_encoded_slash })
    }

    /// Whether a segment contains an encoded slash.
    #[must_use]
    pub fn has_encoded_slash(&self) -> bool {
        self.has_encoded_slash
    }

    /// The path as servers read it that decode slashes before they split it.
    #[must_use]
    pub fn with_slashes_decoded(&self) -> RequestPath<'_> {
        let parts = self.segments.iter().flat_map(|Segment { decoded, end }| {
            decoded.split('/').map(|part| Segment { decoded: Cow::Borrowed(part), end: *end })
        });
        RequestPath { raw: self.raw, segments: parts.collect(), has_encoded_slash: false }
    }

    /// The decoded segment at `index`.
    #[must_use]
    pub fn segment(&self, index: usize) -> Option<&str> {
        self.segments.get(index).map(|segment| segment.decoded.as_ref())
    }

    /// The segments from the root on, percent-decoded.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map(|segment| segment.decoded.as_ref())
    }

    /// The decoded segments from `index` on, joined by slashes, without a trailing slash.
    #[must_use]
    pub fn rest(&self, index: usize) -> String {
        let mut rest = String::new();
        for segment in self.segments.iter().skip(index) {
            if !rest.is_empty() {
                rest.push('/');
            }
            rest.push_str(&segment.decoded);
        }
        rest
    }

    /// The path as received, with its percent-encoding.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The rest of the path as received after these leading segments; `None` if there are none or the path does not
    /// start with them.
    #[must_use]
    pub fn strip_prefix(&self, prefix: &[String]) -> Option<&'a str> {
        let leads = prefix.iter().enumerate().all(|(i, segment)| self.segment(i) == Some(segment));
        let last = self.segments.get(prefix.len().checked_sub(1)?).filter(|_| leads)?;
        self.raw.get(last.end..)
    }
}

fn decode_segment(text: &str) -> Result<Cow<'_, str>, AmbiguousPath> {
    if matches!(text, "" | "." | "..") {
        return Err(AmbiguousPath);
    }
    // Nearly all paths consist of these.
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')) {
        return Ok(Cow::Borrowed(text));
    }
    if text.chars().any(|c| matches!(c, '\\' | ';' | '#') || c.is_control()) {
        return Err(AmbiguousPath);
    }
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    check_escapes(text)?;
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| AmbiguousPath)?;
    // C1 controls (U+0080 to U+009F) take two bytes in UTF-8, so they show only in the decoded text.
    let is_ambiguous =
        decoded.chars().any(char::is_control) || decoded.split('/').any(|part| matches!(part, "" | "." | ".."));
    if is_ambiguous { Err(AmbiguousPath) } else { Ok(decoded) }
}

/// Each `%` must precede two hex digits that encode a byte without a special meaning to any server, or a slash.
fn check_escapes(text: &str) -> Result<(), AmbiguousPath> {
    for escape in text.split('%').skip(1) {
        let digits = escape.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(AmbiguousPath)?;
        if matches!(byte, b'\\' | b'%' | b'.' | b';') || byte.is_ascii_control() {
            return Err(AmbiguousPath);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(raw: &str) -> Vec<String> {
        let path = RequestPath::parse(raw).unwrap();
        (0..).map_while(|i| path.segment(i).map(str::to_owned)).collect()
    }

    #[test]
    fn decodes_each_segment_once() {
        assert_eq!(segments("/api/%61dmin"), ["api", "admin"]);
        assert_eq!(segments("/caf%C3%A9/a%20b%3Fc"), ["café", "a b?c"]);
        assert_eq!(segments("/"), [""; 0]);
    }

    #[test]
    fn one_trailing_slash_does_not_count() {
        assert_eq!(segments("/api/admin/"), ["api", "admin"]);
        assert_eq!(RequestPath::parse("/api/admin//"), Err(AmbiguousPath));
    }

    #[test]
    fn refuses_what_another_server_could_read_differently() {
        for raw in [
            "",
            "api",
            "//",
            "/a//b",
            "//a",
            "/./a",
            "/a/.",
            "/a/..",
            "/../a",
            "/a\\b",
            "/a\tb",
            "/a\u{7f}b",
            "/a\u{85}b",
            "/a;x=1",
            "/a#b",
            "/%2f",
            "/%2F",
            "/%5c",
            "/%5C",
            "/%25",
            "/%2e",
            "/%2E%2e",
            "/a%2ejs",
            "/%3b",
            "/%3B",
            "/%00",
            "/%0a",
            "/%1f",
            "/%7f",
            "/%c2%85",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/%ff",
            "/%c0%af",
            "/%e0%80%af",
            "/%ed%a0%80",
            "/a/%2e%2e/b",
            "/%\u{e9}",
        ] {
            assert_eq!(RequestPath::parse(raw), Err(AmbiguousPath), "{raw:?}");
        }
    }

    #[test]
    fn takes_what_has_one_reading() {
        for raw in ["/...", "/.well-known/x", "/a.b", "/~a", "/a+b", "/a:b@c", "/a%20b", "/é", "/%e2%82%ac", "/a%3Fb"]
        {
            assert!(RequestPath::parse(raw).is_ok(), "{raw:?}");
        }
    }

    #[test]
    fn the_rest_is_decoded_and_without_its_trailing_slash() {
        assert_eq!(RequestPath::parse("/a/%62/c/").unwrap().rest(1), "b/c");
        assert_eq!(RequestPath::parse("/a").unwrap().rest(1), "");
    }

    #[test]
    fn a_prefix_is_compared_decoded_and_the_rest_stays_as_received() {
        let strip = |raw: &'static str, prefix: &[&str]| {
            let prefix: Vec<_> = prefix.iter().map(|&s| s.to_owned()).collect();
            RequestPath::parse(raw).unwrap().strip_prefix(&prefix)
        };
        assert_eq!(strip("/%61pi/v1/%62/", &["api", "v1"]), Some("/%62/"));
        assert_eq!(strip("/api", &["api"]), Some(""));
        assert_eq!(strip("/api/", &["api"]), Some("/"));
        assert_eq!(strip("/apis/x", &["api"]), None);
        assert_eq!(strip("/API/x", &["api"]), None);
        assert_eq!(strip("/api/x", &["api", "x", "y"]), None);
        assert_eq!(strip("/api/x", &[]), None);
    }
}
