//! The meta commands of memcached (`doc/protocol.txt` of its source), as bytes.

use std::io::{self, Write};

use crate::store::Version;

/// The flag that python-memcached stores with a `str`.
pub(super) const TEXT: u32 = 1 << 4;

/// When a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Always.
    Set,
    /// If there is none.
    Add,
    /// If there is one.
    Replace,
    /// If the one that is there has this token.
    Cas(u64),
}

/// A request, and whether it changes something: if its reply is lost, the change may have been made.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    pub(super) is_change: bool,
}

impl Request {
    /// The same, of a change that may be made twice.
    pub(super) fn repeatable(self) -> Self {
        Self { is_change: false, ..self }
    }

    fn line(line: String, is_change: bool) -> Self {
        Self { bytes: line.into_bytes(), is_change }
    }

    /// The value of a key, with its flags, token and remaining lifetime.
    pub(super) fn get(key: &str) -> Self {
        Self::line(format!("mg {key} v f c t\r\n"), false)
    }

    /// The same without the value.
    pub(super) fn look(key: &str) -> Self {
        Self::line(format!("mg {key} c t\r\n"), false)
    }

    /// A new lifetime for the value of a key. To ask twice is no harm, so it is no change.
    pub(super) fn touch(key: &str, expiry: i64) -> Self {
        Self::line(format!("mg {key} T{expiry}\r\n"), false)
    }

    /// A value for a key.
    pub(super) fn set(key: &str, value: &[u8], flags: u32, expiry: i64, mode: Mode) -> Self {
        let mut bytes = Vec::with_capacity(key.len() + value.len() + 80);
        let head = format!("ms {key} {} F{flags} T{expiry} c", value.len());
        bytes.extend_from_slice(head.as_bytes());
        match mode {
            Mode::Set => {}
            Mode::Add => bytes.extend_from_slice(b" ME"),
            Mode::Replace => bytes.extend_from_slice(b" MR"),
            Mode::Cas(token) => bytes.extend_from_slice(format!(" C{token}").as_bytes()),
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
        Self { bytes, is_change: true }
    }

    /// The end of the value of a key; with a token, only of the value that has it.
    pub(super) fn delete(key: &str, token: Option<u64>) -> Self {
        let token = token.map_or_else(String::new, |token| format!(" C{token}"));
        Self::line(format!("md {key}{token}\r\n"), true)
    }
}

/// The meaning of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Done.
    Done,
    /// Here is the value.
    Value,
    /// There is no value.
    Absent,
    /// There is a value with another token.
    Another,
    /// The condition of the mode does not hold.
    NotStored,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: Code,
    pub(super) flags: u32,
    /// 0 if the server has no tokens.
    pub(super) token: u64,
    /// In seconds. `None` if the value is kept until it is deleted.
    pub(super) lifetime: Option<u64>,
    pub(super) value: Vec<u8>,
}

/// The first line of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A reply, and how many bytes of a value follow.
    Reply(Reply, Option<usize>),
    /// The server does not do what was asked. These are its words.
    Refusal(String),
}

/// Reads the first line of a reply, without its end.
pub(super) fn read_head(line: &[u8]) -> io::Result<Head> {
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "the reply is none that memcached gives");
    let text = std::str::from_utf8(line).map_err(|_| strange())?;
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let code = match words.next() {
        Some("HD") => Code::Done,
        Some("VA") => Code::Value,
        Some("EN" | "NF") => Code::Absent,
        Some("EX") => Code::Another,
        Some("NS") => Code::NotStored,
        Some("ERROR" | "CLIENT_ERROR" | "SERVER_ERROR") => {
            return Ok(Head::Refusal(shown(text)));
        }
        _ => return Err(strange()),
    };
    let length = match code {
        Code::Value => Some(words.next().and_then(|word| word.parse().ok()).ok_or_else(strange)?),
        _ => None,
    };
    let mut reply = Reply { code, flags: 0, token: 0, lifetime: None, value: Vec::new() };
    for word in words {
        let (name, value) = word.split_at_checked(1).ok_or_else(strange)?;
        match name {
            "f" => reply.flags = value.parse().map_err(|_| strange())?,
            "c" => reply.token = value.parse().map_err(|_| strange())?,
            // It is -1 without an end.
            "t" => reply.lifetime = value.parse().ok(),
            _ => {}
        }
    }
    Ok(Head::Reply(reply, length))
}

