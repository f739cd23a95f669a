# mypy: ignore-errors
"""Brings about every exception that a program can meet, and prints the classes of each. For both Beakers."""

import base64
import hashlib
import hmac
import json
import os
import pickle
import sys
import tempfile
import threading
import warnings
import zlib

import beaker.container
import beaker.converters
import beaker.crypto
import beaker.synchronization
from beaker.middleware import SessionMiddleware
from beaker.session import CookieSession, Session

warnings.simplefilter("ignore")
ID = "0123456789abcdef0123456789abcdef"
KEY = "a validation key of the tests, of some length"
JSON = {"data_serializer": "json"}
KEYS = {"encrypt_key": "k" * 32, "validate_key": KEY}
ROOT = tempfile.mkdtemp()


def folder():
    return tempfile.mkdtemp(dir=ROOT)


def record(data_dir):
    path = os.path.join(data_dir, "container_file", ID[0], ID[:2], ID + ".cache")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def opened(data_dir, **options):
    return Session({}, id=ID, use_cookies=False, type="file", data_dir=data_dir, **options)


def from_file(content, **options):
    def work():
        data_dir = folder()
        with open(record(data_dir), "wb") as file:
            file.write(content)
        opened(data_dir, **options)

    return work


def from_cookie(text, **options):
    signature = hmac.new(KEY.encode(), text.encode(), hashlib.sha1).hexdigest()
    header = {"cookie": "beaker.session.id=" + signature + text}
    options = {"validate_key": KEY, "invalidate_corrupt": False, **options}
    return lambda: CookieSession(header, **options)


def in_place_of_a_file(make):
    def work():
        data_dir = folder()
        make(record(data_dir))
        opened(data_dir)

    return work


def in_place_of_the_folder():
    path = os.path.join(folder(), "file")
    with open(path, "w"):
        pass
    Session({}, use_cookies=False, type="file", data_dir=path).save()


def made(**options):
    return lambda: Session({}, **{"use_cookies": False, **options})


def built(**options):
    options = {"session." + name: value for name, value in options.items()}
    return lambda: SessionMiddleware(lambda environ, start_response: [], options)


def saved(value, make=Session, **options):
    def work():
        session = make({}, **options)
        session["name"] = value
        session.save()

    return work


def text(data):
    return base64.b64encode(data).decode()


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def held_by_itself():
    value = []
    value.append(value)
    return value


def forgotten():
    session = Session({}, use_cookies=False)
    session.clear()
    return session.created


WHOLE = pickle.dumps({"name": "Ada", "cart": [1]}, 2)
DAMAGED = {
    "no base64": ("abc", {}),
    "no pickle": (text(b"no pickle"), {}),
    "nothing": ("", {}),
    "cut": (text(WHOLE[:-4]), {}),
    "cut short": (text(WHOLE[:2]), {}),
    "a list": (text(pickle.dumps([1], 2)), {}),
    "a number": (text(pickle.dumps(1, 2)), {}),
    "a module that is missing": (text(b"\x80\x02cnowhere\nX\n."), {}),
    "a class that is missing": (text(b"\x80\x02cos\nX\n."), {}),
    "a later protocol": (text(b"\x80\x09."), {}),
    "no zlib": (text(b"{}"), JSON),
    "no JSON": (text(zlib.compress(b"{")), JSON),
    "no UTF-8": (text(zlib.compress(b"\xc3\xff")), JSON),
    "no base64 of JSON": ("abc", JSON),
    "a JSON list": (text(zlib.compress(b"[1]")), JSON),
    "too short for a nonce": ("a", KEYS),
    "under another key": (text(b"x" * 200), KEYS),
    "no time": (text(pickle.dumps({"_accessed_time": "x"}, 2)), {"timeout": 5}),
}
CASES = {}
for name, (stored, options) in DAMAGED.items():
    CASES["damaged file: " + name] = from_file(pickle.dumps({"session": stored}, 2), **options)
    CASES["damaged cookie: " + name] = from_cookie(stored, **options)
for name, content in {
    "nothing": b"",
    "garbage": b"garbage",
    "cut": pickle.dumps({"session": "abc"}, 2)[:-3],
    "a number": pickle.dumps({"session": 5}, 2),
}.items():
    CASES["damaged envelope: " + name] = from_file(content)
CASES.update(
    {
        "store: a folder in place of a file": in_place_of_a_file(os.mkdir),
        "store: a file in place of the folder": in_place_of_the_folder,
        "option: data_serializer": made(data_serializer="xml"),
        "option: timeout without access times": made(timeout=5, save_accessed_time=False),
        "option: crypto_type": made(crypto_type="bad", **KEYS),
        "option: encrypt_nonce_bits": made(encrypt_nonce_bits=129, **KEYS),
        "option: cookie_expires": lambda: Session({}, cookie_expires="x"),
        "option: the timeout of a middleware": built(timeout="abc"),
        "option: a word that is no boolean": built(auto="maybe"),
        "option: an empty type": built(type=""),
        "option: no validate_key": lambda: CookieSession({}),
        "cookie: signed by nobody": lambda: CookieSession(
            {"cookie": "beaker.session.id=" + "x" * 50}, validate_key=KEY, invalidate_corrupt=False
        ),
        "cookie: too long": saved("x" * 5000, CookieSession, validate_key=KEY),
        "value: a function": saved(lambda: None),
        "value: a lock": saved(threading.Lock()),
        "value: a module": saved(sys),
        "value: a generator": saved(character for character in ""),
        "value: a class of no module": saved(type("Own", (), {})()),
        "value: nested too deeply": saved(nested(100_000)),
        "value: a function in a cookie": saved(lambda: None, CookieSession, validate_key=KEY),
        "JSON: a set": saved({1}, **JSON),
        "JSON: a tuple for a key": saved({(1, 2): 3}, **JSON),
        "JSON: held by itself": saved(held_by_itself(), **JSON),
        "JSON: nested too deeply": saved(nested(100_000), **JSON),
        "JSON: a set in a cookie": saved({1}, CookieSession, validate_key=KEY, **JSON),
        "function: get_crypto_module": lambda: beaker.crypto.get_crypto_module("bad"),
        "function: get_nonce_size": lambda: beaker.crypto.get_nonce_size(7),
        "function: asbool": lambda: beaker.converters.asbool("maybe"),
        "mapping: a key that is missing": lambda: Session({}, use_cookies=False)["missing"],
        "mapping: to delete it": lambda: Session({}, use_cookies=False).pop("missing"),
        "mapping: created after clear": forgotten,
        "namespace: a key that is missing": lambda: beaker.container.MemoryNamespaceManager("name")[
            "missing"
        ],
        "namespace: files without a folder": lambda: beaker.container.FileNamespaceManager("name"),
        "namespace: a dbm without a folder": lambda: beaker.container.DBMNamespaceManager("name"),
        "call: nothing": Session,
    }
)


def classes_of(work):
    try:
        work()
    except BaseException as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []


sys.stdout.write(json.dumps({name: classes_of(work) for name, work in CASES.items()}))
