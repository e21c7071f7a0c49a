//! A machine of qemu that runs: what is typed on its console, what it says there, what is plugged in, and how it ends. No
//! guest outlives its deadline, nor the test that started it.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What came from a guest.
#[derive(Default)]
struct Heard {
    console: Vec<u8>,
    qemu: String,
    qmp: Vec<Value>,
    /// How many of its three lines are closed.
    closed: usize,
}
type Ears = Arc<(Mutex<Heard>, Condvar)>;

/// Takes each part of what `parts` has, until there is no more.
fn listen<T>(
    ears: &Ears,
    mut parts: impl FnMut() -> Option<T> + Send + 'static,
    take: impl Fn(&mut Heard, T) + Send + 'static,
) {
    let ears = ears.clone();
    std::thread::spawn(move || {
        loop {
            let part = parts();
            let mut heard = ears.0.lock().expect("ears");
            ears.1.notify_all();
            match part {
                Some(part) => take(&mut heard, part),
                None => return heard.closed += 1,
            }
        }
    });
}

/// What was read at once.
fn bytes(mut from: impl Read) -> impl FnMut() -> Option<Vec<u8>> {
    move || {
        let mut buffer = vec![0; 4096];
        let n = from.read(&mut buffer).unwrap_or(0);
        buffer.truncate(n);
        (n > 0).then_some(buffer)
    }
}

/// A machine that runs; dropped, it is killed.
pub struct Guest {
    child: Child,
    ears: Ears,
    qmp: UnixStream,
    /// What of the console was waited for already.
    seen: usize,
    deadline: Instant,
    shown: String,
}

/// How a machine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    PowerOff,
    Reset,
    Panic,
    Halt,
}

/// A machine that ended, and all that it said on its console.
#[derive(Debug)]
pub struct Ended {
    pub how: How,
    pub log: String,
}

impl Guest {
    /// Starts a machine whose console is its stdin and stdout, and whose protocol is spoken on `socket`.
    pub fn spawn(mut command: Command, socket: &Path, life: Duration) -> Guest {
        let shown = format!("{command:?}");
        let deadline = Instant::now() + life;
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{shown}: {e}"));
        let ears = Ears::default();
        let console = bytes(child.stdout.take().expect("stdout"));
        listen(&ears, console, |heard, bytes| heard.console.extend(bytes.iter().filter(|b| **b != b'\r')));
        let errors = bytes(child.stderr.take().expect("stderr"));
        listen(&ears, errors, |heard, bytes| heard.qemu.push_str(&String::from_utf8_lossy(&bytes)));
        let qmp = loop {
            match UnixStream::connect(socket) {
                Ok(qmp) => break qmp,
                Err(e) => {
                    if Instant::now() > deadline || child.try_wait().expect("wait").is_some() {
                        let _ = child.kill();
                        let _ = child.wait();
                        let said = ears.0.lock().expect("ears").qemu.clone();
                        panic!("{shown}: {e}: {said}");
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        };
        let mut lines = BufReader::new(qmp.try_clone().expect("dup")).lines();
        listen(
            &ears,
            move || lines.next()?.ok(),
            |heard, line| heard.qmp.push(serde_json::from_str(&line).unwrap_or_default()),
        );
        let mut guest = Guest { child, ears, qmp, seen: 0, deadline, shown };
        guest.ask("qmp_capabilities", json!({}));
        guest
    }

    /// Waits until `test` finds something in what was heard, for as long as the guest may live, and runs.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut test: impl FnMut(&Heard) -> Option<T>) -> T {
        let mut heard = self.ears.0.lock().expect("ears");
        loop {
            if let Some(found) = test(&heard) {
                return found;
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || heard.closed == 3 {
                let why = if left.is_zero() { "in time" } else { "before its end" };
                let said = excerpt(&String::from_utf8_lossy(&heard.console)) + &heard.qemu;
                drop(heard);
                panic!("{}\n{what} did not come {why}; it said:\n{said}", self.shown);
            }
            heard = self.ears.1.wait_timeout(heard, left).expect("ears").0;
        }
    }

    /// Waits until the console says `text`, behind what was waited for before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let seen = self.seen;
        let find = |h: &Heard| h.console[seen..].windows(text.len()).position(|w| w == text.as_bytes());
        self.seen += self.until(&format!("{text:?}"), find) + text.len();
    }

    /// Types on the console.
    pub fn type_text(&mut self, text: &str) {
        let line = self.child.stdin.as_mut().expect("stdin");
        line.write_all(text.as_bytes()).and_then(|()| line.flush()).expect("the console");
    }
    pub fn type_line(&mut self, text: &str) {
        self.type_text(&format!("{text}\n"));
    }

    /// A command of qemu's machine protocol, and its answer.
    pub fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let before = self.ears.0.lock().expect("ears").qmp.len();
        let line = json!({ "execute": command, "arguments": arguments }).to_string();
        self.qmp.write_all(line.as_bytes()).expect("qmp");
        let reply = self.until(&format!("the answer to {line}"), |h| {
            h.qmp[before..].iter().find(|v| v.get("return").is_some() || v.get("error").is_some()).cloned()
        });
        assert!(reply.get("error").is_none(), "{line}: {reply}");
        reply["return"].clone()
    }

    /// The keys that ask for a reboot.
    pub fn ctrl_alt_del(&mut self) {
        let keys = ["ctrl", "alt", "delete"].map(|k| json!({ "type": "qcode", "data": k }));
        self.ask("send-key", json!({ "keys": keys }));
    }

    /// Waits until it is off, has reset, or stands still with its processors halted.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let how = self.until("the end", |h| {
            let log = String::from_utf8_lossy(&h.console);
            let reason = h.qmp.iter().find(|v| v["event"] == "SHUTDOWN").map(|v| v["data"]["reason"].clone());
            match reason {
                _ if log.contains("reboot: System halted") => Some(How::Halt),
                _ if h.closed < 3 => None,
                _ if log.contains("Kernel panic") => Some(How::Panic),
                Some(reason) if reason == "guest-shutdown" => Some(How::PowerOff),
                Some(reason) if reason == "guest-reset" => Some(How::Reset),
                _ => None,
            }
        });
        let log = String::from_utf8_lossy(&self.ears.0.lock().expect("ears").console).into_owned();
        Ended { how, log }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of a log without measure, its beginning and its end.
