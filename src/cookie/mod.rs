//! Cookies as text: reading a request's `Cookie` header, writing a `Set-Cookie` header, and the values of our
//! own cookies, signed or encrypted.
//!
//! Everything here works on strings and bytes alone. It knows no session, no store and no configuration, and it
//! keeps no state but keys.
//!
//! # The contract
//!
//! * **Reading never fails.** Whatever a browser, a proxy or an attacker put into the header, each part that
//!   is not a cookie is passed over and its neighbours are read as if it were not there. Reading takes time
//!   in proportion to the header's length and allocates nothing.
//! * **Reading trusts nothing.** A value is what somebody sent. Of several cookies with our name, the caller
//!   takes the last that verifies ([`values`]), or asks what stands behind each ([`readings`]).
//! * **A comma is read in both ways**: as a part of the value first, and where that leads to nothing, as what joins two
//!   fields ([`joined_cookies`]).
//! * **Writing takes only what was given.** What stands in a `Set-Cookie` header comes from the arguments of
//!   [`write()`] alone, never from the request.
//! * **Writing does not check.** The parts are validated where they enter the program: the name and the
//!   attributes together by [`validate()`], for a configuration and again for a domain or a path that a
//!   program or a stored session brings in later; the value by [`validate_value`]. A header made of
//!   validated parts holds no control character and no attribute that was not asked for. What somebody else
//!   writes, a `Morsel` or an application, is held to the same rule: [`validate()`] and [`validate_other`]
//!   for its parts, [`validate_header`] for the whole.
//! * **Signatures are compared in constant time**, and a key appears in no `Debug` and no error.
//! * **What is written under the newest key is read under all.** A [`Keyring`](crate::crypto::Keyring) of [`Signer`]s,
//!   an [`IdKeyring`] and a [`CookieSealer`] say whether what they read is as they would write it today.
//!
//! # The values of our own cookies
//!
//! | format | the id of a session | a whole session |
//! | --- | --- | --- |
//! | 1 | [`Signer`]: HMAC-SHA1, id | [`Signer`]: HMAC-SHA1, text; the text may be [encrypted](crate::codec::Sealer) |
//! | 2 | [`Stamper`]: `v2.`, HMAC-SHA-256, time, id | [`CookieSealer`]: `v2.`, XChaCha20-Poly1305 |
//!
//! Format 1 binds a value neither to its purpose nor to the cookie's name: with the same secret, a signed text
//! passes for a signed id. Format 2 binds it to both.
//!
//! The grammar is that of RFC 6265 and its revision (draft-ietf-httpbis-rfc6265bis), which is what browsers
//! implement; the form of what is written is that of Python's `http.cookies.Morsel`.

mod chars;
mod date;
mod format;
mod format_one;
mod header;
mod id_keyring;
mod joined;
mod sealed;
mod set_cookie;
mod signed;
mod stamped;
mod validate;

pub use date::CookieDate;
pub use format::{Format, PREFIX as FORMAT_2_PREFIX};
pub use format_one::{End, FormatOne, Switch};
pub use header::{cookies, values};
pub use id_keyring::{Accepted, IdKeyring};
pub use joined::{Commas, Reading, joined_cookies, readings};
pub use sealed::{CookieSealer, Opened, SealingKeys};
pub use set_cookie::{Attributes, SameSite, write};
pub use signed::Signer;
pub use stamped::{Stamped, Stamper};
pub use validate::{
    as_demanded, is_host_only, validate, validate_domain, validate_header, validate_name, validate_other,
    validate_path, validate_value,
};
