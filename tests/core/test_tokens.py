"""ptrack.core.tokens: the token format, keys, and the default encoder."""

import base64
import hashlib
import json
import math
import re
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from nacl.secret import SecretBox

from ptrack import PtrackEncoder
from ptrack.core.tokens import MAX_TOKEN_LENGTH, TokenBox, make_key
from ptrack.exceptions import PtrackConfigurationError, PtrackError, PtrackTokenError
from tests.reference import seal, spell

SECRET = "s3cret"
BOX = TokenBox(SECRET)


def seal_by_300(*args: Any, secret: str = SECRET, **kwargs: Any) -> str:
    """Return a token as django-ptrack 3.0.0 wrote it, without a line of ours."""
    key = (secret + "{" * (32 - len(secret))).encode()
    data = json.dumps((args, kwargs)).encode()
    return base64.urlsafe_b64encode(SecretBox(key).encrypt(data)).decode()


def read_by_300(token: str, secret: str = SECRET) -> Any:
    """Read as django-ptrack 3.0.0 does."""
    key = (secret + "{" * (32 - len(secret))).encode()
    data = SecretBox(key).decrypt(base64.urlsafe_b64decode(token.encode()))
    return json.loads(data.decode())


def make_token(data: bytes, secret: str = SECRET) -> str:
    """Seal any bytes, so that nothing but the content can be wrong."""
    return spell(seal(data, secret))


# -- keys -----------------------------------------------------------------------------


def test_key_is_the_secret_padded_with_braces():
    assert make_key("abc") == b"abc" + b"{" * 29
    assert make_key(b"abc") == make_key("abc")
    assert make_key("é" * 16) == "é".encode() * 16


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("", "empty"),
        (b"", "empty"),
        ("x" * 33, "32 bytes in UTF-8, not 33"),
        ("é" * 17, "32 bytes in UTF-8, not 34"),
        (None, "not NoneType"),
        (42, "not int"),
        ("\ud800", "UTF-8"),
    ],
)
def test_bad_secret_is_refused_with_its_reason(secret, said):
    with pytest.raises(PtrackConfigurationError, match=said):
        TokenBox(secret)


def test_refusal_of_a_secret_does_not_show_it():
    with pytest.raises(PtrackConfigurationError) as caught:
        make_key("top\ud800secret")
    assert "top" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_box_does_not_show_its_keys():
    assert SECRET not in repr(BOX)
    assert SECRET not in str(BOX)


# -- the way there and back -----------------------------------------------------------


@pytest.mark.parametrize("size", range(9))
def test_token_needs_no_padding_and_survives_quoted_printable(size):
    token = BOX.encrypt("x" * size)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert len(token) % 4 == 0
    assert BOX.decrypt(token) == (["x" * size], {})


@pytest.mark.parametrize("size", range(9))
def test_token_is_read_by_django_ptrack_300_and_never_longer_than_its(size):
    token = BOX.encrypt("x" * size, key="ü🙂")
    assert read_by_300(token) == [["x" * size], {"key": "ü🙂"}]
    assert len(token) <= len(seal_by_300("x" * size, key="ü🙂"))


@pytest.mark.parametrize("size", range(9))
def test_token_of_django_ptrack_300_is_read_with_and_without_its_padding(size):
    token = seal_by_300("x" * size, k=1)
    assert BOX.decrypt(token) == (["x" * size], {"k": 1})
    assert BOX.decrypt(token.rstrip("=")) == (["x" * size], {"k": 1})
    assert BOX.decrypt(token.encode()) == (["x" * size], {"k": 1})


def test_empty_token_is_no_longer_than_300s():
    assert len(BOX.encrypt()) == len(seal_by_300()) == 64


def test_two_tokens_of_the_same_arguments_differ():
    assert BOX.encrypt("a") != BOX.encrypt("a")


