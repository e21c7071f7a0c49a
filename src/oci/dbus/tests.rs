use super::message::length;
use super::*;
use proptest::prelude::*;
use std::ffi::CString;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

const MANAGER: Peer = Peer {
    name: b"org.freedesktop.systemd1",
    path: b"/org/freedesktop/systemd1",
    interface: b"org.freedesktop.systemd1.Manager",
};

/// What busctl(1) of systemd 252 sends for the call below, but for its flags.
const REFERENCE: &str = "\
    6c0100011801000002000000b600000001016f00190000002f6f72672f667265656465736b746f702f73797374656d643100\
    000000000000030173001200000053746172745472616e7369656e74556e697400000000000002017300200000006f72672e\
    667265656465736b746f702e73797374656d64312e4d616e61676572000000000000000006017300180000006f72672e6672\
    65656465736b746f702e73797374656d64310000000000000000080167001073736128737629612873612873762929000000\
    09000000612d622e73636f7065000000040000006661696c00000000ed00000005000000536c696365000173000000000c00\
    000073797374656d2e736c69636500000000000000000800000044656c656761746500016200010000000000000004000000\
    504944730002617500000000080000006712000007000000000000000b000000416c6c6f7765644350557300026179000200\
    00000780000000000000090000004d656d6f72794d6178000174000000000000000000001000000000000a0000004b696c6c\
    5369676e616c000169000000f1ffffff030000004f6464000261730016000000010000006100000009000000622e73657276\
    696365000000040000004279746500017900ff0000000000000000000000";

fn reference() -> Vec<u8> {
    let digits = REFERENCE.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// `StartTransientUnit ssa(sv)a(sa(sv)) a-b.scope fail 8 Slice s system.slice Delegate b true PIDs au 2 4711 7
/// AllowedCPUs ay 2 7 128 MemoryMax t 1048576 KillSignal i -15 Odd as 2 a b.service Byte y 255 0`
#[test]
fn a_call_is_what_others_send() {
    fn property(message: &mut Message, name: &str, signature: &str) {
        message.align(8);
        message.text(name.as_bytes());
        message.signature(signature.as_bytes());
    }
    let room = sys::room(ROOM).unwrap();
    let mut message = Message::call(room, 2, &MANAGER, b"StartTransientUnit", b"ssa(sv)a(sa(sv))");
    let m = &mut message;
    m.text(b"a-b.scope");
    m.text(b"fail");
    let list = m.open(8);
    property(m, "Slice", "s");
    m.text(b"system.slice");
    property(m, "Delegate", "b");
    m.number32(1);
    property(m, "PIDs", "au");
    let pids = m.open(4);
    m.number32(4711);
    m.number32(7);
    m.close(pids);
    property(m, "AllowedCPUs", "ay");
    let bits = m.open(1);
    m.bytes(&[7, 128]);
    m.close(bits);
    property(m, "MemoryMax", "t");
    m.number(1 << 20, 8);
    property(m, "KillSignal", "i");
    m.number(-15i64 as u64, 4);
    property(m, "Odd", "as");
    let texts = m.open(4);
    m.text(b"a");
    m.text(b"b.service");
    m.close(texts);
    property(m, "Byte", "y");
    m.byte(255);
    m.close(list);
    let others = m.open(8);
    m.close(others);
    assert_eq!(message.done().unwrap(), reference());
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let room = Box::leak(vec![0; 300].into_boxed_slice());
    let mut message = Message::call(room, 1, &MANAGER, b"StopUnit", b"ss");
    assert!(message.done().is_some());
    message.text(&[b'x'; 300]);
    assert!(message.done().is_none());
}

#[test]
fn a_message_is_read_as_far_as_it_goes() {
    let bytes = reference();
    assert_eq!(length(&bytes), Some(bytes.len()));
    let message = Incoming::read(&bytes).unwrap();
    assert_eq!((message.kind, message.member), (1, &b"StartTransientUnit"[..]));
    assert_eq!(message.signature, b"ssa(sv)a(sa(sv))");
    let mut body = Parser::of(message.body);
    assert_eq!((body.text(), body.text()), (Some(&b"a-b.scope"[..]), Some(&b"fail"[..])));
    for len in 0..16 {
        assert_eq!(length(&bytes[..len]), None);
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_is_believed(at in 0usize..300, byte: u8, len in 0usize..600, noise: Vec<u8>) {
        let mut bytes = reference();
        bytes[at] = byte;
        bytes.truncate(len);
        for bytes in [&bytes, &noise] {
            let _ = length(bytes);
            if let Some(message) = Incoming::read(bytes) {
                let mut body = Parser::of(message.body);
                while body.text().is_some() {}
            }
        }
    }
}

/// A message of somebody else's: its kind, the fields of its header and its body.
fn message(kind: u8, answers: u32, fields: &[(u8, char, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = vec![];
    let pad = |bytes: &mut Vec<u8>, to: usize| bytes.resize(bytes.len().next_multiple_of(to), 0);
    if answers != 0 {
        head.extend([5, 1, b'u', 0]);
        head.extend(answers.to_le_bytes());
    }
    for (field, kind, text) in fields {
        pad(&mut head, 8);
        head.extend([*field, 1, *kind as u8, 0]);
        match kind {
            'g' => head.push(text.len() as u8),
            _ => head.extend((text.len() as u32).to_le_bytes()),
        }
        head.extend(text.bytes().chain([0]));
    }
    let mut bytes = vec![b'l', kind, 0, 1];
    for number in [body.len(), 77, head.len()] {
        bytes.extend((number as u32).to_le_bytes());
    }
    bytes.extend(head);
    pad(&mut bytes, 8);
    bytes.extend(body);
    bytes
}

fn texts(texts: &[&str]) -> Vec<u8> {
    let mut bytes = vec![];
    for text in texts {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.bytes().chain([0]));
    }
    bytes
}

/// A server that says that, a few bytes at a time, once it has heard the handshake.
fn server(is_bus: bool, says: Vec<u8>) -> sys::Result<Bus> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _): (UnixStream, _) = listener.accept().unwrap();
        let mut handshake = [0; 29];
        stream.read_exact(&mut handshake).unwrap();
        assert!(handshake.starts_with(b"\0AUTH EXTERNAL\r\nDATA\r\n"));
        for piece in says.chunks(7) {
            if stream.write_all(piece).is_err() {
                return;
            }
        }
        let _ = stream.read_to_end(&mut vec![]);
    });
    let path = CString::new(path.to_str().unwrap()).unwrap();
    Bus::connect(ZStr::until_nul(path.as_bytes_with_nul()).unwrap(), is_bus, b"type='signal'")
}

