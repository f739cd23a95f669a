//! A connection to a server. Each exchange has a time limit.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
use std::time::{Duration, Instant};

use super::protocol::{self, Head, Reply};
use super::servers::{Address, Family};

/// The longest first line of a reply.
const LONGEST_LINE: usize = 2048;

/// The size of the buffer for what comes, unless a larger value comes.
const CHUNK: usize = 8192;

/// A larger buffer is given back after its value.
const LARGEST_BUFFER: usize = 1 << 16;

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The reason why there is no reply. Nobody knows what comes next on the connection, and it is to be dropped.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server has not got the whole request, and so it has done nothing.
    NotSent(io::Error),
    /// The server may have done what was asked.
    NoReply(io::Error),
    /// The server does not do what was asked. These are its words.
    Refused(String),
}

impl Failure {
    /// Whether the request may be sent once more: it did nothing the first time, and the server let no time pass.
    pub(super) fn is_repeatable(&self, is_change: bool) -> bool {
        match self {
            Self::NotSent(error) => error.kind() != io::ErrorKind::TimedOut,
            Self::NoReply(error) => !is_change && error.kind() != io::ErrorKind::TimedOut,
            Self::Refused(_) => false,
        }
    }

    /// The same, of what came before the request.
    pub(super) fn before(self) -> Self {
        match self {
            Self::NoReply(error) => Self::NotSent(error),
            other => other,
        }
    }
}

/// A connection.
pub(super) struct Connection {
    stream: Stream,
    /// The bytes received and not yet read are in `buffer[start..end]`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The time limit of an exchange.
    limit: Duration,
    /// The time limit that the socket has for one call.
    armed: Duration,
    /// The most bytes of an item, once the server was asked for it.
    largest: Option<u64>,
}

impl Connection {
    /// Connects. A host that has several addresses is tried at each of them, within one time limit.
    pub(super) fn open(address: &Address, connect: Duration, limit: Duration) -> io::Result<Self> {
        let stream = match address {
            Address::Tcp { host, port, family, .. } => {
                Stream::Tcp(connect_to(host, *port, *family, connect)?)
            }
            #[cfg(unix)]
            Address::Unix(path) => Stream::Unix(connect_to_socket(path, connect)?),
        };
        let (buffer, armed) = (Vec::new(), Duration::ZERO);
        let mut connection = Self { stream, buffer, start: 0, end: 0, limit, armed, largest: None };
        connection.arm(limit)?;
        Ok(connection)
    }

    /// Whether nothing has come since the last reply: neither the end of the connection nor a late reply.
    pub(super) fn is_quiet(&self) -> bool {
        self.start == self.end && self.stream.is_quiet()
    }

    /// Sends a request and receives its reply.
    pub(super) fn exchange(&mut self, request: &[u8]) -> Result<Reply, Failure> {
        self.ask(request, Self::reply)?.map_err(Failure::Refused)
    }

    /// Runs a command that is answered by one word.
    pub(super) fn command(&mut self, command: &[u8], done: &str) -> Result<(), Failure> {
        let answer = self.ask(command, |connection, deadline| {
            Ok(String::from_utf8_lossy(connection.line(deadline)?).into_owned())
        })?;
        if answer == done { Ok(()) } else { Err(Failure::Refused(protocol::shown(&answer))) }
    }

