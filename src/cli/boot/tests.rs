//! What is asked for, from words alone.

use super::*;

/// Words that stand one behind the other, as a file or the arguments do.
fn block(words: &[&str]) -> &'static [u8] {
    let text: String = words.iter().flat_map(|w| [*w, "\0"]).collect();
    Box::leak(text.into_bytes().into_boxed_slice())
}

fn z(word: &str) -> ZStr<'static> {
    ZStr::until_nul(block(&[word])).unwrap()
}

fn read(list: &[&str]) -> Result<Boot, Fail<'static>> {
    let mut boot = Boot::default();
    words(block(list), &mut boot).map(|()| boot)
}

fn command(boot: &Boot) -> Vec<&str> {
    boot.command.iter().map(|w| std::str::from_utf8(w.unwrap().bytes()).unwrap()).collect()
}

#[test]
fn options_end_where_command_begins() {
    let boot =
        read(&["--on-exit", "halt", "--root=LABEL=a=b", "--rescue", "sh", "--on-exit", "panic"]).unwrap();
    assert!(boot.on_exit == OnExit::Halt && boot.rescue);
    assert_eq!(boot.root, Some(z("LABEL=a=b")));
    assert_eq!(command(&boot), ["sh", "--on-exit", "panic"]);
    assert_eq!(command(&read(&["--", "--odd", "x"]).unwrap()), ["--odd", "x"]);
    assert_eq!(command(&read(&["", "--rescue", "", "a", "", "b"]).unwrap()), ["a", "", "b"]);
    assert_eq!(command(&read(&[]).unwrap()), [""; 0]);
    assert_eq!(command(&read(&["run", "/", "sh"]).unwrap()), ["vesicle", "run", "/", "sh"]);
}

#[test]
fn what_comes_later_takes_the_place_of_what_came_before() {
    let mut boot = read(&["--on-exit", "halt", "--grace", "1", "old", "words"]).unwrap();
    parameter(z("vesicle.on-exit=reboot"), &mut boot).unwrap();
    parameter(z("vesicle.root-wait=2.5"), &mut boot).unwrap();
    parameter(z("vesicle.rescue"), &mut boot).unwrap();
    for other in ["quiet", "root=/dev/vda", "vesicle", "x.vesicle.grace=7"] {
        parameter(z(other), &mut boot).unwrap();
    }
    assert!(boot.on_exit == OnExit::Reboot && boot.rescue);
    assert_eq!((boot.root_wait, boot.grace, boot.root), (2_500_000_000, 1_000_000_000, None));
    words(block(&["new"]), &mut boot).unwrap();
    assert_eq!(command(&boot), ["new"]);
    words(block(&[]), &mut boot).unwrap();
    assert_eq!(command(&boot), ["new"], "no words change nothing");
}

#[test]
fn what_makes_no_sense_is_named() {
    let refused = |list: &[&str], subject: &str, why: Why| {
        let failure = read(list).err().unwrap();
        assert_eq!(failure, Fail::new(failure_stage(why), z(subject), why), "{list:?}");
    };
    fn failure_stage(why: Why) -> Stage {
        if why == Why::TooManyWords { Stage::Argument } else { Stage::Option }
    }
    refused(&["--nosuch"], "--nosuch", Why::Unknown);
    refused(&["-v"], "-v", Why::Unknown);
    refused(&["--root"], "--root", Why::NoValue);
    refused(&["--root="], "--root=", Why::NoValue);
    refused(&["--rescue=1"], "--rescue=1", Why::TakesNone);
    refused(&["--on-exit=off"], "--on-exit=off", Why::OnExit);
    refused(&["--grace", "-1"], "--grace", Why::Number);
    refused(&["--root-wait", "1m"], "--root-wait", Why::Number);
    let many: Vec<String> = (0..129).map(|n| format!("w{n}")).collect();
    let many: Vec<&str> = many.iter().map(|w| &**w).collect();
    assert!(read(&many[..128]).is_ok());
    refused(&many, "w128", Why::TooManyWords);
    for bad in ["vesicle.nosuch=1", "vesicle.", "vesicle.root", "vesicle.rescue=yes", "vesicle.on-exit="] {
        assert!(parameter(z(bad), &mut Boot::default()).is_err(), "{bad}");
    }
}

#[test]
fn complaint_shows_the_value_unless_its_word_does() {
    for (list, value) in [(&["--on-exit", "off"][..], Some(z("off"))), (&["--on-exit=off"], None)] {
        let mut boot = Boot::default();
        assert!(words(block(list), &mut boot).is_err());
        assert_eq!(boot.value, value);
    }
}

#[test]
fn words_that_the_kernel_does_not_know_are_not_ours() {
    // Our arguments, in three: those of a script, the kernel's unknown ones, and how many of its others were handed on.
    let parts = |args: &[&str], at: usize, line: &[&str]| {
        let stack = Stack::for_test(args, &[], 0);
        let (own, ours) = halves(block(line));
        let mut foreign = at..at;
        let handed = find_foreign(stack, own, ours, &mut foreign);
        let text = |n: usize| String::from_utf8(stack.arg(n).unwrap().bytes().to_vec()).unwrap();
        let script: Vec<String> = (at..foreign.start).map(text).collect();
        let foreign: Vec<String> = foreign.map(text).collect();
        (script.join(" "), foreign.join(" "), if handed { count(ours) } else { 0 })
    };
    let told = |script: &str, foreign: &str, n| (script.to_string(), foreign.to_string(), n);
    assert_eq!(parts(&["init", "splash", "sh"], 1, &["quiet", "splash", "--", "sh"]), told("", "splash", 1));
    assert_eq!(
        parts(&["init", "sh"], 1, &["sh", "--", "sh"]),
        told("", "", 1),
        "as many as stand behind the dashes"
    );
    assert_eq!(parts(&["init", "splash"], 1, &["splash", "quiet"]), told("", "splash", 0));
    assert_eq!(parts(&["init", "app", "x"], 1, &["quiet"]), told("app x", "", 0), "a script's own words");
    assert_eq!(parts(&["init"], 1, &["a", "--", "b"]), told("", "", 0), "which hands on nothing");
    assert_eq!(parts(&["init", "x"], 1, &[]), told("x", "", 0));
    assert_eq!(
        parts(&["v", "boot", "--grace", "1", "splash", "sh"], 2, &["splash", "--", "sh"]),
        told("--grace 1", "splash", 1),
        "a script's own, and those that it hands on"
    );
    assert_eq!(
        parts(
            &["init", "splash", "--on-exit", "halt"],
            1,
            &["splash", "--", "--on-exit", "halt", "--", "sh", "-c"]
        ),
        told("", "splash", 5),
        "the kernel stops at the second dashes"
    );
}

fn count(mut rest: &'static [u8]) -> usize {
    std::iter::from_fn(|| word(&mut rest)).count()
}

#[test]
fn name_init_is_boot_unless_a_command_follows() {
    for (args, is) in [
        (&["/sbin/init"][..], true),
        (&["init", "sh"], true),
        (&["/init", "run", "/", "sh"], true),
        (&["/sbin/init", "init", "--", "sh"], false),
        (&["/init", "boot"], false),
        (&["/init", "--version"], true),
        (&["/vesicle"], false),
        (&["/init2"], false),
        (&[], false),
    ] {
        let stack = Stack::for_test(args, &[], 0);
        assert_eq!(is_named_init(crate::cli::called(stack), stack), is, "{args:?}");
    }
}
