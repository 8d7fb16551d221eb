//! A second strict JSON reader: serde_json, with repeated members and deep nesting rejected.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

const MAX_DEPTH: usize = 32;

/// The value of a JSON text; `None` if it is invalid, repeats a member, or is nested too deeply.
pub fn strict(text: &str) -> Option<Value> {
    let Unique(depth) = serde_json::from_str(text).ok()?;
    if depth > MAX_DEPTH { None } else { serde_json::from_str(text).ok() }
}

/// A JSON value without repeated members, and its depth: 0 for a scalar.
struct Unique(usize);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique(0))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique(0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique(0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        let mut deepest = 0;
        while let Some(Unique(depth)) = items.next_element()? {
            deepest = deepest.max(depth);
        }
        Ok(Unique(deepest + 1))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unique, A::Error> {
        let (mut deepest, mut names) = (0, HashSet::new());
        while let Some((name, Unique(depth))) = members.next_entry::<String, Unique>()? {
            deepest = deepest.max(depth);
            if !names.insert(name) {
                return Err(A::Error::custom("repeated"));
            }
        }
        Ok(Unique(deepest + 1))
    }
}
