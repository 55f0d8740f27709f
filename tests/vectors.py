"""Writes vectors.json, the format's regression suite: ``python -m tests.vectors``.

The vectors are made by `tests.reference`, without ptrack. The nonce of each follows
from its number, so that writing the file again changes nothing. The tokens of
django-ptrack 3.0.0 are kept as they are: its ``PtrackEncoder.encrypt``, as published,
wrote them once.
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.processes import ROOT
from tests.reference import LONGEST, make_key, seal, spell

FILE = ROOT / "tests/vectors.json"

ABOUT = """\
Tokens that a reader of ptrack's format has to read, and some it has to refuse.
token = base64url(nonce | box), RFC 4648 section 5, with its padding or without.
box = NaCl's crypto_secretbox(json, nonce, key); the nonce has 24 bytes.
key = the secret's UTF-8 bytes, filled up on the right with "{" to 32.
json = [args, kwargs] in UTF-8, an array and an object.
"secrets" are tried in order: the first also writes, the others are earlier ones.
A reader gets "args" and "kwargs". 1, 1.0 and true differ, an object keeps its order.
"plaintext" is the sealed text, where it is short.
A token that is refused is refused as a whole, whatever the reason.
""".splitlines()

KEYS: list[tuple[str, str]] = [
    ("a short secret is filled up", "abc"),
    ("a secret of 32 bytes is the key", "0123456789abcdef0123456789abcdef"),
    ("it is bytes that count: 16 characters of two bytes each", "é" * 16),
    ("an opening brace at the end makes no difference to the key", "abc{"),
]

SECRET = "vectors"
OTHER = "another secret"

Vector = dict[str, Any]


def make_nonce(number: int) -> bytes:
    """Return a nonce with bytes for which base64 has characters that URLs escape."""
    return bytes([0xFB, 0xFF, 0xFE, number]) * 6


# -- to be read -----------------------------------------------------------------------

CONTENTS = [
    ("no arguments", "[[],{}]"),
    ("one space after the JSON, so that no padding is needed", "[[],{}] "),
    ("two spaces after the JSON", '[["abc"],{}]  '),
    ("white space anywhere in the JSON", ' [ [1 ,2],\n\t{"k" :\r3 } ]\n'),
    ("a positional and a keyword argument", '[["arg"],{"key":"value"}]'),
    ("each type of JSON", '[["text",1,1.5,true,false,null,[],{}],{}]'),
    ("numbers keep their type", "[[0,-0.0,1,1.0,1e300,1e-300,0.1],{}]"),
    ("integers are exact beyond 64 bits", f"[[{10**30},{-(10**30)}],{{}}]"),
    ("text in UTF-8, beyond the basic plane too", '[["é€😀"],{"ü":"ß"}]'),
    ("text in escapes, as 3.0.0 wrote it", r'[["\u00e9\ud83d\ude00"],{}]'),
    ("a lone surrogate, which has no UTF-8 but an escape", r'[["\ud800"],{}]'),
    ("control characters", r'[["\u0000\n\u001b\u2028"],{}]'),
    ("values nested in each other", '[[[1,[2,{"a":[{"b":null}]}]]],{"k":{"":[]}}]'),
    (
        "keywords in their order, whatever they are called",
        '[[],{"b":1,"a":2,"":3,"self":4}]',
    ),
]


def make_readable() -> Iterator[Vector]:
    for number, (about, plaintext) in enumerate(CONTENTS):
        yield make_vector(about, plaintext, number)
    number = len(CONTENTS)
    for about, secret in KEYS:
        yield make_vector(f"key: {about}", '[["k"],{}]', number, secret)
    for count, plaintext in ((1, '[["x"],{}]'), (2, '[["xxx"],{}]')):
        for padded, how in ((True, "with"), (False, "without")):
            about = f"{'=' * count} at the end, {how} it"
            vector = make_vector(about, plaintext, number + count, padded=padded)
            assert vector["token"].endswith("=") == padded
            yield vector
    data = seal(b'[["old"],{}]', OTHER, make_nonce(number + 3))
    yield {
        "about": "an earlier secret",
        "secrets": [SECRET, "some other", OTHER],
        "token": spell(data, padded=False),
        "args": ["old"],
        "kwargs": {},
    }
    longest = make_vector(
        "the longest", f'[["{make_long_text(LONGEST)}"],{{}}]', number + 4
    )
    assert len(longest["token"]) == LONGEST
    yield longest


def make_vector(
    about: str,
    plaintext: str,
    number: int,
    secret: str = SECRET,
    *,
    padded: bool = False,
) -> Vector:
    data = seal(plaintext.encode(), secret, make_nonce(number))
    args, kwargs = json.loads(plaintext)
    short = {"plaintext": plaintext} if len(plaintext) < 100 else {}
    return {
        "about": about,
        "secrets": [secret],
        "token": spell(data, padded=padded),
        **short,
        "args": args,
        "kwargs": kwargs,
    }


def make_long_text(length: int) -> str:
    """Return a text that fills a token up to a length."""
    return "x" * (length * 3 // 4 - 40 - len('[[""],{}]'))


# -- to be refused --------------------------------------------------------------------

WRONG_CONTENTS = [
    ("nothing", b""),
    ("no JSON", b"text"),
    ("JSON that isn't complete", b'[["a"],{}'),
    ("more than one value", b"[[],{}] 1"),
    ("bytes that aren't UTF-8", b'[["\xff"],{}]'),
    ("UTF-16", "[[],{}]".encode("utf-16-le")),
    ("a byte order mark", "\ufeff[[],{}]".encode()),
    ("an object", b'{"args":[],"kwargs":{}}'),
    ("null", b"null"),
    ("an array of nothing", b"[]"),
    ("an array of one", b"[[]]"),
    ("an array of three", b"[[],{},null]"),
    ("object and array the wrong way round", b"[{},[]]"),
    ("text for the positional arguments", b'["ab",{}]'),
    ("an array for the keyword arguments", b"[[],[]]"),
    ("arrays without an end", b"[" * 90),
]


def make_refused() -> Iterator[Vector]:
    for about, token in make_wrong_texts():
        yield {"about": about, "secrets": [SECRET], "token": token}
    data = seal(b'[["a"],{}]', OTHER, make_nonce(0))
    yield {
        "about": "sealed with none of the secrets",
        "secrets": [SECRET, "some other"],
        "token": spell(data, padded=False),
    }
    for number, (about, content) in enumerate(WRONG_CONTENTS):
        data = seal(content, SECRET, make_nonce(number))
        yield {
            "about": f"authentic, but holds {about}",
            "secrets": [SECRET],
            "token": spell(data, padded=False),
        }
    content = f'[["{make_long_text(LONGEST + 4)}"],{{}}]'.encode()
    data = seal(content, SECRET, make_nonce(0))
    yield {
        "about": f"authentic, but longer than {LONGEST} characters",
        "secrets": [SECRET],
        "token": spell(data, padded=False),
    }


def make_wrong_texts() -> Iterator[tuple[str, str]]:
    yield from make_wrong_bytes()
    yield from make_wrong_spellings()


def make_wrong_bytes() -> Iterator[tuple[str, str]]:
    data = seal(b'[["ab"],{}]  ', SECRET, make_nonce(0))
    nonce, mac, box = data[:24], data[24:40], data[40:]
    for about, wrong in [
        ("nothing at all", b""),
        ("a nonce that isn't complete", nonce[:-1]),
        ("a nonce alone", nonce),
        ("no content", nonce + mac),
        ("cut by a byte", data[:-1]),
        ("longer by a byte", data + b"\0"),
        ("a bit of the nonce flipped", bytes([nonce[0] ^ 1]) + data[1:]),
        ("a bit of the authenticator flipped", nonce + bytes([mac[0] ^ 1]) + data[25:]),
        ("the last bit flipped", data[:-1] + bytes([data[-1] ^ 1])),
        ("the nonce at the end", mac + box + nonce),
        ("the authenticator at the end", nonce + box + mac),
        ("bytes of zero", bytes(48)),
    ]:
        yield about, spell(wrong, padded=False)


def make_wrong_spellings() -> Iterator[tuple[str, str]]:
    token = spell(seal(b'[["ab"],{}]', SECRET, make_nonce(0)))
    one = spell(seal(b'[["ab"],{}]  ', SECRET, make_nonce(0)))
    two = spell(seal(b'[["ab"],{}] ', SECRET, make_nonce(0)))
    assert [each.count("=") for each in (token, one, two)] == [0, 1, 2]
    yield "garbage", "garbage"
    yield "the standard alphabet", token.replace("-", "+").replace("_", "/")
    yield "a character of no alphabet", token[:20] + "." + token[21:]
    yield "a space within", token[:20] + " " + token[20:]
    yield "a line break after", token + "\n"
    yield "a space before", " " + token
    yield "a character too many", token + "A"
    yield "a group too many", token + "AAAA"
    yield "a character too few", token[:-1]
    yield "the first two characters swapped", token[1] + token[0] + token[2:]
    yield "upper and lower case swapped", token.swapcase()
    yield "padding where none is needed", token + "="
    yield "padding of a whole group", token + "===="
    yield "nothing but padding", "===="
    yield "padding before", "=" + one[:-1]
    yield "one = too many", one + "="
    yield "one = too few", two[:-1]
    yield "percent-encoded padding", two[:-2] + "%3D%3D"
    yield "a bit set that no byte needs", one[:-2] + find_next(one[-2]) + "="
    yield "such a bit, without padding", two[:-3] + find_next(two[-3])
    yield "a letter that only looks like one", token[:20] + "\uff21" + token[21:]
    yield "a slash within", token[:20] + "/" + token[20:]
    yield "a slash at the end, which is the URL's", token + "/"
    yield "the token twice", token + token


def find_next(character: str) -> str:
    """Return the next character of the alphabet."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(character) + 1]


# -- the file -------------------------------------------------------------------------


def make_text() -> str:
    """Return the text of the file."""
    content = {
        "about": ABOUT,
        "keys": [
            {"about": about, "secret": secret, "key_hex": make_key(secret).hex()}
            for about, secret in KEYS
        ],
        "read": list(make_readable()),
        "refused": list(make_refused()),
        "written_by_django_ptrack_3.0.0": load()["written_by_django_ptrack_3.0.0"],
    }
    return json.dumps(content, indent=2) + "\n"


def load() -> dict[str, Any]:
    """Return the content of the file."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


if __name__ == "__main__":
    FILE.write_text(make_text())
