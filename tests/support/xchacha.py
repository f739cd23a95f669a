"""XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha-03) in plain integers, and slow for that."""

from __future__ import annotations

import struct

MASK = 0xFFFFFFFF
ROUNDS = [
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
]


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & MASK


def _permuted(state: list[int]) -> list[int]:
    words = list(state)
    for _ in range(10):
        for a, b, c, d in ROUNDS:
            for to, plus, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                words[to] = (words[to] + words[plus]) & MASK
                words[turned] = _rotated(words[turned] ^ words[to], bits)
    return words


def _state(key: bytes, rest: bytes) -> list[int]:
    return [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I4I", key + rest)]


def _block(key: bytes, counter: int, nonce: bytes) -> bytes:
    state = _state(key, struct.pack("<I", counter) + nonce)
    words = zip(_permuted(state), state, strict=True)
    return struct.pack("<16I", *((one + other) & MASK for one, other in words))


def _subkey(key: bytes, nonce: bytes) -> bytes:
    words = _permuted(_state(key, nonce))
    return struct.pack("<8I", *words[:4], *words[12:])


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


def _tag(key: bytes, message: bytes) -> bytes:
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at : at + 16] + b"\x01", "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) % (1 << 128)).to_bytes(16, "little")


def sealed(key: bytes, nonce: bytes, associated: bytes, plain: bytes) -> bytes:
    """The ciphertext and its tag."""
    key, nonce = _subkey(key, nonce[:16]), bytes(4) + nonce[16:]
    stream = b"".join(_block(key, 1 + number, nonce) for number in range((len(plain) + 63) // 64))
    text = bytes(one ^ other for one, other in zip(plain, stream, strict=False))
    message = _padded(associated) + _padded(text) + struct.pack("<QQ", len(associated), len(text))
    return text + _tag(_block(key, 0, nonce), message)


def opened(key: bytes, nonce: bytes, associated: bytes, box: bytes) -> bytes:
    """The plain text of an encrypted one."""
    stream = sealed(key, nonce, associated, bytes(len(box) - 16))[:-16]
    plain = bytes(one ^ other for one, other in zip(box[:-16], stream, strict=True))
    if sealed(key, nonce, associated, plain) != box:
        message = "not sealed with this key"
        raise ValueError(message)
    return plain
