//! JSON (RFC 8259): a strict parser for all input that affects a decision (token headers and payloads, key sets, policies),
//! and what the gate writes itself.
//!
//! Stricter than most parsers, so that no two parsers can read one text differently: members may not repeat at any
//! depth (RFC 8725 §2.4 and §3.10, RFC 7519 §4), nesting is limited, numbers are finite, and a byte order mark is an
//! error (RFC 8259 §8.1).

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

/// Maximum levels of nesting, counting the outermost value.
pub const MAX_DEPTH: usize = 32;

/// Approximate overhead of an allocation in bytes.
pub const ALLOCATION: usize = 16;

/// The largest integer up to which floats represent every one (RFC 8259 §6).
pub const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// Up to this many members, repeated names are found by comparing all pairs; the names of a larger object are sorted.
const SMALL_OBJECT: usize = 16;

/// A JSON value that borrows from its text where it can.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, without repeated names.
    Object(Object<'a>),
}

/// The members of a JSON object in the order of the text, without repeated names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// Why a text is not acceptable JSON. Contains the parser's message and position, never a value of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(String);

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> Json<'a> {
    /// Parses `text` as one JSON value, with optional white space around it.
    ///
    /// # Errors
    /// Anything that is not JSON, a repeated member, more than [`MAX_DEPTH`] levels, a number out of range.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Level(1).deserialize(&mut deserializer).map_err(|error| JsonError(error.to_string()))?;
        deserializer.end().map_err(|error| JsonError(error.to_string()))?;
        Ok(value)
    }

    /// A string.
    #[must_use]
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Json::String(text.into())
    }

    /// A whole number.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Json::Number(number.into())
    }

    /// An array of strings.
    #[must_use]
    pub fn texts(texts: &[&'a str]) -> Self {
        Json::Array(texts.iter().map(|text| Json::String((*text).into())).collect())
    }

    /// An object with these members, without those that are absent. No name may be repeated.
    #[must_use]
    pub fn object<const N: usize>(members: [(&'a str, Option<Self>); N]) -> Self {
        Json::members(Vec::from(members))
    }

    /// The same for any number of members.
    #[must_use]
    pub fn members(members: Vec<(&'a str, Option<Self>)>) -> Self {
        let mut object = Vec::with_capacity(members.len());
        for (name, value) in members {
            if let Some(value) = value {
                object.push((Cow::Borrowed(name), value));
            }
        }
        Json::Object(Object(object))
    }

    /// The value as a string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as an array, if it is one.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The value as an object, if it is one.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The kind of the value, in the words of policy errors.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "a list",
            Json::Object(_) => "a table",
        }
    }

    /// Approximate heap memory in bytes, if nothing is borrowed.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Json::Null | Json::Bool(_) | Json::Number(_) => 0,
            Json::String(text) => ALLOCATION + text.len(),
            Json::Array(items) => {
                ALLOCATION + items.capacity() * size_of::<Self>() + items.iter().map(Json::weight).sum::<usize>()
            }
            Json::Object(object) => object.weight(),
        }
    }

    /// The same value, independent of its text.
    #[must_use]
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Number(number) => Json::Number(number),
            Json::String(text) => Json::String(Cow::Owned(text.into_owned())),
            Json::Array(items) => Json::Array(items.into_iter().map(Json::into_owned).collect()),
            Json::Object(object) => Json::Object(object.into_owned()),
        }
    }
}

/// A text as a JSON string.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Writes the value as JSON without white space.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl<'a> Object<'a> {
    /// The value of the member `name`, if present.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// The members in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Approximate heap memory in bytes, if nothing is borrowed.
    #[must_use]
    pub fn weight(&self) -> usize {
        let members = self.0.iter().map(|(name, value)| ALLOCATION + name.len() + value.weight());
        ALLOCATION + self.0.capacity() * size_of::<(Cow<'_, str>, Json<'_>)>() + members.sum::<usize>()
    }

    /// The same object, independent of its text.
    #[must_use]
    pub fn into_owned(self) -> Object<'static> {
        Object(self.0.into_iter().map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned())).collect())
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Number(number) => number.serialize(serializer),
            Json::String(text) => serializer.serialize_str(text),
            Json::Array(items) => serializer.collect_seq(items),
            Json::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Parses a value at this level of nesting.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: de::Error>(self) -> Result<Self, E> {
        if self.0 > MAX_DEPTH { Err(E::custom("nested too deeply")) } else { Ok(Level(self.0 + 1)) }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let below = self.below()?;
        let mut members = Vec::new();
        while let Some(name) = access.next_key_seed(Name)? {
            members.push((name, access.next_value_seed(below)?));
        }
        if repeats_a_name(&members) {
            return Err(de::Error::custom("a member appears twice"));
        }
        Ok(Json::Object(Object(members)))
    }
}

fn repeats_a_name(members: &[(Cow<'_, str>, Json<'_>)]) -> bool {
    if members.len() > SMALL_OBJECT {
        // Not a hash set: in wasm its seeds are constant, so an attacker can choose names that all collide.
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        return names.windows(2).any(|pair| matches!(pair, [one, next] if one == next));
    }
    members.iter().enumerate().any(|(i, (name, _))| members.iter().take(i).any(|(earlier, _)| earlier == name))
}

/// Parses the name of a member, borrowed if it contains no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Json::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn reads_what_it_writes() {
        let text = r#"{"a":[1,-2,0.5,true,null,"é\n"],"b":{},"18446744073709551615":18446744073709551615}"#;
        assert_eq!(serde_json::to_string(&Json::parse(text).unwrap()).unwrap(), text);
    }

    #[test]
    fn refuses_a_repeated_member_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"b":{"a":1,"c":2,"a":3}}]"#] {
            assert!(problem(text).contains("a member appears twice"), "{text}");
        }
        let large: String = (0..40).map(|i| format!("\"m{i}\":0,")).collect();
        assert!(Json::parse(&format!("{{{large}\"z\":1}}")).is_ok());
        assert!(problem(&format!("{{{large}\"m7\":1}}")).contains("a member appears twice"));
    }

    #[test]
    fn bounds_the_depth_counting_the_outermost() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(&nested(MAX_DEPTH)).is_ok());
        for levels in [MAX_DEPTH + 1, 100_000] {
            assert!(problem(&nested(levels)).contains("nested too deeply"), "{levels}");
        }
        let with_scalar = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(Json::parse(&with_scalar).is_ok());
    }

    #[test]
    fn refuses_what_is_not_strict_json() {
        for (reason, texts) in [
            ("EOF while parsing", &["", "{"][..]),
            ("trailing characters", &["{}x", "{} {}"]),
            ("expected value", &["\u{feff}{}", "NaN", "'a'"]),
            ("number out of range", &["1e400"]),
            ("invalid number", &["01"]),
            ("trailing comma", &["[1,]"]),
            ("end of hex escape", &[r#""\ud800""#]),
            ("control character", &["\"\n\""]),
        ] {
            for text in texts {
                assert!(problem(text).contains(reason), "{text:?}: {}", problem(text));
            }
        }
    }
}
