//! A proxy that lets requests through, and of each reply only some bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

pub(super) struct Proxy {
    address: String,
    /// How many bytes of each reply pass.
    passing: Arc<AtomicUsize>,
    /// Whether the next reply is cut before its first byte.
    cutting: Arc<AtomicBool>,
}

/// What happens after the bytes that pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Close,
    /// The connection stays open, and nothing more comes.
    Silence,
}

impl Proxy {
    /// A proxy to a server, which lets everything through until it is told otherwise.
    pub(super) fn to(server: &str, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let passing = Arc::new(AtomicUsize::new(usize::MAX));
        let cutting = Arc::new(AtomicBool::new(false));
        let proxy = Self { address, passing, cutting };
        let (server, passing, cutting) =
            (server.to_owned(), Arc::clone(&proxy.passing), Arc::clone(&proxy.cutting));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (server, passing, cutting) = (server.clone(), Arc::clone(&passing), Arc::clone(&cutting));
                thread::spawn(move || relay(&client.unwrap(), &server, &passing, &cutting, then));
            }
        });
        proxy
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn pass(&self, bytes: usize) {
        self.passing.store(bytes, Ordering::SeqCst);
    }

    pub(super) fn cut_next(&self) {
        self.cutting.store(true, Ordering::SeqCst);
    }
}

/// Relays a connection until it is over. One write of either side is a request or a reply.
fn relay(mut client: &TcpStream, server: &str, passing: &AtomicUsize, cutting: &AtomicBool, then: Then) {
    let mut server = TcpStream::connect(server).unwrap();
    let mut bytes = vec![0; 1 << 16];
    while let Ok(length @ 1..) = client.read(&mut bytes) {
        server.write_all(&bytes[..length]).unwrap();
        let Ok(length @ 1..) = server.read(&mut bytes) else { break };
        let passing = if cutting.swap(false, Ordering::SeqCst) { 0 } else { passing.load(Ordering::SeqCst) };
        if passing < length {
            let _ = client.write_all(&bytes[..passing]);
            if then == Then::Silence {
                let _ = client.read(&mut bytes);
            }
            break;
        }
        if client.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
