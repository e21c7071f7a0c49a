//! What a document means, held to what serde_json takes it for: for the tests and the fuzzers of the reader.

use super::{Bad, Reader, Value, ZStr};
use serde_json::Value as Json;

/// A reader of a copy of `text`.
pub fn reader(text: &[u8]) -> Reader {
    Reader::of(Box::leak([text, &[0]].concat().into_boxed_slice()))
}

/// A document as a tree: numbers stay as they are written, keys that stand twice too.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

pub fn owned(text: ZStr<'_>) -> String {
    String::from_utf8(text.bytes().to_vec()).expect("UTF-8")
}

/// The next value of a reader as a tree.
pub fn tree(reader: &mut Reader) -> Result<Tree, Bad> {
    Ok(match reader.value()? {
        Value::Null => Tree::Null,
        Value::Bool(bool) => Tree::Bool(bool),
        // Both are handed out for good: what is read later doesn't change them, see `whole`.
        Value::Number(text) => Tree::Number(owned(text)),
        Value::Text(text) => Tree::Text(owned(text)),
        Value::Array => {
            let mut list = Vec::new();
            while reader.item()? {
                list.push(tree(reader)?);
            }
            Tree::Array(list)
        }
        Value::Object => {
            let mut list = Vec::new();
            while let Some(key) = reader.key()? {
                let value = tree(reader)?;
                list.push((owned(key), value));
            }
            Tree::Object(list)
        }
    })
}

/// A whole document as a tree: and the same document can be passed over, and comes out of that as it was.
pub fn whole(text: &[u8]) -> Result<Tree, Bad> {
    let mut first = reader(text);
    let read = tree(&mut first).and_then(|tree| first.end().map(|()| tree));
    let mut second = reader(text);
    let raw = second.raw().and_then(|raw| second.end().map(|()| raw));
    match (&read, raw) {
        (Ok(_), Ok(raw)) => assert_eq!(raw.bytes(), text.trim_ascii(), "raw"),
        (Err(one), Err(two)) => {
            assert!(*one == two, "{:?}", String::from_utf8_lossy(text));
            assert_eq!(first.place(), second.place(), "{:?}", String::from_utf8_lossy(text));
        }
        (_, raw) => panic!("read {}, raw {}: {:?}", read.is_ok(), raw.is_ok(), String::from_utf8_lossy(text)),
    }
    read
}

/// What serde_json makes of it; the last of the keys that are the same.
pub fn theirs(text: &[u8]) -> Option<Json> {
    serde_json::from_slice(text).ok()
}

/// Whether both trees are the same.
pub fn same(ours: &Tree, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Tree::Null, Json::Null) => true,
        (Tree::Bool(a), Json::Bool(b)) => a == b,
        (Tree::Number(a), Json::Number(b)) => match (b.as_u64(), b.as_i64()) {
            // -0 is a float there.
            (Some(n), _) => *a == n.to_string(),
            (_, Some(n)) => *a == n.to_string(),
            // Theirs is not the nearest one.
            _ => match (a.parse::<f64>(), b.as_f64()) {
                (Ok(a), Some(b)) => a == b || ((a - b) / b).abs() < 1e-9,
                _ => false,
            },
        },
        (Tree::Text(a), Json::String(b)) => a == b,
        (Tree::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Tree::Object(a), Json::Object(b)) => {
            b.iter().all(|(key, b)| a.iter().rfind(|(k, _)| k == key).is_some_and(|(_, a)| same(a, b)))
                && a.iter().all(|(key, _)| b.contains_key(key))
        }
        _ => false,
    }
}

/// Whether a text of `json` has NUL in it, which is ours to refuse.
pub fn has_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(list) => list.iter().any(has_nul),
        Json::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Holds what we make of a text to what serde_json makes of it.
pub fn agree(text: &[u8]) {
    let show = || String::from_utf8_lossy(text).into_owned();
    match (whole(text), theirs(text)) {
        (Ok(ours), Some(theirs)) => {
            assert!(same(&ours, &theirs), "{}\n{ours:?}\n{theirs:?}", show());
        }
        (Err(Bad::Nul), Some(theirs)) => assert!(has_nul(&theirs) || twice(text), "{}", show()),
        (Err(Bad::Depth), _) | (Err(_), None) => {}
        // A number beyond those that a f64 has is JSON.
        (Ok(_), None) => {
            let error = serde_json::from_slice::<Json>(text).expect_err("an error").to_string();
            assert!(error.starts_with("number out of range"), "{error}: {}", show());
        }
        (ours, theirs) => panic!("{:?}, {theirs:?}: {}", ours.ok(), show()),
    }
}

/// Whether a key may stand twice: then serde_json's tree doesn't have all texts.
pub fn twice(text: &[u8]) -> bool {
    text.windows(6).any(|w| w == b"\\u0000")
}
