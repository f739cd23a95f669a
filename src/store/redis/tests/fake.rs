//! A server that answers as it is told: with an error, with half a reply, or not at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What becomes of a request, which is known by its words.
pub(super) type Answer = dyn Fn(&[Vec<u8>]) -> Reply + Send + Sync;

/// What a fake server does after a request.
#[derive(Clone)]
pub(super) enum Reply {
    Send(Vec<u8>),
    /// Sends this much, and closes the connection.
    Cut(Vec<u8>),
    /// Nothing: the client waits.
    Silence,
}

/// A server on a port of its own. Its threads end with the process.
pub(super) struct Fake {
    pub(super) port: u16,
    /// How many connections it has accepted.
    pub(super) accepted: Arc<AtomicUsize>,
}

impl Fake {
    pub(super) fn new(answer: impl Fn(&[Vec<u8>]) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (answer, count): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&accepted));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(stream, &*answer));
            }
        });
        Self { port, accepted }
    }

    /// One that answers every request but those of the connection's set-up with the same.
    pub(super) fn saying(reply: Reply) -> Self {
        Self::new(move |words| if words[0] == b"CLIENT" { ok() } else { reply.clone() })
    }

    pub(super) fn url(&self, options: &str) -> String {
        format!("redis://127.0.0.1:{}?{options}", self.port)
    }
}

pub(super) fn ok() -> Reply {
    Reply::Send(b"+OK\r\n".to_vec())
}

fn serve(mut stream: TcpStream, answer: &Answer) {
    while let Some(words) = request(&mut stream) {
        match answer(&words) {
            Reply::Send(reply) => stream.write_all(&reply).unwrap_or_default(),
            Reply::Cut(reply) => {
                let _ = stream.write_all(&reply);
                return;
            }
            Reply::Silence => {}
        }
    }
}

/// The words of the next request; `None` at the end of the connection.
fn request(stream: &mut TcpStream) -> Option<Vec<Vec<u8>>> {
    (0..number(stream)?)
        .map(|_| {
            let mut word = vec![0; number(stream)? + 2];
            stream.read_exact(&mut word).ok()?;
            word.truncate(word.len() - 2);
            Some(word)
        })
        .collect()
}

/// The number on the next line, behind the sign of its kind.
fn number(stream: &mut TcpStream) -> Option<usize> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        line.push(byte[0]);
    }
    std::str::from_utf8(&line[1..line.len() - 2]).ok()?.parse().ok()
}