/// The words of a server, for an error.
pub(super) fn shown(words: &str) -> String {
    words.chars().take(100).flat_map(char::escape_default).collect()
}

/// The token that a version was made of. `None` if another store made the version.
pub(super) fn token_of(version: Version) -> Option<u64> {
    version.as_bytes().try_into().ok().map(u64::from_be_bytes)
}

/// Writes the request that names a user, for a server that was started with `-Y`.
pub(super) fn login(name: &str, password: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A vector takes everything.
    let _ = write!(bytes, "set login 0 0 {}\r\n{name} {password}\r\n", name.len() + 1 + password.len());
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_line_is_a_panic(line in prop::collection::vec(any::<u8>(), 0..60), code in "(HD|VA|EN|EX) ") {
            let _ = read_head(&line);
            let _ = read_head(&[code.as_bytes(), &line].concat());
        }
    }

    fn reply(line: &str) -> (Reply, Option<usize>) {
        match read_head(line.as_bytes()).unwrap() {
            Head::Reply(reply, length) => (reply, length),
            Head::Refusal(words) => unreachable!("{words}"),
        }
    }

    #[test]
    fn the_words_of_a_reply_are_read_in_any_order() {
        let expected =
            Reply { code: Code::Value, flags: 16, token: 7, lifetime: Some(60), value: Vec::new() };
        assert_eq!(reply("VA 3 f16 c7 t60"), (expected.clone(), Some(3)));
        assert_eq!(reply("VA 3 t60 kname c7 W f16"), (expected, Some(3)));
        let (done, length) = reply("HD c18446744073709551615 t-1");
        assert_eq!((done.code, done.token, done.lifetime, length), (Code::Done, u64::MAX, None, None));
    }

    #[test]
    fn every_code_has_its_meaning() {
        for (line, code) in [
            ("HD", Code::Done),
            ("EN", Code::Absent),
            ("NF c0", Code::Absent),
            ("EX c0", Code::Another),
            ("NS", Code::NotStored),
        ] {
            assert_eq!(reply(line).0.code, code);
        }
    }

    #[test]
    fn what_a_server_refuses_is_told_in_its_words() {
        for line in ["ERROR", "CLIENT_ERROR bad token", "SERVER_ERROR out of memory storing object"] {
            assert_eq!(read_head(line.as_bytes()).unwrap(), Head::Refusal(line.to_owned()));
        }
        let Head::Refusal(words) = read_head("ERROR \u{1b}[31m".as_bytes()).unwrap() else { unreachable!() };
        assert_eq!(words, "ERROR \\u{1b}[31m");
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for line in
            ["", " ", "VALUE x 0 3", "VA", "VA x", "VA -1", "HD cx", "VA 3 f-1", "VA 3 \u{e9}1 f", "STORED"]
        {
            assert!(read_head(line.as_bytes()).is_err(), "{line}");
        }
        assert!(read_head(b"\xff\xfe").is_err());
    }

    #[test]
    fn a_request_says_what_it_is_to_say() {
        let set = |mode| String::from_utf8(Request::set("k", b"abc", 16, 60, mode).bytes).unwrap();
        assert_eq!(set(Mode::Set), "ms k 3 F16 T60 c\r\nabc\r\n");
        assert_eq!(set(Mode::Add), "ms k 3 F16 T60 c ME\r\nabc\r\n");
        assert_eq!(set(Mode::Replace), "ms k 3 F16 T60 c MR\r\nabc\r\n");
        assert_eq!(set(Mode::Cas(9)), "ms k 3 F16 T60 c C9\r\nabc\r\n");
        assert_eq!(Request::delete("k", Some(9)).bytes, b"md k C9\r\n");
        assert_eq!(Request::delete("k", None).bytes, b"md k\r\n");
        assert_eq!(login("me", "a secret"), b"set login 0 0 11\r\nme a secret\r\n");
    }
}
