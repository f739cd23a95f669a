//! The table of the session options. Parsing, defaults, warnings, the constructors' positional arguments, the
//! attributes of a session, the stubs and docs/options.md are made from it.

use super::choices::{CONCURRENCY, CRYPTO, DURABILITY, PICKLE, PROFILE, SERIALIZER, words};
use super::option::DefaultValue::{Bool, Depends, Int, Text, Unset};
use super::option::{Kind, OptionSpec};

/// Options that belong together, for the documentation.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The options.
    pub options: &'static [OptionSpec],
}

const FILES: &str = "`file`, `dbm`, `sqlite`";
const STORES: &str = "stores";
const COOKIES: &str = "`cookie`";
const MIDDLEWARE: &str = "the middleware";
const SERVERS: &str = "`ext:redis`, `ext:rediscluster`, `ext:database`, `ext:memcached`, `ext:mongodb`";
const OTHERS: &str = "backends that take it";

/// Every session option once.
#[rustfmt::skip]
pub static GROUPS: [Group; 7] = [
    Group {
        title: "General",
        options: &[
            OptionSpec::ours("profile", Kind::Choice(&words(&PROFILE)), Text("compatible"),
                "the defaults of other options: Beaker's, or the [hardened](hardened.md) ones"),
            OptionSpec::beaker("type", Kind::Text, Depends("`memory`, or `file` with a `data_dir`"),
                "the backend, see [stores.md](stores.md)")
                .at(4, 0).preset(Unset).attribute("type"),
            OptionSpec::beaker("session_class", Kind::Any, Depends("`Session`, or `CookieSession` for `type = cookie`"),
                "the class of the sessions, a subclass of `Session` or `CookieSession`")
                .to_backend().used_by(MIDDLEWARE),
            OptionSpec::beaker("auto", Kind::Bool, Bool(false),
                "every session that was used is saved")
                .to_backend().used_by(MIDDLEWARE),
            OptionSpec::ours("vary", Kind::Bool, Bool(true),
                "the response to a request that used its session says `Vary: Cookie`")
                .used_by(MIDDLEWARE),
            OptionSpec::ours("no_store", Kind::Bool, Bool(false),
                "a response that sets the cookie says `Cache-Control: no-store`")
                .hardened(Bool(true), "no cache keeps a response that sets the cookie")
                .used_by(MIDDLEWARE),
            OptionSpec::beaker("id", Kind::Word, Depends("a new one"),
                "the id of the session to open, for a `Session` made without a request")
                .at(1, 0).used_by("`Session` by hand"),
            OptionSpec::beaker("webtest_varname", Kind::Text, Unset,
                "the name under which WebTest finds the session")
                .to_backend().used_by(MIDDLEWARE),
            OptionSpec::beaker("log_file", Kind::Any, Unset, "nothing; it is accepted, as in Beaker")
                .to_backend().preset(Unset).used_by(MIDDLEWARE),
        ],
    },
    Group {
        title: "The cookie",
        options: &[
            OptionSpec::beaker("key", Kind::Word, Text("beaker.session.id"), "the cookie's name; a colon in it earns a warning")
                .hardened(
                    Depends("the name with the prefix `__Host-`, or `__Secure-` if there is a domain or a path other than `/`"),
                    "no other host, and no page without TLS, can set the cookie")
                .at(6, 1).preset(Text("beaker.session.id")).attribute("key"),
            OptionSpec::ours("key_fallbacks", Kind::Names, Unset,
                "earlier names of the cookie; they are read, and replaced by `key`")
                .hardened(Depends("the name without the prefix"),
                    "keeps users with the old cookie logged in; empty it when they have all come back")
                .none_is_a_value(),
            OptionSpec::beaker("cookie_domain", Kind::Text, Unset,
                "the cookie's `Domain`: a host, without a scheme, a port or a path")
                .at(10, 5),
            OptionSpec::beaker("cookie_path", Kind::CookiePath, Text("/"), "the cookie's `Path`").at(11, 6),
            OptionSpec::beaker("cookie_expires", Kind::Expires, Bool(true),
                "`True`: the cookie ends with the browser; `False`: in 2038; or seconds, a `timedelta` or a `datetime` \
                 (UTC if it has no time zone)")
                .at(9, 4),
            OptionSpec::ours("rolling", Kind::Bool, Bool(false),
                "each request that uses the session renews a `cookie_expires` that counts from now"),
            OptionSpec::beaker("secure", Kind::Bool, Bool(false), "the browser sends the cookie over https only")
                .hardened(Bool(true), "the cookie travels over TLS only")
                .at(14, 9).attribute("secure"),
            OptionSpec::beaker("httponly", Kind::Bool, Bool(false), "scripts cannot read the cookie")
                .hardened(Bool(true), "no script reads the cookie")
                .at(16, 10).attribute("httponly"),
            OptionSpec::beaker("samesite", Kind::Text, Text("Lax"),
                "the cookie's `SameSite`: `Lax`, `Strict` or `'None'`, which needs `secure`; empty text and `False` \
                 leave it out")
                .at(21, 15).attribute("samesite").uncoerced_in_beaker().none_is_a_value(),
            OptionSpec::ours("partitioned", Kind::Bool, Bool(false),
                "the browser keeps one cookie for each site that embeds this one; needs `secure`"),
            OptionSpec::beaker("use_cookies", Kind::Bool, Bool(true), "cookies are read and set")
                .at(3, 0).attribute("use_cookies").used_by(STORES),
            OptionSpec::ours("cookie_format", Kind::Int, Int(1),
                "the format of new cookies, `1` or `2`; both are read, see \
                 [cookies.md](cookies.md#the-two-formats)")
                .hardened(Int(2), "binds the cookie to its name and purpose, by HMAC-SHA-256 or an AEAD"),
            OptionSpec::ours("accept_format_1_until", Kind::Moment, Depends("never"),
                "the moment at which cookies of format 1 end, where `cookie_format` is `2`, see \
                 [cookies.md](cookies.md#the-end-of-format-1)")
                .hardened(Depends("`absolute_timeout` after the switch, [as far as a process knows of it](cookies.md#the-end-of-format-1)"),
                    "by then no format 1 cookie of ours can be alive")
                .none_is_a_value(),
        ],
    },
    Group {
        title: "Keys",
        options: &[
            OptionSpec::beaker("secret", Kind::Keys, Unset, "signs the id in the cookie")
                .at(13, 0).preset(Unset).attribute("secret").used_by(STORES),
            OptionSpec::ours("secret_fallbacks", Kind::OlderKeys, Unset, "earlier keys of `secret`; they still verify")
                .used_by(STORES),
            OptionSpec::ours("secret_file", Kind::KeyFile, Unset, "a file with the keys of `secret`, one a line, the newest first")
                .used_by(STORES),
            OptionSpec::beaker("validate_key", Kind::Keys, Unset,
                "a part of the key that encrypts; signs a session in a cookie, which needs one")
                .at(18, 8).attribute("validate_key"),
            OptionSpec::ours("validate_key_fallbacks", Kind::OlderKeys, Unset, "earlier keys of `validate_key`"),
            OptionSpec::ours("validate_key_file", Kind::KeyFile, Unset, "a file with the keys of `validate_key`"),
            OptionSpec::beaker("encrypt_key", Kind::Keys, Unset, "encrypts the session; needs a `validate_key`")
                .at(17, 7).attribute("encrypt_key"),
            OptionSpec::ours("encrypt_key_fallbacks", Kind::OlderKeys, Unset, "earlier keys of `encrypt_key`; they still decrypt"),
            OptionSpec::ours("encrypt_key_file", Kind::KeyFile, Unset, "a file with the keys of `encrypt_key`"),
            OptionSpec::beaker("encrypt_nonce_bits", Kind::Int, Int(128), "random bits in the nonce of an encryption, at least 48")
                .at(19, 12),
            OptionSpec::beaker("crypto_type", Kind::Choice(&words(&CRYPTO)), Text("default"),
                "the cipher that writes: AES-GCM (`default`, `cryptography`) or AES-CTR (`pycryptodome`, `pycrypto`); \
                 both are read")
                .at(20, 14),
        ],
    },
    Group {
        title: "How long a session lives",
        options: &[
            OptionSpec::beaker("timeout", Kind::Seconds, Unset,
                "the idle timeout: a session without a request for so long is over")
                .at(7, 2).preset(Unset).attribute("timeout"),
            OptionSpec::ours("absolute_timeout", Kind::Seconds, Unset,
                "a session that began so long ago is over, however much it is used; `0` for none")
                .hardened(Int(43_200), "a stolen session ends, after 12 hours (NIST SP 800-63B, revision 3, section 4.2.3)")
                .none_is_a_value(),
            OptionSpec::ours("session_epoch", Kind::Moment, Unset, "sessions that began before are over")
                .used_by(COOKIES),
            OptionSpec::beaker("save_accessed_time", Kind::Bool, Bool(true),
                "a request that only reads renews the session; a `timeout` needs it")
                .at(8, 3).preset(Bool(true)).attribute("save_atime"),
            OptionSpec::ours("touch_interval", Kind::Seconds, Int(0),
                "a request that only reads stores no access time if the stored one is less than so many seconds old, see \
                 [life.md](life.md#timeouts)")
                .used_by(STORES),
            OptionSpec::ours("destroy_old", Kind::Any, Bool(true),
                "after `regenerate_id()` the old id is gone (`True`), or leads to the session for up to 300 seconds \
                 (`grace:30`), see [life.md](life.md#a-new-id)")
                .used_by(STORES),
        ],
    },
    Group {
        title: "Requests at the same time",
        options: &[
            OptionSpec::ours("concurrency", Kind::Choice(&words(&CONCURRENCY)), Text("merge"),
                "what happens to a session that several requests change at once, see \
                 [concurrency.md](concurrency.md)")
                .used_by(STORES),
            OptionSpec::ours("lock_timeout", Kind::Seconds, Int(30),
                "how long a request waits in all for others that have locked its session or are writing it; then \
                 `LockError`. For a session made by hand it counts for each method")
                .used_by(STORES),
        ],
    },
    Group {
        title: "The data",
        options: &[
            OptionSpec::beaker("data_serializer", Kind::Serializer, Text("pickle"),
                "the format of the data")
                .at(12, 11).attribute("data_serializer"),
            OptionSpec::ours("read_also_serializer", Kind::Choice(&words(&SERIALIZER)), Unset,
                "while `data_serializer` changes from `pickle` to `json` or back, sessions in this one are read too; \
                 pickles as with `pickle = allowlist`. See [stores.md](stores.md#from-pickle-to-json)"),
            OptionSpec::ours("pickle", Kind::Choice(&words(&PICKLE)), Text("any"),
                "the pickles that are read; `allowlist` takes values of the standard library")
                .hardened(Text("allowlist"), "a stored record cannot run code"),
            OptionSpec::ours("pickle_allow", Kind::Names, Unset,
                "your own classes that `pickle = allowlist` takes too: `module.Class, …`"),
            OptionSpec::beaker("invalidate_corrupt", Kind::Bool, Bool(false),
                "a session that cannot be decoded becomes a new one, with a warning; otherwise it is an exception")
                .at(2, 13).preset(Bool(true)).attribute("invalidate_corrupt"),
        ],
    },
    Group {
        title: "The store",
        options: &[
            OptionSpec::beaker("data_dir", Kind::Folder, Depends("a private one of the user's, with a warning that names it"),
                "the folder for sessions and locks; `~` is the home folder, here and in every other path")
                .at(5, 0).preset(Unset).attribute("data_dir").used_by(FILES),
            OptionSpec::beaker("file_dir", Kind::Folder, Depends("below `data_dir`"), "the folder for sessions")
                .to_backend().used_by("`file`").uncoerced_in_beaker(),
            OptionSpec::beaker("lock_dir", Kind::Folder, Depends("below `data_dir`"), "the folder for locks")
                .to_backend().used_by(FILES),
            OptionSpec::beaker("dbm_dir", Kind::Folder, Depends("below `data_dir`"), "the folder for sessions")
                .to_backend().used_by("`dbm`").uncoerced_in_beaker(),
            OptionSpec::beaker("dbmmodule", Kind::Any, Depends("Python's choice"), "the module that opens a dbm")
                .to_backend().used_by("`dbm`"),
            OptionSpec::ours("durability", Kind::Choice(&words(&DURABILITY)), Text("beaker"),
                "what a save survives, see [stores.md](stores.md#what-a-save-survives)")
                .to_backend().used_by(FILES),
            OptionSpec::ours("sweep_interval", Kind::Seconds, Int(3600),
                "seconds between two sweeps of the store, see [stores.md](stores.md#sweeping); `0` for none. \
                 Without a `timeout` there is no sweep unless this is given")
                .to_backend().used_by("`file`, `sqlite`, `ext:database`, `ext:sqla`"),
            OptionSpec::ours("max_sessions", Kind::Int, Int(0),
                "the most sessions that memory keeps; the longest idle goes first; `0` for any number")
                .used_by("`memory`"),
            OptionSpec::ours("hash_ids", Kind::Bool, Bool(false),
                "the store has hashes of the ids in place of the ids, see \
                 [stores.md](stores.md#hashed-ids)")
                .hardened(Bool(true), "a leaked store yields no usable id")
                .used_by(STORES),
            OptionSpec::ours("record_format", Kind::Int, Int(1),
                "the format of new records, `1` or `2`; both are read, see \
                 [stores.md](stores.md#the-two-formats-of-records)")
                .hardened(Int(2),
                    "refuses a record that is damaged or belongs to another session; with an `encrypt_key`, also a forged one")
                .used_by(STORES),
            OptionSpec::ours("moves_to", Kind::Text, Unset,
                "the address of the store that the sessions will move to; one that is there already is used there, see \
                 [stores.md](stores.md#moving-to-another-store)")
                .used_by(STORES),
            OptionSpec::ours("read_also", Kind::Text, Unset,
                "the address of the store that the sessions come from: one that is not found is looked for there, and moves")
                .used_by(STORES),
            OptionSpec::beaker("namespace_class", Kind::Any, Depends("that of `type`"),
                "a backend written in Python: a `beaker.container.NamespaceManager`")
                .at(15, 0).attribute("namespace_class").used_by(STORES),
            OptionSpec::beaker("url", Kind::Any, Unset, "the address of a server or a database").to_backend().used_by(OTHERS),
            OptionSpec::beaker("urls", Kind::Any, Unset, "the addresses of the nodes of a Redis Cluster")
                .to_backend().used_by("`ext:rediscluster`"),
            OptionSpec::ours("connect_timeout", Kind::Seconds, Int(5),
                "how long a connection to a server may take; an option of the `url` goes before it")
                .to_backend().used_by(SERVERS),
            OptionSpec::ours("operation_timeout", Kind::Seconds, Int(5),
                "how long a server may take to answer; an option of the `url` goes before it")
                .to_backend().used_by(SERVERS),
            OptionSpec::ours("key_prefix", Kind::Text, Text("beaker_cache:"),
                "how the keys of sessions begin")
                .to_backend().used_by("`ext:redis`, `ext:rediscluster`"),
            OptionSpec::beaker("memcache_module", Kind::Any, Unset, "the name of a memcached client").to_backend().used_by(OTHERS),
            OptionSpec::beaker("table_name", Kind::Any, Unset, "the name of a table").to_backend().used_by(OTHERS),
            OptionSpec::beaker("schema_name", Kind::Any, Unset, "the schema of a table").to_backend().used_by(OTHERS),
            OptionSpec::beaker("table", Kind::Any, Unset, "an SQLAlchemy table").to_backend().used_by(OTHERS),
            OptionSpec::beaker("bind", Kind::Any, Unset, "an SQLAlchemy engine").to_backend().used_by(OTHERS),
            OptionSpec::beaker("optimistic", Kind::Any, Unset, "an argument of Beaker's database backend").to_backend().used_by(OTHERS),
            OptionSpec::beaker("sa_opts", Kind::Any, Unset, "options for an SQLAlchemy engine").to_backend().used_by(OTHERS),
        ],
    },
];