const WELCOME: &[u8] = b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n";

fn ask(bus: &mut Bus) -> sys::Result<Answer<'_>> {
    let call = bus.compose(&MANAGER, b"Anything", b"").unwrap();
    bus.call(call)
}

#[test]
fn an_answer_is_found_among_what_else_is_said() {
    let says = [
        WELCOME,
        &message(4, 0, &[(3, 's', "UnitNew"), (8, 'g', "s")], &texts(&["x"])),
        &message(2, 9, &[(8, 'g', "s")], &texts(&["not for us"])),
        &message(2, 1, &[(8, 'g', "o")], &texts(&["/job/1"])),
        &message(4, 0, &[(3, 's', "JobRemoved"), (8, 'g', "s")], &texts(&["another"])),
        &message(4, 0, &[(3, 's', "JobRemoved"), (8, 'g', "s")], &texts(&["ours"])),
        &message(3, 2, &[(4, 's', "a.b.Bad"), (8, 'g', "s")], &texts(&["it is bad"])),
        &message(3, 3, &[(4, 's', "a.b.Silent")], &[]),
    ];
    let mut bus = server(false, says.concat()).unwrap();
    assert_eq!(ask(&mut bus).unwrap().map(|body| Parser::of(body).text()), Ok(Some(&b"/job/1"[..])));
    let found =
        bus.signal(b"JobRemoved", &mut |body| Parser::of(body).text().filter(|t| *t == b"ours").map(|_| 5));
    assert_eq!(found, Ok(5));
    assert_eq!(ask(&mut bus).unwrap(), Err((&b"a.b.Bad"[..], &b"it is bad"[..])));
    assert_eq!(ask(&mut bus).unwrap(), Err((&b"a.b.Silent"[..], &b""[..])));
    bus.close();
}

#[test]
fn on_a_bus_there_is_a_name_and_a_wish_first() {
    let hello = message(2, 1, &[(8, 'g', "s")], &texts(&[":1.1"]));
    let says = [WELCOME, &hello, &message(2, 2, &[], &[]), &message(2, 3, &[], &[])];
    let mut bus = server(true, says.concat()).unwrap();
    assert_eq!(ask(&mut bus).unwrap(), Ok(&b""[..]));
    bus.close();
}

#[test]
fn what_is_no_answer_ends_the_talk() {
    assert!(matches!(server(false, b"REJECTED EXTERNAL\r\n".to_vec()), Err(Errno::EPERM)));
    let large = [b'l', 2, 0, 1, 0, 0, 0, 16, 1, 0, 0, 0, 0, 0, 0, 0];
    for (says, why) in [(&large[..], Errno::E2BIG), (b"B", Errno::EINVAL), (b"HTTP/1.1", Errno::EINVAL)] {
        let mut bus = server(false, [WELCOME, says].concat()).unwrap();
        assert_eq!(ask(&mut bus), Err(why));
        bus.close();
    }
}