fn excerpt(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let first = lines.len().min(20);
    let last = lines.len().saturating_sub(60).max(first);
    let left_out = if last > first { format!("... {} lines ...\n", last - first) } else { String::new() };
    format!("{}\n{left_out}{}\n", lines[..first].join("\n"), lines[last..].join("\n"))
}

impl Ended {
    #[track_caller]
    pub fn how(&self, how: How) -> &Self {
        assert!(self.how == how, "it ended by {:?}, not {how:?}; it said:\n{}", self.how, excerpt(&self.log));
        self
    }
    /// The console said one line that is as it is to be.
    #[track_caller]
    fn once(&self, what: &str, test: impl Fn(&str) -> bool) -> &Self {
        let n = self.log.lines().filter(|l| test(l)).count();
        assert!(n == 1, "{n} lines {what:?} and not one; it said:\n{}", excerpt(&self.log));
        self
    }
    /// The console said this line, from its beginning to its end, once.
    #[track_caller]
    pub fn line(&self, line: &str) -> &Self {
        self.once(line, |l| l == line)
    }
    /// The line about COMMAND's end, whatever COMMAND is, once.
    #[track_caller]
    pub fn ended(&self, what: &str) -> &Self {
        self.once(what, |l| l.starts_with("vesicle: ") && l.ends_with(&format!(" ended: {what}")))
    }
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.log.contains(text), "it did not say {text:?}, but:\n{}", excerpt(&self.log));
        self
    }
    #[track_caller]
    pub fn silent_of(&self, text: &str) -> &Self {
        assert!(!self.log.contains(text), "it said {text:?}:\n{}", excerpt(&self.log));
        self
    }
    /// What stands behind `name=` in the line that begins with it.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        let found = self.log.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no line {name}=; it said:\n{}", excerpt(&self.log)))
    }
    #[track_caller]
    pub fn number(&self, name: &str) -> i64 {
        self.value(name).parse().unwrap_or_else(|e| panic!("{name}={}: {e}", self.value(name)))
    }
}
