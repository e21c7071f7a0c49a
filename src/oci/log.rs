//! Failures as callers of a runtime read them: a line on stderr, and one more in the file of `--log`.
//!
//! Engines match words, and Go's are in lower case: so are ours of errnos, `no such file or directory (ENOENT)`.

use super::cli::{Opt, Request, Verb};
use super::time;
use crate::fail::Fail;
use crate::fail::go::tell;
use crate::sys::{self, Fd};
use crate::text::Text;

/// vesicle-oci itself failed: what runc exits with.
pub const FAILED: u8 = 1;

/// The same of `exec`, whose command may well exit with 1.
const NOT_EXECUTED: u8 = 255;

fn code(request: &Request) -> u8 {
    if request.verb == Verb::Exec { NOT_EXECUTED } else { FAILED }
}

/// Room for a line: of a message every byte may need an escape of six.
const ROOM: usize = 2048;
const LOG_ROOM: usize = 6 * ROOM + 128;

/// Says it, and gives the exit code.
#[cold]
#[inline(never)]
pub fn report(fail: &Fail<'_>, request: &Request) -> u8 {
    let mut room = [0; ROOM];
    let mut text = Text::on(&mut room);
    tell(fail, text.push(PREFIX));
    log(request, text.get().get(PREFIX.len()..).unwrap_or_default());
    let _ = sys::write(Fd::STDERR, text.put(b'\n').get());
    code(request)
}

/// The same of a message that a container's first process has left.
#[cold]
#[inline(never)]
pub fn report_text(message: &[u8], request: &Request) -> u8 {
    let mut room = [0; ROOM];
    let mut text = Text::on(&mut room);
    text.push(PREFIX).push(message);
    log(request, message);
    let _ = sys::write(Fd::STDERR, text.put(b'\n').get());
    code(request)
}

const PREFIX: &[u8] = b"vesicle-oci: ";

/// The file of `--log`; none where there is none to be had: stderr is left.
pub fn open(request: &Request) -> Option<Fd> {
    let flags = sys::O_WRONLY | sys::O_CREAT | sys::O_APPEND | sys::O_NOCTTY;
    sys::openat(Fd::CWD, request.text(Opt::Log)?, flags, 0o644).ok()
}

/// Appends a line to the log, if there is one.
#[inline(never)]
fn log(request: &Request, message: &[u8]) {
    if let Some(file) = request.log.or_else(|| open(request)) {
        write(file, request.json(Opt::LogFormat), message);
    }
}

/// Writes a line by one call. Whoever asked for it reads it there.
#[inline(never)]
fn write(file: Fd, json: bool, message: &[u8]) {
    let mut room = [0; LOG_ROOM];
    let mut line = Text::on(&mut room);
    let mut now = [0; time::ROOM];
    let mut time = Text::on(&mut now);
    time::write(&mut time, sys::time_of_day().0, None);
    if json {
        escaped(line.push(b"{\"level\":\"error\",\"msg\":\""), message, true);
        line.push(b"\",\"time\":\"").push(time.get()).push(b"\"}\n");
    } else {
        line.push(b"time=\"").push(time.get()).push(b"\" level=error msg=\"");
        escaped(&mut line, message, false);
        line.push(b"\"\n");
    }
    let _ = sys::write(file, line.get());
    sys::close(file);
}

/// What would end a string gets its backslash; in JSON, what is no ASCII is written by its number, or as U+FFFD where it
/// is no UTF-8.
fn escaped(line: &mut Text<'_>, message: &[u8], json: bool) {
    for chunk in message.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            if byte == b'"' || byte == b'\\' {
                line.put(b'\\');
            }
            line.put(byte);
        }
        if !chunk.invalid().is_empty() {
            line.push(if json { b"\\ufffd" } else { b"?" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fail::{Stage, Why};
    use crate::sys::Errno;
    use crate::sys::ZStr;
    use crate::z;
    use std::ffi::CString;

    fn told(fail: Fail<'_>) -> String {
        let mut room = [0; ROOM];
        let mut text = Text::on(&mut room);
        tell(&fail, &mut text);
        String::from_utf8(text.get().to_vec()).unwrap()
    }

    /// Every word that an engine matches, as it matches it.
    #[test]
    fn engines_find_the_words_that_they_look_for() {
        let of = |why: Why| told(Fail::new(Stage::Container, z!("abc"), why));
        for (why, words) in [
            (Why::NoContainer, "container does not exist"),
            (Why::NotRunning, "container not running"),
            (Why::HasContainer, "container with given ID already exists"),
            (Why::StartStopped, "cannot start a container that has stopped"),
        ] {
            assert_eq!(of(why), format!("container abc: {words}"));
        }
        let exec = |stage, e: Errno| told(Fail::new(stage, z!("nope"), e));
        assert_eq!(exec(Stage::ExecPath, Errno::ENOENT), "exec nope: executable file not found in $PATH");
        assert!(
            exec(Stage::Exec, Errno::ENOENT).starts_with("exec nope: no such file or directory (ENOENT)")
        );
        assert!(exec(Stage::Exec, Errno::EACCES).starts_with("exec nope: permission denied (EACCES)"));
        assert!(exec(Stage::Caps, Errno::EPERM).contains("operation not permitted"));
        assert!(exec(Stage::SendSignal, Errno::ESRCH).contains("no such process"));
    }

    #[test]
    fn a_log_line_has_level_message_and_time() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        let path = CString::new(file.to_str().unwrap()).unwrap();
        let path = ZStr::until_nul(path.as_bytes_with_nul()).unwrap();
        let open =
            || sys::openat(Fd::CWD, path, sys::O_WRONLY | sys::O_CREAT | sys::O_APPEND, 0o644).unwrap();
        write(open(), true, b"a \"quoted\" \\ w\xc3\xb6rd \xff\xfe");
        write(open(), false, b"a \"quoted\" word");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(line["msg"], "a \"quoted\" \\ wörd \u{fffd}\u{fffd}");
        assert_eq!(line["level"], "error");
        let time = line["time"].as_str().unwrap();
        assert!(time.len() == 20 && time.starts_with("20") && time.ends_with('Z'), "{time}");
        assert!(lines[1].starts_with("time=\"20"), "{text}");
        assert!(lines[1].ends_with("Z\" level=error msg=\"a \\\"quoted\\\" word\""), "{text}");
        assert_eq!(lines.len(), 2);
    }
}
