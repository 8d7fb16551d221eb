//! Paths: which ones are unambiguous, which route they match, and what is forwarded. The input has one part per line:
//! path patterns of a policy, then an authority, and last a path with its query.
//!
//! - A path is accepted if and only if a second implementation accepts it. Its segments contain nothing that a decoder
//!   or a normaliser could change, and re-encode to a path with the same segments.
//! - Of the patterns that match, the table chooses the most specific one, with the captures that it names.
//! - A WHATWG URL parser finds in the forwarded URL the host and the segments that the route was matched by.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use portcullis::decision::Decision;
use portcullis::denial::Denial;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{PathPattern, PatternSegment};
use portcullis::route::table::{RouteMatch, RouteTable};
use portcullis::route::url::Url;
use portcullis_fuzz::support::read;
use portcullis_fuzz::{get, trusting::Gate};

const MAX_PATTERNS: usize = 8;

/// The characters to percent-encode. A dot is not one: the gate refuses encoded dots.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.');

/// Public routes that cover each way to forward a path.
const POLICY: &str = r#"{"version": 1, "origin": "http://up.test/base", "routes": [
    {"path": "/", "access": "public"},
    {"path": "/{*rest}", "access": "public"},
    {"path": "/strip/two/{*rest}", "access": "public", "strip_prefix": "/strip/two"},
    {"path": "/strip/two", "access": "public", "strip_prefix": "/strip/two", "origin": "http://up.test"},
    {"path": "/through/{*rest}", "access": "public", "origin": "passthrough"}
]}"#;

thread_local! {
    static GATE: OnceCell<Gate> = const { OnceCell::new() };
}

fuzz_target!(|text: &str| {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let target = lines.pop().unwrap_or_default();
    let authority = lines.pop().unwrap_or("api.example.com");
    let raw = target.split('?').next().unwrap_or_default();
    let path = RequestPath::parse(raw);
    let expected = segments_of(raw);
    assert_eq!(path.is_ok(), expected.is_some(), "{raw:?}");
    if let (Ok(path), Some(expected)) = (&path, &expected) {
        assert_segments(path, expected);
        assert_match(&lines, path, expected);
    }
    assert_forward(authority, target, expected.as_deref());
});

/// The decoded segments of an unambiguous path, read byte by byte.
fn segments_of(raw: &str) -> Option<Vec<String>> {
    let rest = raw.strip_prefix('/')?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        // `/` has no segments, but `//` has an empty one.
        return (raw == "/").then(Vec::new);
    }
    rest.split('/').map(decode).collect()
}

fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let escaped = u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?;
        if b"/\\%.;".contains(&escaped) {
            return None;
        }
        bytes.push(escaped);
    }
    let decoded = String::from_utf8(bytes).ok()?;
    let is_odd = |c: char| c.is_control() || c == '\\';
    let is_plain = !decoded.is_empty() && decoded != "." && decoded != ".." && !decoded.contains(is_odd);
    // An encoded `#` is data; a raw one would end the path.
    (is_plain && !decoded.contains(';') && !segment.contains('#')).then_some(decoded)
}

fn assert_segments(path: &RequestPath<'_>, expected: &[String]) {
    let segments: Vec<&str> = (0..).map_while(|index| path.segment(index)).collect();
    assert_eq!(segments, expected);
    for segment in &segments {
        assert!(!matches!(*segment, "" | "." | ".."));
        assert!(!segment.contains(['/', '\\', ';', '%']), "decoding once is enough: {segment:?}");
    }
    let encoded: String = segments.iter().map(|segment| format!("/{}", encode(segment))).collect();
    let again = RequestPath::parse(if encoded.is_empty() { "/" } else { &encoded });
    let again = again.unwrap_or_else(|_| panic!("{encoded:?} is equivalent"));
    assert!((0..).map_while(|index| again.segment(index)).eq(segments.iter().copied()));
    for index in 0..=segments.len() {
        assert_eq!(path.rest(index), segments[index..].join("/"));
    }
}

