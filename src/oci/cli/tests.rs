use super::*;
use std::fmt::Write;

/// Reads a command line: what was asked for, or why not.
fn read(line: &str) -> Result<Request, String> {
    let args: Vec<&str> = std::iter::once("vesicle-oci").chain(line.split_whitespace()).collect();
    let mut request = Request::new(Stack::for_test(&args, &["PATH=/bin"], 0));
    request.read().map(|()| request).map_err(|fail| {
        let mut room = [0; 2048];
        let mut text = crate::text::Text::on(&mut room);
        fail.tell(None, &mut text);
        String::from_utf8(text.get().to_vec()).unwrap()
    })
}

fn good(line: &str) -> Request {
    read(line).unwrap_or_else(|why| panic!("{line}: {why}"))
}

fn text(request: &Request, opt: Opt) -> String {
    request.text(opt).map_or("-".into(), |text| String::from_utf8_lossy(text.bytes()).into())
}

fn list(strings: Strings<'_>) -> String {
    let mut out = String::new();
    // The array ends in a null, and so does the list of words that this was made from.
    if let Some(first) = strings.first() {
        write!(out, "{}", String::from_utf8_lossy(first.bytes())).unwrap();
    }
    out
}

#[test]
fn what_engines_call_is_understood() {
    let podman = good("--log-format=json --log /l create --bundle /b --pid-file /p --console-socket /s abc");
    assert_eq!(podman.verb, Verb::Create);
    assert!(podman.json(Opt::LogFormat) && podman.id.is(b"abc"));
    assert_eq!([text(&podman, Opt::Bundle), text(&podman, Opt::PidFile)], ["/b", "/p"]);
    assert_eq!([text(&podman, Opt::Log), text(&podman, Opt::ConsoleSocket)], ["/l", "/s"]);
    let shim = good("--root /r --log /l --log-format json --systemd-cgroup kill --all abc 9");
    assert!(shim.verb == Verb::Kill && shim.has(Opt::All) && shim.has(Opt::SystemdCgroup));
    assert!(shim.operand.is_some_and(|signal| signal.is(b"9")));
    let exec = good("exec --process /f --detach --pid-file /p abc");
    assert!(exec.verb == Verb::Exec && exec.has(Opt::Detach) && text(&exec, Opt::Process) == "/f");
    let update = good("update --resources - abc");
    assert_eq!(text(&update, Opt::Resources), "-");
    assert!(good("ps --format json abc").json(Opt::Format));
    let slurm = good("run abc -b /b");
    assert!(slurm.id.is(b"abc") && text(&slurm, Opt::Bundle) == "/b");
    assert!(good("delete --force abc").has(Opt::Force));
    assert!(good("list -f json").json(Opt::Format));
    assert_eq!(good("--version").verb, Verb::Version);
    assert_eq!(good("-v").verb, Verb::Version);
    for help in ["", "--help", "-h", "state --help", "kill -h"] {
        assert_eq!(good(help).verb, Verb::Help, "{help}");
    }
    assert_eq!(good("spec --rootless -b x").verb, Verb::Spec);
    assert_eq!(good("features").verb, Verb::Features);
}

#[test]
fn what_stands_behind_id_is_the_commands_own() {
    let exec = good("exec -e A=1 --env B=2 -t=true -g 5 -g=6 abc sh -e C=3");
    let all =
        |opt| exec.all(opt).map(|v| String::from_utf8_lossy(v.bytes()).into_owned()).collect::<Vec<_>>();
    assert_eq!(all(Opt::Env), ["A=1", "B=2"]);
    assert_eq!(all(Opt::AdditionalGids), ["5", "6"]);
    assert!(exec.has(Opt::Tty));
    assert_eq!(list(exec.rest()), "sh");
    assert_eq!(list(good("ps abc -ef").rest()), "-ef");
    assert_eq!(list(good("exec abc -- sh").rest()), "--");
    assert!(good("exec abc").rest().first().is_none());
    let run = good("run -b x abc --preserve-fds 3 --detach");
    assert!(run.has(Opt::Detach) && run.number(Opt::PreserveFds) == 3);
    assert!(run.all(Opt::Bundle).next().is_some_and(|b| b.is(b"x")));
}

#[test]
fn options_are_written_as_go_reads_them() {
    assert!(!good("kill --all=false abc").has(Opt::All));
    assert!(good("kill -all abc").has(Opt::All));
    assert!(good("kill --all=true abc").has(Opt::All));
    assert_eq!(text(&good("create -bundle /x abc"), Opt::Bundle), "/x");
    assert_eq!(text(&good("create -b=/x -- abc"), Opt::Bundle), "/x");
    assert_eq!(text(&good("create --bundle= abc"), Opt::Bundle), "");
    assert_eq!(text(&good("create --bundle --pid-file abc"), Opt::Bundle), "--pid-file");
    for rootless in ["--rootless", "--rootless=auto", "--rootless true", "--criu x", "--debug", "--no-pivot"]
    {
        assert_eq!(good(&format!("{rootless} state abc")).verb, Verb::State, "{rootless}");
    }
}

#[test]
fn mistakes_are_told_by_name() {
    for (line, said) in [
        ("state", "argument state: the container's ID is missing"),
        ("kill --all", "argument kill: the container's ID is missing"),
        ("state a b", "argument b: one argument too many"),
        ("kill a 9 9", "argument 9: one argument too many"),
        ("list a", "argument a: one argument too many"),
        ("restore a", "argument restore: not a verb that it has"),
        ("--nope state a", "option --nope: unknown"),
        ("state --bundle x a", "option --bundle: unknown"),
        ("--bundle x state a", "option --bundle: unknown"),
        ("create a --bundle", "option --bundle: needs a value"),
        ("create --preserve-fds -1 a", "option --preserve-fds: not a number that it takes"),
        ("create --preserve-fds 4294967296 a", "option --preserve-fds: not a number that it takes"),
        ("create --preserve-fds= a", "option --preserve-fds=: not a number that it takes"),
        ("exec -g 0x1 a", "option -g: not a number that it takes"),
        ("list -f yaml", "option -f: not table or json"),
        ("--log-format xml list", "option --log-format: not text or json"),
        ("kill --all=maybe a", "option --all=maybe: not true or false"),
        ("--rootless=maybe list", "option --rootless=maybe: not true or false"),
    ] {
        let why = read(line).err().unwrap_or_else(|| panic!("{line} is taken"));
        assert!(why.starts_with(&format!("vesicle: {said}")), "{line}: {why}");
    }
}

#[test]
fn ids_are_names_of_directories() {
    let long = "a".repeat(1024);
    for id in ["a", "A0_+.-z", "...", "..a", ".a", long.as_str()] {
        assert!(good(&format!("state {id}")).id.is(id.as_bytes()), "{id}");
    }
    let longer = "a".repeat(1025);
    for id in [".", "..", "a/b", "/", "a b/", "a\u{e9}", "a:b", "a\n/", "*", longer.as_str()] {
        let line = format!("state {}", id.replace(' ', "\u{1}"));
        assert!(read(&line).is_err(), "{id}");
    }
    let args = ["vesicle-oci", "state", ""];
    assert!(Request::new(Stack::for_test(&args, &[], 0)).read().is_err());
}

#[test]
fn where_to_log_is_known_when_the_rest_is_wrong() {
    let args = ["vesicle-oci", "--log", "/l", "--log-format", "json", "state", "--nope", "a"];
    let mut request = Request::new(Stack::for_test(&args, &[], 0));
    assert!(request.read().is_err());
    assert!(text(&request, Opt::Log) == "/l" && request.json(Opt::LogFormat));
}
