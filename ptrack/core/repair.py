"""A URL that was damaged on its way, and the token that it probably had.

Mail clients, proxies and people glue characters on behind a URL, and put others into
it. The token is guessed from the text alone, without a key. A guess can't be a forgery:
a token is authentic or it is nothing. Text that is mended can't be a token as it is, so
nothing was decrypted before, and there are at most two guesses.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from typing import NamedTuple

from .kinds import PIXEL, Kind
from .tokens import MAX_TOKEN_LENGTH, MIN_TOKEN_LENGTH, can_end

# Something may be put in behind each letter of most tokens, and all lines of any.
_MAX_PIECES = 250

# All quantifiers are possessive, or have a limit: no text takes long.
_ONE = (
    # The end of a line, and the start of the next one in a quotation.
    r"(?:[\r\n]++(?:[ \t]*+>[> \t]*+)?+"
    # The escapes of quoted-printable for "=" and white space (RFC 2045, section 6.7).
    r"|=(?:3[Dd]|0[AaDd9]|20)"
    # Such a "=" at the end of a line; controls; white space, which forms write as "+".
    # A "=" may be the padding of a token too, which can be read without it.
    r"|[=+\s\x00-\x1f\x7f-\x9f"
    # Marks that nobody sees: Unicode, category Cf and Default_Ignorable_Code_Point.
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
    # A server reads bytes as this one that aren't UTF-8.
    r"\ufffd]"
    # The same, if a proxy has percent-encoded the path once more.
    r"|%(?:3[Dd]|2[0Bb]|7[Ff]|[0189A-Fa-f][0-9A-Fa-f])"
    r")"
)
_PUT_IN = _ONE + "{,16}+"
_FRONT = f"(?:/{_PUT_IN}){{,16}}+"

_letters = re.compile("[A-Za-z0-9_-]*+")
_front = re.compile(_PUT_IN + _FRONT)
_piece = re.compile(f"([A-Za-z0-9_-]*+)({_PUT_IN})")
# White space, but no line break that quoted-printable put in.
_space = re.compile(r"(?:=[ \t]*+\r?\n|[^\s+%])*+(?:[\s+]|%(?:20|0[9AD]))")


# Letters of a token, and the gap behind them: white space and invisible marks.
_Piece = tuple[str, str]


class Damage(NamedTuple):
    """The difference between a damaged text and the token in it.

    Attributes:
        dropped: The number of characters before the token and in it that aren't a part
            of it.
        cut: The text behind it.
    """

    dropped: int
    cut: str


UNDAMAGED = Damage(0, "")


class Fronts:
    """Finds the kind that the front of a damaged path names.

    Args:
        kinds: The kinds that have a segment, the longest segment first.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = [(kind, _compile_front(kind.segment)) for kind in kinds]

    def split(self, text: str) -> tuple[Kind, str]:
        """Return the kind, and the text behind its segment.

        Args:
            text: The path behind the prefix. Slashes that are doubled don't count, nor
                do characters that were put in.
        """
        for kind, front in self._kinds:
            found = front.match(text)
            if found is not None:
                return kind, text[found.end() :]
        return PIXEL, text[_find_end(_front, text, 0) :]


def mend(text: str) -> list[str]:
    """Return the tokens that a damaged text may have held, the likeliest first.

    Args:
        text: The path behind the segment of the kind, decoded.

    Returns:
        At most two; none if it can't have held one, or is a token as it is.
    """
    return [token for token in find_tokens(text) if not _is_whole(text, token)]


def find_tokens(text: str) -> list[str]:
    """Return the tokens that a text may hold, the likeliest first.

    Args:
        text: As for `mend`.

    Returns:
        At most two; one if the text is a token as it is.
    """
    # Most garbage is refused here, before any work.
    if not MIN_TOKEN_LENGTH <= len(text) <= MAX_TOKEN_LENGTH:
        return []
    # Most forgeries too. A search would show in the time of their answers.
    if _letters.fullmatch(text) and can_end(text, len(text)):
        return [text]
    pieces = _find_pieces(text)
    letters = "".join(piece for piece, _ in pieces)
    return [letters[:end] for end in _find_ends(letters, pieces)]


def measure_damage(text: str, token: str) -> Damage:
    """Return the parts of a text that aren't of the token in it.

    Args:
        text: As for `mend`.
        token: A result of `find_tokens` for the text.
    """
    if _is_whole(text, token):
        return UNDAMAGED
    pieces = _piece.finditer(text, _find_end(_front, text, 0))
    places = (place for piece in pieces for place in range(*piece.span(1)))
    end = next(islice(places, len(token) - 1, None)) + 1
    return Damage(end - len(token), text[end:])


def _compile_front(segment: str) -> re.Pattern[str]:
    return re.compile(_front.pattern + _PUT_IN.join(map(re.escape, segment)))


def _is_whole(text: str, token: str) -> bool:
    """Return whether a text is a token as it is, with its padding or without."""
    padded = token + "=" * (-len(token) % 4)
    return text in (token, padded)


def _find_pieces(text: str) -> list[_Piece]:
    """Return the pieces of a token before the first character that was glued on."""
    pieces: list[_Piece] = []
    end = _find_end(_front, text, 0)
    for found in islice(_piece.finditer(text, end), _MAX_PIECES):
        pieces.append((found[1], found[2]))
        end = found.end()
        if not found[2]:
            break
    letters, gap = pieces[-1]
    # The address of another site may begin with letters of the alphabet.
    for mark, word in ((":", "https"), (":", "http"), (".", "www")):
        if text.startswith(mark, end) and letters.lower().endswith(word):
            pieces[-1] = letters[: -len(word)], gap
            break
    return pieces


def _find_end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return the end of the text that a pattern matches, which may be no text."""
    found = pattern.match(text, start)
    return start if found is None else found.end()


def _find_ends(letters: str, pieces: Sequence[_Piece]) -> list[int]:
    """Return the ends that a token may have among letters of the alphabet.

    Words behind white space may be a part of the token or not. So its end is the last
    end of a piece at which a token can end, or else the first one before white space or
    behind padding, or else the first of all. If there is none, up to three letters were
    glued on: tokens of this version have a multiple of four.
    """
    ends = list(accumulate(len(piece) for piece, _ in pieces))
    last = next(_find_possible(letters, reversed(ends)), None)
    if last is None:
        end = len(letters) // 4 * 4
        return [end] if can_end(letters, end) else []
    rests = (
        (end, gap.removeprefix("=" * (-end % 4)))
        for end, (_, gap) in zip(ends, pieces, strict=True)
    )
    likely = (end for end, rest in rests if not rest or _space.match(rest))
    others = _find_possible(letters, chain(likely, ends))
    return [last, *islice((end for end in others if end != last), 1)]


def _find_possible(letters: str, ends: Iterable[int]) -> Iterator[int]:
    """Yield those of the ends at which a token can end.

    Up to three dashes or marks of emphasis that were glued on are left out.
    """
    for end in ends:
        for possible in range(end, end - 4, -1):
            if can_end(letters, possible):
                yield possible
                break
            if not letters.endswith(("-", "_"), 0, possible):
                break
