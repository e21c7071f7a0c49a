//! What is read is what serde_json reads, and nothing else is.

#[path = "model.rs"]
mod model;

use super::*;
use model::*;
use proptest::prelude::*;
use std::path::PathBuf;

/// Configs of real engines, and the specification's schema and examples.
fn documents() -> Vec<(PathBuf, Vec<u8>)> {
    let mut list = Vec::new();
    let mut todo = vec![PathBuf::from_iter([env!("CARGO_MANIFEST_DIR"), "tests", "oci"])];
    while let Some(path) = todo.pop() {
        if let Ok(entries) = std::fs::read_dir(&path) {
            todo.extend(entries.flatten().map(|e| e.path()));
        } else if path.extension().is_some_and(|e| e == "json") {
            let text = std::fs::read(&path).expect("a document");
            list.push((path, text));
        }
    }
    list.sort();
    list
}

/// What was different from all before to a fuzzer: tests/fuzz.
#[test]
fn what_a_fuzzer_has_found_is_read_as_others_read_it() {
    for line in include_str!("../../../tests/oci/seeds/json").lines() {
        let digits = line.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        agree(&digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect::<Vec<u8>>());
    }
}

#[test]
fn what_the_rfc_allows_is_read() {
    let text = |t: &str| Tree::Text(t.into());
    let number = |t: &str| Tree::Number(t.into());
    for (json, tree) in [
        ("null", Tree::Null),
        (" \t\r\n true \n", Tree::Bool(true)),
        ("false", Tree::Bool(false)),
        ("[]", Tree::Array(vec![])),
        ("{}", Tree::Object(vec![])),
        (" [ ] ", Tree::Array(vec![])),
        (" { } ", Tree::Object(vec![])),
        ("0", number("0")),
        ("-0", number("-0")),
        ("18446744073709551616", number("18446744073709551616")),
        ("-0.0e-00", number("-0.0e-00")),
        ("1E+2", number("1E+2")),
        ("[1,2 ,3\n]", Tree::Array(vec![number("1"), number("2"), number("3")])),
        ("[[1],[2]]", Tree::Array(vec![Tree::Array(vec![number("1")]), Tree::Array(vec![number("2")])])),
        (r#""""#, text("")),
        (r#""a""#, text("a")),
        (r#""\"\\\/\b\f\n\r\t""#, text("\"\\/\u{8}\u{c}\n\r\t")),
        (r#""\u0041\u00e9\u20AC\ud83d\ude00.""#, text("Aé€😀.")),
        (r#""\ud800\udc00\udbff\udfff""#, text("\u{10000}\u{10ffff}")),
        ("\"\u{7f}é€😀\u{d7ff}\u{e000}\u{10ffff}\"", text("\u{7f}é€😀\u{d7ff}\u{e000}\u{10ffff}")),
        (
            r#"{"a":1,"a":{"b":[true,null]},"":"x"}"#,
            Tree::Object(vec![
                ("a".into(), number("1")),
                (
                    "a".into(),
                    Tree::Object(vec![("b".into(), Tree::Array(vec![Tree::Bool(true), Tree::Null]))]),
                ),
                ("".into(), text("x")),
            ]),
        ),
    ] {
        assert_eq!(whole(json.as_bytes()), Ok(tree), "{json}");
        agree(json.as_bytes());
    }
}

#[test]
fn what_the_rfc_does_not_allow_is_refused_where_it_stands() {
    use Bad::*;
    for (json, bad, column) in [
        (&b""[..], End, 1),
        (b"  ", End, 3),
        (b"\xef\xbb\xbfnull", Syntax, 1),
        (b"nul", End, 4),
        (b"nulL", Syntax, 4),
        (b"NaN", Syntax, 1),
        (b"Infinity", Syntax, 1),
        (b"-Infinity", Syntax, 2),
        (b"+1", Syntax, 1),
        (b"01", Syntax, 2),
        (b"-01", Syntax, 3),
        (b"-", End, 2),
        (b".5", Syntax, 1),
        (b"1.", End, 3),
        (b"1.e1", Syntax, 3),
        (b"1e", End, 3),
        (b"1e+", End, 4),
        (b"1e1.5", Syntax, 4),
        (b"0x10", Syntax, 2),
        (b"1 2", Syntax, 3),
        (b"null null", Syntax, 6),
        (b"null\0", Syntax, 5),
        (b"1\0", Syntax, 2),
        (b"1\0,", Syntax, 2),
        (b"[1\0,2]", Syntax, 3),
        (b"\0null", Syntax, 1),
        (b"[", End, 2),
        (b"[1", End, 3),
        (b"[1,", End, 4),
        (b"[,1]", Syntax, 2),
        (b"[1,]", Syntax, 4),
        (b"[1 2]", Syntax, 4),
        (b"[1}", Syntax, 3),
        (b"[1]]", Syntax, 4),
        (b"]", Syntax, 1),
        (b"{", End, 2),
        (b"{\"a\"", End, 5),
        (b"{\"a\":", End, 6),
        (b"{\"a\":}", Syntax, 6),
        (b"{\"a\":1", End, 7),
        (b"{\"a\":1,", End, 8),
        (b"{\"a\":1,}", Syntax, 8),
        (b"{,}", Syntax, 2),
        (b"{\"a\" 1}", Syntax, 6),
        (b"{\"a\",1}", Syntax, 5),
        (b"{a:1}", Syntax, 2),
        (b"{1:1}", Syntax, 2),
        (b"{\"a\":1]", Syntax, 7),
        (b"{'a':1}", Syntax, 2),
        (b"[1] // x", Syntax, 5),
        (b"\x0bnull", Syntax, 1),
        (b"\xc2\xa0null", Syntax, 1),
        (b"\"", End, 2),
        (b"\"a", End, 3),
        (b"\"a\nb\"", Control, 3),
        (b"\"a\0b\"", Control, 3),
        (b"\"a\x1f\"", Control, 3),
        (b"\"\\", Escape, 2),
        (b"\"\\x41\"", Escape, 2),
        (b"\"\\'\"", Escape, 2),
        (b"\"\\u12\"", Escape, 2),
        (b"\"\\u+123\"", Escape, 2),
        (b"\"\\U0041\"", Escape, 2),
        (b"\"..\\u0000\"", Nul, 4),
        (b"\"\\ud800\"", Escape, 2),
        (b"\"\\ud800x\"", Escape, 2),
        (b"\"\\ud800\\n\"", Escape, 2),
        (b"\"\\ud800\\ud800\"", Escape, 2),
        (b"\"\\udc00\\ud800\"", Escape, 2),
        (b"\"\\ud800\\u0041\"", Escape, 2),
        (b"\"\x80\"", Utf8, 2),
        (b"\".\xc0\x80\"", Utf8, 3),
        (b"\"\xc1\xbf\"", Utf8, 2),
        (b"\"\xe0\x9f\xbf\"", Utf8, 2),
        (b"\"\xed\xa0\x80\"", Utf8, 2),
        (b"\"\xf0\x8f\xbf\xbf\"", Utf8, 2),
        (b"\"\xf4\x90\x80\x80\"", Utf8, 2),
        (b"\"\xf5\x80\x80\x80\"", Utf8, 2),
        (b"\"\xe2\x82\"", Utf8, 2),
        (b"\"\xc3", Utf8, 2),
    ] {
        let show = String::from_utf8_lossy(json);
        let mut reader = reader(json);
        let read = tree(&mut reader).and_then(|_| reader.end());
        assert_eq!(read, Err(bad), "{show}");
        assert_eq!(reader.place(), (1, column), "{show}");
        agree(json);
    }
}

#[test]
fn every_code_point_and_every_escape_of_one_is_a_text() {
    for code in 1..=0x10ffff {
        let Some(character) = char::from_u32(code) else { continue };
        let escapes: String =
            character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
        assert_eq!(whole(format!("\"{escapes}\"").as_bytes()), Ok(Tree::Text(character.into())), "{code:x}");
        if code >= 0x20 && !"\"\\".contains(character) {
            assert_eq!(
                whole(format!("\"{character}\"").as_bytes()),
                Ok(Tree::Text(character.into())),
                "{code:x}"
            );
        }
    }
}

#[test]
fn every_three_bytes_are_a_text_if_they_are_utf8() {
    for n in 0..1 << 24 {
        let [_, a, b, c] = u32::to_be_bytes(n);
        // All leads; a second and a third byte of each kind.
        if a < 0x80
            || [b, c]
                .iter()
                .any(|b| ![0, 0x22, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xf0].contains(b))
        {
            continue;
        }
        agree(&[b'"', a, b, c, b'"']);
        agree(&[b'"', a, b, c, 0x80, b'"']);
        agree(&[b'"', 0xf4, a, b, c, b'"']);
        agree(&[b'"', 0xf0, a, b, c, b'"']);
    }
}

#[test]
fn containers_stand_in_each_other_up_to_the_depth() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |n: usize| format!("{}null{}", open.repeat(n), close.repeat(n));
        assert!(whole(nested(DEPTH.into()).as_bytes()).is_ok());
        assert_eq!(whole(nested(usize::from(DEPTH) + 1).as_bytes()), Err(Bad::Depth));
        assert_eq!(whole(nested(100_000).as_bytes()), Err(Bad::Depth));
    }
    // Those that have been left don't count; which kind each is, is remembered.
    let wide = format!("[{}]", vec!["[{\"a\":[{}]}]"; 100].join(","));
    assert!(whole(wide.as_bytes()).is_ok());
}

#[test]
fn numbers_are_as_large_as_they_may_be_and_no_larger() {
    let number = |json: &str| reader(json.as_bytes()).number();
    let integer = |json: &str| reader(json.as_bytes()).integer();
    assert_eq!(number("0"), Ok(0));
    assert_eq!(number("18446744073709551615"), Ok(u64::MAX));
    assert_eq!(number("18446744073709551616"), Err(Bad::Range));
    assert_eq!(number("99999999999999999999999"), Err(Bad::Range));
    assert_eq!(number("-1"), Err(Bad::Range));
    assert_eq!(number("-0"), Err(Bad::Range));
    assert_eq!(integer("-0"), Ok(0));
    assert_eq!(integer("9223372036854775807"), Ok(i64::MAX));
    assert_eq!(integer("9223372036854775808"), Err(Bad::Range));
    assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
    assert_eq!(integer("-9223372036854775809"), Err(Bad::Range));
    assert_eq!(reader(b"4294967295").number32(), Ok(u32::MAX));
    assert_eq!(reader(b"4294967296").number32(), Err(Bad::Range));
    for other in ["1.0", "1e3", "1E0", "-1.5", "\"1\"", "true", "null", "[]", "{}"] {
        assert_eq!(number(other), Err(Bad::Integer), "{other}");
        assert_eq!(integer(other), Err(Bad::Integer), "{other}");
    }
}

#[test]
fn values_of_another_kind_are_refused() {
    let kinds = |json: &str| {
        let reader = || reader(json.as_bytes());
        [
            reader().boolean().err(),
            reader().integer().err(),
            reader().text().err(),
            reader().array().err(),
            reader().object().err(),
        ]
    };
    let all = [Bad::Bool, Bad::Integer, Bad::Text, Bad::Array, Bad::Object].map(Some);
    for (json, kind) in [("true", 0), ("1", 1), ("\"\"", 2), ("[]", 3), ("{}", 4), ("null", 5)] {
        let mut expected = all;
        if let Some(own) = expected.get_mut(kind) {
            *own = None;
        }
        assert_eq!(kinds(json), expected, "{json}");
    }
}

#[test]
fn a_field_that_is_null_is_not_there() {
    let mut reader = reader(br#"{"a":null,"b": nul}"#);
    assert_eq!(reader.object(), Ok(()));
    assert_eq!(reader.field(), Err(Bad::Syntax));
    let mut reader = self::reader(br#"{"a" : null , "b":[null],"c":null}"#);
    assert_eq!(reader.object(), Ok(()));
    assert!(reader.field().is_ok_and(|key| key.is_some_and(|key| key.is(b"b"))));
    assert_eq!((reader.array(), reader.item(), reader.value()), (Ok(()), Ok(true), Ok(Value::Null)));
    assert_eq!((reader.item(), reader.field(), reader.end()), (Ok(false), Ok(None), Ok(())));
}

#[test]
fn what_was_given_away_stays_as_it_was_given() {
    let mut reader = reader(br#"{"k\u0065y":12,"raw": {"a\n":[1,"\u0041"]} ,"x":"\"y\"" , "n":[-1.5e3]}"#);
    assert_eq!(reader.object(), Ok(()));
    let key = reader.key().unwrap().unwrap();
    let Ok(Value::Number(number)) = reader.value() else { panic!() };
    let second = reader.key().unwrap().unwrap();
    let raw = reader.raw().unwrap();
    let third = reader.key().unwrap().unwrap();
    let text = reader.text().unwrap();
    let last = reader.key().unwrap().unwrap();
    assert_eq!((reader.array(), reader.item()), (Ok(()), Ok(true)));
    let Ok(Value::Number(float)) = reader.value() else { panic!() };
    assert_eq!(
        (reader.item(), reader.key().is_ok_and(|k| k.is_none()), reader.end()),
        (Ok(false), true, Ok(()))
    );
    let given = [key, number, second, raw, third, text, last, float].map(owned);
    assert_eq!(given, ["key", "12", "raw", r#"{"a\n":[1,"\u0041"]}"#, "x", "\"y\"", "n", "-1.5e3"]);
}

#[test]
fn lines_and_bytes_are_counted() {
    let mut reader = reader(b"{\n \"a\": 1,\r\n\t\"b\":\n\n   [true,\n   x]}");
    assert_eq!((reader.object(), reader.place()), (Ok(()), (1, 1)));
    assert!(reader.key().is_ok());
    assert_eq!((reader.number(), reader.place()), (Ok(1), (2, 7)));
    assert!(reader.key().is_ok());
    assert_eq!((reader.array(), reader.place()), (Ok(()), (5, 4)));
    assert_eq!((reader.item(), reader.boolean(), reader.place()), (Ok(true), Ok(true), (5, 5)));
    assert_eq!((reader.item(), reader.value(), reader.place()), (Ok(true), Err(Bad::Syntax), (6, 4)));
}

#[test]
fn a_caller_out_of_turn_is_refused() {
    let mut out = reader(b"[1,{\"a\":2}]");
    assert_eq!((out.item(), out.key(), out.end()), (Err(Bad::Syntax), Err(Bad::Syntax), Err(Bad::Syntax)));
    assert_eq!((out.array(), out.value(), out.key()), (Ok(()), Err(Bad::Syntax), Err(Bad::Syntax)));
    assert_eq!((out.item(), out.item(), out.number()), (Ok(true), Err(Bad::Syntax), Ok(1)));
    assert_eq!((out.number(), out.item(), out.object()), (Err(Bad::Syntax), Ok(true), Ok(())));
    assert_eq!((out.item(), out.value()), (Err(Bad::Syntax), Err(Bad::Syntax)));
    assert!(matches!(out.key(), Ok(Some(_))));
    assert_eq!((out.key(), out.skip(), out.key()), (Err(Bad::Syntax), Ok(()), Ok(None)));
    assert_eq!(
        (out.item(), out.end(), out.item(), out.value()),
        (Ok(false), Ok(()), Err(Bad::Syntax), Err(Bad::Syntax))
    );
    // Not a text with its NUL.
    assert_eq!(Reader::of(&mut []).value(), Err(Bad::End));
    assert_eq!(Reader::of(Box::leak(Box::new(*b"null"))).value(), Err(Bad::End));
}

#[test]
fn captured_configs_and_the_schema_are_read_whole() {
    let documents = documents();
    for (path, text) in &documents {
        agree(text);
        assert_eq!(whole(text).is_ok(), !path.ends_with("invalid-json.json"), "{}", path.display());
    }
    assert!(documents.len() > 30, "tests/oci");
}

/// Any document, in any spelling.
fn document() -> impl Strategy<Value = String> {
    let blank = || proptest::sample::select(vec!["", "", "", " ", "\n", "\t\r"]);
    let character = prop_oneof![
        4 => any::<char>().prop_map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            '\0'..='\x1f' => "\\t".into(),
            c => c.to_string(),
        }),
        2 => proptest::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\t"]).prop_map(String::from),
        2 => any::<char>().prop_filter("NUL", |c| *c != '\0').prop_map(|c| {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect()
        }),
    ];
    let text = proptest::collection::vec(character, 0..8).prop_map(|list| format!("\"{}\"", list.concat()));
    let leaf = prop_oneof![
        text.clone(),
        proptest::sample::select(vec!["null", "true", "false"]).prop_map(String::from),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
    ];
    let value = leaf.prop_recursive(6, 64, 6, move |inner| {
        let item = (blank(), inner.clone(), blank()).prop_map(|(a, v, b)| format!("{a}{v}{b}"));
        let member = (blank(), text.clone(), blank(), inner, blank())
            .prop_map(|(a, k, b, v, c)| format!("{a}{k}{b}:{v}{c}"));
        prop_oneof![
            proptest::collection::vec(item, 0..6).prop_map(|list| format!("[{}]", list.join(","))),
            proptest::collection::vec(member, 0..6).prop_map(|list| format!("{{{}}}", list.join(","))),
        ]
    });
    (blank(), value, blank()).prop_map(|(a, v, b)| format!("{a}{v}{b}"))
}

/// A change of a text at a place.
fn mutate(text: &mut Vec<u8>, kind: u8, at: usize, with: u8) {
    let at = at % text.len().max(1);
    let signs = b"{}[],:\"\\ 0-1e.u\ntn\x7f\x80";
    match kind % 6 {
        0 if !text.is_empty() => drop(text.remove(at)),
        1 => text.insert(at, with),
        2 => text.truncate(at),
        3 if !text.is_empty() => text[at] = with,
        4 if !text.is_empty() => text[at] = signs[usize::from(with) % signs.len()],
        _ => {
            let end = (at + usize::from(with)).min(text.len());
            let copy = text[at..end].to_vec();
            text.extend(copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_document_is_read_as_serde_json_reads_it(text in document()) {
        prop_assert!(whole(text.as_bytes()).is_ok(), "{text}");
        agree(text.as_bytes());
    }

    #[test]
    fn a_document_that_was_changed_is_refused_when_serde_json_refuses_it(
        text in document(),
        changes in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<u8>()), 1..4),
    ) {
        let mut text = text.into_bytes();
        changes.into_iter().for_each(|(kind, at, with)| mutate(&mut text, kind, at, with));
        agree(&text);
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_judges_them(text in proptest::collection::vec(any::<u8>(), 0..24)) {
        agree(&text);
        agree(&[b"\"", &text[..], b"\""].concat());
    }
}

#[test]
fn a_captured_config_that_was_changed_is_refused_when_serde_json_refuses_it() {
    let documents = documents();
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    let changes = proptest::collection::vec((any::<u8>(), any::<usize>(), any::<u8>()), 1..4);
    proptest!(config, |(which in 0..documents.len(), changes in changes)| {
        let mut text = documents[which].1.clone();
        changes.into_iter().for_each(|(kind, at, with)| mutate(&mut text, kind, at, with));
        agree(&text);
    });
}
