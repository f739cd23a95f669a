//! Cookies as text: reading a request's `Cookie` header, writing a `Set-Cookie` header, and signatures.
//!
//! Everything here works on strings alone. It knows no session, no store and no configuration, and it keeps
//! no state but the key of a [`Signer`].
//!
//! # The contract
//!
//! * **Reading never fails.** Whatever a browser, a proxy or an attacker put into the header, each part that
//!   is not a cookie is passed over and its neighbours are read as if it were not there. Reading takes time
//!   in proportion to the header's length and allocates nothing.
//! * **Reading trusts nothing.** A value is what somebody sent. Of several cookies with our name, the caller
//!   takes the last that verifies ([`last_matching`]).
//! * **Writing takes only what was given.** What stands in a `Set-Cookie` header comes from the arguments of
//!   [`write()`] alone, never from the request.
//! * **Writing does not check.** The parts are validated where they enter the program: the name and the
//!   attributes together by [`validate()`], for a configuration and again for a domain or a path that a
//!   program or a stored session brings in later; the value by [`validate_value`]. A header made of
//!   validated parts holds no control character and no attribute that was not asked for.
//! * **Signatures are compared in constant time**, and the key appears in no `Debug` and no error.
//!
//! The grammar is that of RFC 6265 and its revision (draft-ietf-httpbis-rfc6265bis), which is what browsers
//! implement; the form of what is written is that of Python's `http.cookies.Morsel`.

mod chars;
mod date;
mod header;
mod set_cookie;
mod signed;
mod validate;

pub use date::{CookieDate, cookie_date};
pub use header::{Cookies, cookies, last_matching, values};
pub use set_cookie::{Attributes, SameSite, write};
pub use signed::Signer;
pub use validate::{validate, validate_domain, validate_name, validate_path, validate_value};