def test_keywords_of_any_name_are_carried():
    """Not even ``self`` collides with a parameter of the method."""
    kwargs = {"self": 1, "args": 2, "request": 3, "": 4, "a b": 5}
    assert BOX.decrypt(BOX.encrypt(**kwargs)) == ([], kwargs)


def test_token_longer_than_servers_take_is_refused_when_made():
    size = MAX_TOKEN_LENGTH // 4 * 3 - 24 - 16 - len('[[""],{}]')
    for fit in range(size - 3, size + 1):
        assert len(BOX.encrypt("x" * fit)) <= MAX_TOKEN_LENGTH
    assert len(BOX.encrypt("x" * size)) == MAX_TOKEN_LENGTH
    with pytest.raises(ValueError, match=r"would have 8004 characters.*put less"):
        BOX.encrypt("x" * (size + 1))


# -- refusals -------------------------------------------------------------------------


def test_longer_token_is_refused_before_any_decoding():
    """It would be authentic, so only its length can be why it is refused."""
    token = make_token(json.dumps([["x" * 8000], {}]).encode())
    with pytest.raises(PtrackTokenError):
        BOX.decrypt(token)


NO_TOKENS = {
    "empty": "",
    "garbage": "garbage",
    "one character": "A",
    "only padding": "=",
    "padding of four": "====",
    "umlauts": "ü" * 64,
    "surrogate": "\ud800",
    "zeros": "A" * 64,
    "cut": BOX.encrypt()[:-4],
    "longer": BOX.encrypt() + "AAAA",
    "padded": BOX.encrypt() + "=",
    "line break behind": BOX.encrypt() + "\n",
    "space before": " " + BOX.encrypt(),
    "plus inside": BOX.encrypt()[:10] + "+" + BOX.encrypt()[11:],
    "dot inside": BOX.encrypt()[:10] + "." + BOX.encrypt()[10:],
    "padding inside": BOX.encrypt()[:10] + "=" + BOX.encrypt()[10:],
    "dots inside": BOX.encrypt()[:10] + "..." + BOX.encrypt()[13:],
    "dots behind": "A...",
    "only dots": "....",
    "forged": TokenBox("another").encrypt(),
    "not UTF-8": make_token(b"\xff\xfe"),
    "not JSON": make_token(b"not json"),
    "more behind": make_token(b"[[], {}] more"),
    "no-break space behind": make_token(b"[[], {}]\xc2\xa0"),
    "byte order mark": make_token(b"\xef\xbb\xbf[[], {}]"),
    "object": make_token(b"{}"),
    "empty list": make_token(b"[]"),
    "no keywords": make_token(b"[[]]"),
    "wrong way round": make_token(b"[{}, []]"),
    "text for arguments": make_token(b'["ab", {}]'),
    "three members": make_token(b"[[], {}, 1]"),
    "deep": make_token(b"[" * 3000),
}


@pytest.mark.parametrize("token", NO_TOKENS.values(), ids=NO_TOKENS)
def test_text_that_is_no_token_raises_one_and_the_same_error(token):
    with pytest.raises(PtrackTokenError, match=r"^not a token$") as caught:
        BOX.decrypt(token)
    assert isinstance(caught.value, PtrackError)
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("size", [2, 3])
def test_token_has_one_spelling(size):
    """The bits that its last character doesn't need can't be set."""
    token = seal_by_300("x" * size)
    bare = token.rstrip("=")
    assert token != bare
    assert BOX.decrypt(bare)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(bare[-1]) + 1]
    assert base64.urlsafe_b64decode(bare[:-1] + other + "==") == (
        base64.urlsafe_b64decode(token)
    )
    with pytest.raises(PtrackTokenError):
        BOX.decrypt(bare[:-1] + other)
    with pytest.raises(PtrackTokenError):
        BOX.decrypt(bare + "=" * (3 - (len(token) - len(bare))))


def test_every_character_counts():
    token = BOX.encrypt("a")
    for place, char in enumerate(token):
        mutated = token[:place] + ("A" if char != "A" else "B") + token[place + 1 :]
        with pytest.raises(PtrackTokenError):
            BOX.decrypt(mutated)


