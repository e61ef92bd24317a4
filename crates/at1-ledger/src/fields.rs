//! Typed members of JSON objects: what a detail and its records are read from and written to.
//!
//! * A known member has exactly one type; an optional one is absent, never null.
//! * What is not taken stays in the rest, and is written back beside the known members.

use std::ops::Range;

use serde_json::Value;

use crate::{
    digest::Digest,
    error::{Error, Result},
    json::Members,
    time::Timestamp,
};

/// A type that one JSON value stands for.
pub(crate) trait Typed: Sized {
    /// Completes "expected …".
    const WHAT: &str;
    fn from_json(value: &Value) -> Option<Self>;
    fn to_json(&self) -> Value;
}

impl Typed for u64 {
    const WHAT: &str = "an integer";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_u64()
    }
    fn to_json(&self) -> Value {
        (*self).into()
    }
}

impl Typed for String {
    const WHAT: &str = "a string";
    fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(string) => Some(string.clone()),
            _ => None,
        }
    }
    fn to_json(&self) -> Value {
        self.as_str().into()
    }
}

impl Typed for Vec<String> {
    const WHAT: &str = "an array of strings";
    fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.iter().map(String::from_json).collect(),
            _ => None,
        }
    }
    fn to_json(&self) -> Value {
        self.iter().map(String::to_json).collect()
    }
}

impl Typed for Vec<Digest> {
    const WHAT: &str = "an array of digests, 64 lower-case hexadecimal digits each";
    fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.iter().map(Digest::from_json).collect(),
            _ => None,
        }
    }
    fn to_json(&self) -> Value {
        self.iter().map(Digest::to_json).collect()
    }
}

impl Typed for Digest {
    const WHAT: &str = "64 lower-case hexadecimal digits";
    fn from_json(value: &Value) -> Option<Self> {
        Self::from_hex(value.as_str()?.as_bytes())
    }
    fn to_json(&self) -> Value {
        self.to_string().into()
    }
}

impl Typed for Timestamp {
    const WHAT: &str = "a time YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ";
    fn from_json(value: &Value) -> Option<Self> {
        Self::from_text(value.as_str()?.as_bytes())
    }
    fn to_json(&self) -> Value {
        self.to_string().into()
    }
}

impl Typed for Range<u64> {
    const WHAT: &str = "a range [first,end] that is not empty";
    fn from_json(value: &Value) -> Option<Self> {
        match value.as_array()?.as_slice() {
            [first, end] => Some(first.as_u64()?..end.as_u64()?).filter(|range| !range.is_empty()),
            _ => None,
        }
    }
    fn to_json(&self) -> Value {
        vec![self.start, self.end].into()
    }
}

/// The members of an object that have not been taken yet.
pub(crate) struct Fields(Members);

impl Fields {
    pub(crate) fn new(value: Value) -> Result<Self> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            other => Err(mismatch("an object", &other)),
        }
    }

    pub(crate) fn value(&mut self, key: &str) -> Result<Value> {
        self.0.remove(key).ok_or_else(|| Error::damaged("expected this member, found none").at(key))
    }

    pub(crate) fn optional_value(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key)
    }

    pub(crate) fn take<T: Typed>(&mut self, key: &str) -> Result<T> {
        typed(self.value(key)?).map_err(|error| error.at(key))
    }

    pub(crate) fn optional<T: Typed>(&mut self, key: &str) -> Result<Option<T>> {
        self.0.remove(key).map(|value| typed(value).map_err(|error| error.at(key))).transpose()
    }

    /// An array of at least one object, each read by `read`.
    pub(crate) fn records<T>(&mut self, key: &str, read: impl Fn(Fields) -> Result<T>) -> Result<Vec<T>> {
        match self.value(key)? {
            Value::Array(items) if !items.is_empty() => {
                let read = |(i, item)| Fields::new(item).and_then(&read).map_err(|e| e.at(format_args!("{key}[{i}]")));
                items.into_iter().enumerate().map(read).collect()
            }
            other => Err(mismatch("an array of at least one object", &other).at(key)),
        }
    }

    pub(crate) fn rest(self) -> Members {
        self.0
    }

    /// For objects in which every member is known.
    pub(crate) fn nothing_else(self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(key) => Err(Error::damaged("expected no such member").at(key)),
        }
    }
}

fn typed<T: Typed>(value: Value) -> Result<T> {
    T::from_json(&value).ok_or_else(|| mismatch(T::WHAT, &value))
}

pub(crate) fn mismatch(expected: &str, found: &Value) -> Error {
    let found = match found {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        other => format!("{:.80}", other.to_string()),
    };
    Error::damaged(format!("expected {expected}, found {found}"))
}

/// Members being put together.
#[derive(Default)]
pub(crate) struct Builder(Members);

impl Builder {
    pub(crate) fn value(&mut self, key: &str, value: Value) -> &mut Self {
        self.0.insert(key.into(), value);
        self
    }

    pub(crate) fn put<T: Typed>(&mut self, key: &str, value: &T) -> &mut Self {
        self.value(key, value.to_json())
    }

    pub(crate) fn put_some<T: Typed>(&mut self, key: &str, value: Option<&T>) -> &mut Self {
        if let Some(value) = value {
            self.put(key, value);
        }
        self
    }

    /// Adds members that this version does not know; they must not hide one it does.
    pub(crate) fn finish(mut self, rest: &Members) -> Result<Value> {
        for (key, value) in rest {
            if self.0.insert(key.clone(), value.clone()).is_some() {
                return Err(Error::invalid("expected this member once, found it among the unknown ones too").at(key));
            }
        }
        Ok(self.0.into())
    }
}
