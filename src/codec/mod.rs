//! The stored shape of a session, and everything that turns bytes into it and back. No Python in it: what a
//! serializer made of the session is called the *payload* here, and only its outline is ever looked at.
//!
//! ```text
//! payload    pickle, protocol 2                  or, JSON:  deflate::compress(json)
//! text       text::encode_plain(payload)         or, with a key:  Sealer::encrypt(payload)
//!            or, in format 2, with and without:  Records::write(id, payload, accessed)
//! envelope   envelope::write(text, owner, …)     a pickle of {'session': text}
//! ```
//!
//! * [`text`]: standard base64 with padding, in ASCII.
//! * [`cipher`]: a nonce in base64, then the base64 of AES-256-GCM (`iv(12) + tag(16) + ciphertext`) or of
//!   AES-256-CTR. The text does not say which.
//! * [`deflate`]: zlib (RFC 1950), with a limit on what it may inflate to.
//! * [`envelope`]: what lies in a file, a dbm, a database row. Read without executing the pickle.
//! * [`pickled_text`]: what lies in Redis, which is a pickle of the text alone.
//! * [`access_time`]: the time of the last access lies within the payload; this changes it in place, in the
//!   text, where the payload is a pickle and not encrypted.
//! * [`record`]: format 2 of the text, which is our own and shows whether it is whole.
//! * [`transit`]: the record of a session that moves to another store, in the one that it leaves.
//! * [`pointer`]: what is under the id that a session had before, where it is not destroyed at once.
//!
//! All but the last three is read as Beaker 1.14.1 wrote it, and Beaker 1.14.1 reads it. What cannot be understood
//! is [`Corrupt`](crate::error::ErrorKind::Corrupt), whatever the bytes: no input panics, recurses or takes
//! memory out of proportion to its size.

pub mod access_time;
pub mod cipher;
pub mod deflate;
pub mod envelope;
mod envelope_fields;
mod envelope_walk;
mod expansion;
mod form;
mod json_form;
mod opcode;
pub mod pickled_text;
pub mod pointer;
pub mod record;
pub mod text;
pub mod transit;

pub use access_time::{Splice, locate, splice, with_access_time};
pub use cipher::{Cipher, Decrypted, KeyPair, Sealer};
pub use envelope_fields::{Envelope, Expiry};
pub use expansion::{is_bounded, weigh};
pub use form::{looks_like_pickle, looks_like_zlib};
pub use json_form::is_modest_json;
pub use record::{RecordFormat, Records};