@pytest.mark.parametrize("character", "+/=.! \n")
def test_nothing_outside_the_alphabet_is_skipped_or_translated(character):
    """The character stands in the place of another one, or before it."""
    token = BOX.encrypt("a")
    for place in range(len(token)):
        for rest in (token[place:], token[place + 1 :]):
            with pytest.raises(PtrackTokenError):
                BOX.decrypt(token[:place] + character + rest)


def test_json_may_have_white_space_around_it():
    """RFC 8259, section 2: other implementations may write it so."""
    assert BOX.decrypt(make_token(b"\r\n\t [[1], {}]\r\n\t ")) == ([1], {})


def test_values_that_300_wrote_and_we_do_not_are_still_read():
    args, kwargs = BOX.decrypt(seal_by_300((1, 2), math.inf, k={1: 2}))
    assert (args, kwargs) == ([[1, 2], math.inf], {"k": {"1": 2}})


# -- rotation -------------------------------------------------------------------------


def test_fallbacks_read_and_the_secret_writes():
    old, new = TokenBox("old"), TokenBox("new", ["older", "old"])
    assert new.decrypt(old.encrypt(1)) == ([1], {})
    assert new.decrypt(TokenBox("older").encrypt(2)) == ([2], {})
    assert TokenBox("new").decrypt(new.encrypt(3)) == ([3], {})
    with pytest.raises(PtrackTokenError):
        old.decrypt(new.encrypt(4))


# -- derived keys ---------------------------------------------------------------------


def test_derived_box_reads_nothing_of_its_origin_nor_of_another_purpose():
    boxes = [BOX, BOX.derive(b"one"), BOX.derive(b"other"), BOX.derive(b"one" * 5)]
    for box in boxes:
        for reader in boxes:
            if box is reader:
                assert reader.decrypt(box.encrypt("a")) == (["a"], {})
            else:
                with pytest.raises(PtrackTokenError):
                    reader.decrypt(box.encrypt("a"))


def test_derived_box_has_a_key_for_each_secret():
    derived = TokenBox("new", ["older", "old"]).derive(b"one")
    for secret in ("new", "older", "old"):
        token = TokenBox(secret).derive(b"one").encrypt(secret)
        assert derived.decrypt(token) == ([secret], {})
    assert TokenBox("new").derive(b"one").decrypt(derived.encrypt(1)) == ([1], {})


def test_derived_key_is_blake2b_of_nothing():
    key = hashlib.blake2b(b"", digest_size=32, key=make_key(SECRET), person=b"one")
    token = BOX.derive(b"one").encrypt("a")
    data = SecretBox(key.digest()).decrypt(base64.urlsafe_b64decode(token))
    assert json.loads(data) == [["a"], {}]


# -- the default encoder --------------------------------------------------------------


def test_default_encoder_uses_the_settings_and_their_overrides():
    token = PtrackEncoder.encrypt("a", b=1)
    assert isinstance(token, str)
    args, kwargs = PtrackEncoder.decrypt(token)
    assert (args, kwargs) == (["a"], {"b": 1})
    with override_settings(PTRACK_SECRET="another"):
        with pytest.raises(PtrackTokenError):
            PtrackEncoder.decrypt(token)
        assert PtrackEncoder.decrypt(seal_by_300(1, secret="another")) == ([1], {})
    with override_settings(
        PTRACK_SECRET=b"another",
        PTRACK_SECRET_FALLBACKS=["s3cret of thirty-two characters!"],
    ):
        assert PtrackEncoder.decrypt(token) == (["a"], {"b": 1})


def test_error_of_the_default_encoder_without_a_secret_names_the_setting():
    with (
        override_settings(PTRACK_SECRET=None),
        pytest.raises(ImproperlyConfigured, match=r"PTRACK_SECRET is not set\. Set it"),
    ):
        PtrackEncoder.encrypt()
