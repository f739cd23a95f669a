//! The changes that a server makes in one step, as scripts in Lua.
//!
//! A script gets a state as the SHA-1 of the stored value in hexadecimal digits. So a change by another program, such as
//! Beaker itself, is a change of the state. A script that fails has changed nothing: each begins with the only step that
//! may fail, which is refused where memory is short or the server is read-only.

use std::sync::LazyLock;

use sha1::{Digest, Sha1};

use crate::id::push_hex;

/// A script, and the name under which a server keeps it.
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) name: LazyLock<String>,
}

macro_rules! script {
    ($text:expr) => {
        Script {
            text: $text,
            name: LazyLock::new(|| {
                let mut name = String::new();
                push_hex(&mut name, &Sha1::digest($text));
                name
            }),
        }
    };
}

/// Replaces the value of a state: the key, then the state, the value and the lifetime in milliseconds or nothing. Returns
/// 1, or 0 if the state is another one.
pub(super) static REPLACE: Script = script!(
    "local found = redis.pcall('GET', KEYS[1])
if type(found) ~= 'string' or redis.sha1hex(found) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then
    redis.call('SET', KEYS[1], ARGV[2])
else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1"
);

/// Renews the lifetime of a value, and changes some of its bytes if it has the state: the key, then the state, the
/// lifetime, the offset of the bytes, the bytes, and the number of bytes at the end that are not for change. Returns 1, 0
/// if there is no value, or -1 if the bytes do not lie within it.
pub(super) static PATCH: Script = script!(
    "local found = redis.pcall('GET', KEYS[1])
if not found then return 0 end
if type(found) ~= 'string' then return found end
local life = ARGV[2]
if redis.sha1hex(found) == ARGV[1] then
    if tonumber(ARGV[3]) + #ARGV[4] > #found - tonumber(ARGV[5]) then return -1 end
    if ARGV[4] ~= '' then redis.call('SETRANGE', KEYS[1], ARGV[3], ARGV[4]) end
elseif life ~= '' then
    local left = redis.call('PTTL', KEYS[1])
    if left < 0 or left > tonumber(life) then return 1 end
end
if life == '' then
    redis.call('PERSIST', KEYS[1])
else
    redis.call('PEXPIRE', KEYS[1], life)
end
return 1"
);

/// Deletes the value of a state: the key, then the state. Returns 1, 0 if there is no value, or 2 if it has another state.
pub(super) static DELETE: Script = script!(
    "local found = redis.pcall('GET', KEYS[1])
if not found then return 0 end
if type(found) ~= 'string' or redis.sha1hex(found) ~= ARGV[1] then return 2 end
return redis.call('DEL', KEYS[1])"
);

/// Moves a value: the old key and the new one, then the state or nothing for any, the new value, its lifetime, the value
/// of a redirect or nothing, and its lifetime. Returns 1, or 0 if there is no value or it has another state.
pub(super) static ROTATE: Script = script!(
    "local found = redis.pcall('GET', KEYS[1])
if not found then return 0 end
if ARGV[1] ~= '' and (type(found) ~= 'string' or redis.sha1hex(found) ~= ARGV[1]) then return 0 end
if ARGV[3] == '' then
    redis.call('SET', KEYS[2], ARGV[2])
else
    redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
if ARGV[4] == '' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
end
return 1"
);

/// Takes a lease, or renews it: the key, then the token and the time in milliseconds. Returns 1, or 0 if another token
/// has it. A second time it does what the first did.
pub(super) static TAKE_LEASE: Script = script!(
    "local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1"
);

/// Renews a lease that has not lapsed: the key, then the token and the time. Returns 1, or 0 if it has.
pub(super) static RENEW_LEASE: Script = script!(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
);

/// Deletes a value if it is the given one: the key, then the value.
pub(super) static DELETE_IF: Script = script!(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])"
);