fn encode(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

fn assert_match(lines: &[&str], path: &RequestPath<'_>, segments: &[String]) {
    let mut table = RouteTable::default();
    let mut patterns: Vec<PathPattern> = Vec::new();
    for pattern in lines.iter().take(MAX_PATTERNS).filter_map(|line| PathPattern::parse(line).ok()) {
        let twin = patterns.iter().position(|known| shape(known) == shape(&pattern));
        // A place stays with the route that claimed it first; the new route does not get it.
        let conflicts = table.insert(patterns.len(), &pattern.clone().into());
        assert_eq!(conflicts.first().map(|conflict| conflict.with), twin);
        if twin.is_none() {
            patterns.push(pattern);
        }
    }
    let best = patterns.iter().enumerate().filter_map(|(index, pattern)| Some((rank(pattern, segments)?, index))).min();
    match (table.find("h", path, "GET"), best) {
        (RouteMatch::Route(found, captures), Some((_, expected))) => {
            assert_eq!(found, expected);
            assert_eq!(captures.path, captured(&patterns[found], segments));
        }
        (RouteMatch::NoRoute, None) => {}
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

/// What a pattern matches, disregarding the names of its captures.
fn shape(pattern: &PathPattern) -> (Vec<Option<&str>>, bool) {
    let segments = pattern.segments.iter().map(|segment| match segment {
        PatternSegment::Literal(text) => Some(text.as_str()),
        PatternSegment::Capture(_) => None,
    });
    (segments.collect(), pattern.rest.is_some())
}

/// The kinds of a match's segments: 0 literal, 1 capture, 2 the rest. The smallest list is the most specific match.
fn rank(pattern: &PathPattern, segments: &[String]) -> Option<Vec<u8>> {
    let (own, has_rest) = shape(pattern);
    let fits = if has_rest { segments.len() >= own.len() } else { segments.len() == own.len() };
    let matches = own.iter().zip(segments).all(|(own, segment)| own.is_none_or(|text| text == segment));
    let kinds = own.iter().map(|own| u8::from(own.is_none())).chain(has_rest.then_some(2));
    (fits && matches).then(|| kinds.collect())
}

fn captured(pattern: &PathPattern, segments: &[String]) -> Vec<String> {
    let (own, has_rest) = shape(pattern);
    let one = own.iter().zip(segments).filter(|(own, _)| own.is_none()).map(|(_, segment)| segment.clone());
    one.chain(has_rest.then(|| segments[own.len()..].join("/"))).collect()
}

fn assert_forward(authority: &str, target: &str, segments: Option<&[String]>) {
    let text = format!("https://{authority}{target}");
    let url = Url::split(&text);
    if url.authority != authority || url.path != target.split('?').next().unwrap_or_default() {
        return; // The input is not a valid authority or target.
    }
    let decision = GATE.with(|gate| gate.get_or_init(|| Gate::new(read(POLICY))).decide(&get(&text, &[])));
    let forward = match decision {
        Decision::Allow(forward) => forward,
        Decision::Deny(Denial::BadPath) => return,
        other => panic!("{other:?}"),
    };
    let segments = segments.expect("a forwarded path is unambiguous");
    let stripped = segments.starts_with(&["strip".to_owned(), "two".to_owned()]);
    let through = segments.first().is_some_and(|first| first == "through");
    let has_base = !through && !(stripped && segments.len() == 2);
    let base = if has_base { vec!["base".to_owned()] } else { Vec::new() };
    let expected: Vec<String> = base.into_iter().chain(segments[if stripped { 2 } else { 0 }..].to_vec()).collect();
    // A request contains no raw spaces, and clients do not send fragments.
    if target.contains([' ', '#']) {
        return;
    }
    let host = if through { url.host() } else { "up.test" };
    assert_parsed(&forward.url, host, &expected, target);
}

/// The platform's `fetch` reads this host and these segments in the URL.
fn assert_parsed(forwarded: &str, host: &str, segments: &[String], target: &str) {
    let Ok(parsed) = url::Url::parse(forwarded) else {
        assert!(host.to_ascii_lowercase().contains("xn--"), "{forwarded:?}: only punycode can be invalid");
        return;
    };
    let read = parsed.host_str().unwrap_or_default().trim_end_matches('.');
    let is_address = host.starts_with('[');
    assert!(is_address && read.starts_with('[') || read.eq_ignore_ascii_case(host), "{forwarded:?}: {read:?}");
    assert_eq!((parsed.username(), parsed.password(), parsed.fragment()), ("", None, None));
    let path = parsed.path().strip_prefix('/').expect("a path");
    let path = path.strip_suffix('/').unwrap_or(path);
    let read: Vec<_> = path.split('/').map(|text| percent_decode_str(text).decode_utf8_lossy()).collect();
    if segments.is_empty() {
        assert_eq!(path, "");
    } else {
        assert_eq!(read, segments, "{forwarded:?}");
    }
    assert_eq!(parsed.query().is_some(), target.contains('?'), "{forwarded:?}");
}
