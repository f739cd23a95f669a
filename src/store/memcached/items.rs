//! Values of any kind on the servers, for programs that use the backend without a session.

use std::time::Duration;

use super::client::Client;
use super::expiry;
use super::keys::is_key;
use super::protocol::{Code, Mode, Request};
use crate::error::{Error, Result};

const OPERATION: &str = "use a value in memcached";

/// A value as it is stored.
#[derive(Debug)]
pub struct Item {
    /// Its bytes.
    pub value: Vec<u8>,
    /// What the program that stored it says of them.
    pub flags: u32,
    /// Names this state of the item.
    pub token: u64,
}

/// When an item is stored.
#[derive(Clone, Copy, Debug)]
pub enum Condition {
    /// Always.
    None,
    /// If there is none.
    Absent,
    /// If the one that is there has this token.
    Token(u64),
}

fn check(key: &str) -> Result<()> {
    if is_key(key) {
        return Ok(());
    }
    Err(Error::invalid("a key in memcached has at most 250 bytes, without spaces and control characters"))
}

impl Client {
    /// The item of a key.
    ///
    /// # Errors
    /// `Unavailable` if the server does not answer, `Invalid` if it takes no such key.
    pub fn item(&self, key: &str) -> Result<Option<Item>> {
        check(key)?;
        let reply = self.ask(key, &Request::get(key), OPERATION)?;
        let item = Item { value: reply.value, flags: reply.flags, token: reply.token };
        Ok((reply.code == Code::Value).then_some(item))
    }

    /// Stores an item if the condition holds, and says whether it does. Without a lifetime it is kept until it is deleted.
    ///
    /// # Errors
    /// `Unavailable` if the server does not answer, `Unknown` if it may have stored the item, `Unsupported` if the item is
    /// too large, `Invalid` if it takes no such key.
    pub fn set_item(
        &self,
        key: &str,
        value: &[u8],
        flags: u32,
        lifetime: Option<Duration>,
        condition: Condition,
    ) -> Result<bool> {
        check(key)?;
        self.check_size(key, value, OPERATION)?;
        let mode = match condition {
            Condition::None => Mode::Set,
            Condition::Absent => Mode::Add,
            Condition::Token(token) => Mode::Cas(token),
        };
        let reply = self.ask(key, &Request::set(key, value, flags, expiry(lifetime), mode), OPERATION)?;
        Ok(reply.code == Code::Done)
    }

    /// Deletes an item, with a token only the one that has it. Says whether there was one.
    ///
    /// # Errors
    /// `Unavailable` if the server does not answer, `Unknown` if it may have deleted the item, `Invalid` if it takes no
    /// such key.
    pub fn delete_item(&self, key: &str, token: Option<u64>) -> Result<bool> {
        check(key)?;
        Ok(self.ask(key, &Request::delete(key, token), OPERATION)?.code == Code::Done)
    }

    /// Deletes all items of all programs on all servers.
    ///
    /// # Errors
    /// `Unavailable` if a server does not answer, `Unknown` if it may have done it.
    pub fn delete_all(&self) -> Result<()> {
        self.flush(OPERATION)
    }
}