    /// The most bytes of an item on this server, or `u64::MAX` if it does not say.
    pub(super) fn largest(&mut self) -> Result<u64, Failure> {
        if let Some(largest) = self.largest {
            return Ok(largest);
        }
        let largest = self.ask(b"stats settings\r\n", |connection, deadline| {
            let mut largest = u64::MAX;
            loop {
                let line = String::from_utf8_lossy(connection.line(deadline)?).into_owned();
                match line.strip_prefix("STAT ").map(|setting| setting.split_once(' ')) {
                    Some(Some(("item_size_max", value))) => largest = value.parse().unwrap_or(largest),
                    Some(_) => {}
                    None if line == "END" => return Ok(largest),
                    None => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
        })?;
        self.largest = Some(largest);
        Ok(largest)
    }

    /// Sends a request, and reads what comes by `read`, within one time limit.
    fn ask<T>(
        &mut self,
        request: &[u8],
        read: impl FnOnce(&mut Self, Instant) -> io::Result<T>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + self.limit;
        self.send(request, deadline).map_err(Failure::NotSent)?;
        read(self, deadline).map_err(Failure::NoReply)
    }

    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = self.call(deadline, |stream| stream.write(bytes))?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// The next reply; or the words of the server's refusal.
    fn reply(&mut self, deadline: Instant) -> io::Result<Result<Reply, String>> {
        match protocol::read_head(self.line(deadline)?)? {
            Head::Refusal(words) => Ok(Err(words)),
            Head::Reply(reply, None) => Ok(Ok(reply)),
            Head::Reply(reply, Some(length)) => {
                let value = self.block(length, deadline)?;
                Ok(Ok(Reply { value, ..reply }))
            }
        }
    }

    /// What has come and was not read yet.
    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The next line, without its end.
    fn line(&mut self, deadline: Instant) -> io::Result<&[u8]> {
        let length = loop {
            let rest = self.rest();
            match memchr::memchr(b'\n', rest) {
                Some(length) => break length,
                None if rest.len() > LONGEST_LINE => return Err(io::ErrorKind::InvalidData.into()),
                None => self.fill(deadline)?,
            }
        };
        let start = self.start;
        self.start += length + 1;
        let line = self.buffer.get(start..start + length).unwrap_or_default();
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The next `length` bytes, which end with a line's end.
    fn block(&mut self, length: usize, deadline: Instant) -> io::Result<Vec<u8>> {
        let whole = length.checked_add(2).ok_or(io::ErrorKind::InvalidData)?;
        while self.rest().len() < whole {
            self.fill(deadline)?;
        }
        let (value, rest) = self.rest().split_at_checked(length).ok_or(io::ErrorKind::InvalidData)?;
        if !rest.starts_with(b"\r\n") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let value = value.to_vec();
        self.start += whole;
        if self.start == self.end && self.buffer.len() > LARGEST_BUFFER {
            self.buffer = Vec::new();
            (self.start, self.end) = (0, 0);
        }
        Ok(value)
    }

    /// Reads more of what has come.
    fn fill(&mut self, deadline: Instant) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= std::mem::take(&mut self.start);
        if self.end == self.buffer.len() {
            self.buffer.resize(CHUNK.max(2 * self.end), 0);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let end = self.end;
        let read = self.call(deadline, |stream| stream.read(buffer.get_mut(end..).unwrap_or_default()));
        self.buffer = buffer;
        match read? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.end += read;
                Ok(())
            }
        }
    }

    /// Makes a call of the socket that ends at the deadline.
    fn call<T>(
        &mut self,
        deadline: Instant,
        mut work: impl FnMut(&mut Stream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // Most exchanges are over at once. To set the limit anew for each call would double the system calls.
            if left.abs_diff(self.armed) > self.limit / 10 {
                self.arm(left)?;
            }
            match work(&mut self.stream) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                outcome => return outcome,
            }
        }
    }

    fn arm(&mut self, limit: Duration) -> io::Result<()> {
        self.stream.set_limit(limit)?;
        self.armed = limit;
        Ok(())
    }
}

impl Stream {
    fn set_limit(&self, limit: Duration) -> io::Result<()> {
        let limit = Some(limit);
        match self {
            Self::Tcp(stream) => {
                stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit))
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit))
            }
        }
    }

    #[cfg(unix)]
    fn is_quiet(&self) -> bool {
        use rustix::net::{RecvFlags, recv};

        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = match self {
            Self::Tcp(stream) => recv(stream, &mut [0_u8; 1], flags),
            Self::Unix(stream) => recv(stream, &mut [0_u8; 1], flags),
        };
        matches!(peeked, Err(rustix::io::Errno::AGAIN))
    }

    #[cfg(not(unix))]
    fn is_quiet(&self) -> bool {
        let Self::Tcp(stream) = self;
        let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0_u8; 1]));
        stream.set_nonblocking(false).is_ok()
            && peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect_to(host: &str, port: u16, family: Option<Family>, limit: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limit;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address of this kind");
    for address in (host, port).to_socket_addrs()?.filter(|address| is_of(address, family)) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects to a socket in the file system. While the server is too busy to accept, this waits as long as `limit`.
#[cfg(unix)]
fn connect_to_socket(path: &Path, limit: Duration) -> io::Result<UnixStream> {
    use rustix::net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
    };

    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(limit))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket.into())
}

fn is_of(address: &SocketAddr, family: Option<Family>) -> bool {
    match family {
        None => true,
        Some(Family::V4) => address.is_ipv4(),
        Some(Family::V6) => address.is_ipv6(),
    }
}
