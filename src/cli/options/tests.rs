use super::*;

#[test]
fn every_option_is_found_by_its_name_and_no_name_stands_twice() {
    assert_eq!(ROWS.len(), COUNT);
    for (i, row) in ROWS.iter().enumerate() {
        let mut found = [false, true].into_iter().filter_map(|bwrap| find(row.name.as_bytes(), bwrap));
        let (opt, kind) = found.next().unwrap();
        assert_eq!((opt, kind), (Opt(i as u8), row.kind), "{}", row.name);
        assert_eq!(
            row.values.split(' ').filter(|v| !v.is_empty()).count(),
            match kind {
                SWITCH => 0,
                #[cfg(feature = "overlay")]
                THREE => 3,
                kind => 1 + usize::from(kind & AND_TEXT != 0),
            }
        );
    }
    for no in ["", "bin", "bindx", "-bind", "BIND"] {
        assert!(find(no.as_bytes(), false).is_none(), "{no}");
    }
}

#[test]
#[cfg(feature = "help")]
fn the_usage_text_names_every_option() {
    let mut room = [0; 16384];
    let mut text = Text::on(&mut room);
    help(&mut text, false);
    let text = std::str::from_utf8(text.get()).unwrap();
    assert!(text.ends_with("failed.\n"));
    for (place, row) in ROWS.iter().enumerate() {
        if !knows(false, place) {
            assert!(!text.contains(&format!("  --{} ", row.name)), "{}", row.name);
            continue;
        }
        // What may stand behind it stands right behind it.
        let space = if row.values.starts_with('[') { "" } else { " " };
        assert!(text.contains(&format!("  --{}{space}{}", row.name, row.values)), "{}", row.name);
    }
    assert!(text.lines().all(|l| l.len() <= 110), "a line fits a terminal");
}
