//! What a bus says, from the handshake on: in a message by itself, and in a talk.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use vesicle::oci::dbus::{Bus, Incoming, Parser, Peer};
use vesicle_fuzz::word;

const PEER: Peer = Peer { name: b"a.b", path: b"/a", interface: b"a.b" };

/// Who says it, to whoever comes to the socket at that path.
fn server() -> (Sender<Vec<u8>>, PathBuf) {
    let path = tempfile::tempdir().expect("a directory").keep().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let (sender, receiver) = channel::<Vec<u8>>();
    std::thread::spawn(move || {
        for says in receiver {
            let (mut stream, _) = listener.accept().expect("somebody");
            let _ = stream.write_all(&says);
        }
    });
    (sender, path)
}

thread_local!(static SERVER: (Sender<Vec<u8>>, PathBuf) = server());

/// A few values of each kind.
fn values(body: &[u8]) {
    let mut parser = Parser::of(body);
    while parser.text().is_some() {}
    let mut parser = Parser::of(body);
    while parser.number32().is_some() {}
}

fuzz_target!(|says: &[u8]| {
    if let Some(message) = Incoming::read(says) {
        values(message.body);
    }
    SERVER.with(|(sender, path)| {
        sender.send([b"DATA\r\nOK 1\r\n", says].concat()).expect("a server");
        let path = word(path.to_str().expect("UTF-8"));
        let Ok(mut bus) = Bus::connect(path, says.len() % 2 == 1, b"type='signal'") else { return };
        while let Ok(call) = bus.compose(&PEER, b"M", b"") {
            match bus.call(call) {
                Ok(Ok(body)) => values(body),
                Ok(Err((name, text))) => assert!(name.len() + text.len() <= says.len()),
                Err(_) => break,
            }
        }
        let _ = bus.signal(b"S", &mut |body| {
            values(body);
            None::<()>
        });
        bus.close();
    });
});
