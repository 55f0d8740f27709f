"""The data set ``crawler-user-agents``, searched fast enough for a request.

Its own ``is_crawler`` tries all patterns and doesn't return the one that matched.
``matching_crawlers`` does, but takes tens of milliseconds: it compiles 1,500 patterns
again, because `re` keeps only 512. But all patterns except a few dozen are plain text,
so a user agent can only match those that share three characters in a row with it.
Looking these up in a `dict` is faster than either function. The case of letters is
ignored, because some proxies change it.

https://github.com/monperrus/crawler-user-agents
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

NOT_CRAWLERS = frozenset(
    {
        r"AP3A\.240617\.008",  # A build of Android 15, on telephones of several makers.
        "MetaIAB Facebook",  # Facebook's own browser, in its app.
        "Fluid",  # A Mac browser for single sites.
        r"Code\/1\.",  # The browser in the editor Visual Studio Code.
        r"Trae\/",  # The browser in the editor Trae.
    }
)
"""Patterns that are left out because they are those of browsers that people use."""

_PLAIN = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^\w\s])+")
_GRAM = 3


class Entry(NamedTuple):
    """An entry of the data set.

    Attributes:
        name: The text that its pattern matches in the data set's own example; no part
            of it comes from a request.
        tags: Its tags in the data set, such as ``"search-engine"`` or ``"scanner"``.
        examples: User agents that the data set has for it.
        pattern: The regular expression that its user agents match.
    """

    name: str
    tags: frozenset[str]
    examples: tuple[str, ...]
    pattern: str

    def begins_word(self, user_agent: str) -> bool:
        """Return whether the pattern matches somewhere but inside of a word.

        Args:
            user_agent: A text in lower case.
        """
        return any(
            not match[0][:1].isalnum() or not user_agent[: match.start()][-1:].isalnum()
            for match in re.finditer(_lower_pattern(self.pattern), user_agent)
        )


class Crawlers:
    """Finds the entries of a user agent.

    Args:
        entries: A list in the form of ``CRAWLER_USER_AGENTS_DATA``.
    """

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self._entries = entries
        plain = dict(_find_plain(entries))
        self._by_gram = _index_by_gram(plain)
        self._grams = frozenset(self._by_gram)
        self._expressions = [
            (number, re.compile(_lower_pattern(entry["pattern"])))
            for number, entry in enumerate(entries)
            if number not in plain and entry["pattern"] not in NOT_CRAWLERS
        ]

    def find_all(self, user_agent: str) -> Iterator[Entry]:
        """Yield the entries that a user agent matches, in the data set's order.

        Args:
            user_agent: A text in lower case, of limited length: the time grows with it.
        """
        for number in sorted(set(self._find_matches(user_agent))):
            yield _make_entry(self._entries[number])

    def _find_matches(self, user_agent: str) -> Iterator[int]:
        ends = range(_GRAM, len(user_agent) + 1)
        grams = (user_agent[end - _GRAM : end] for end in ends)
        for gram in self._grams.intersection(grams):
            for number, plain in self._by_gram[gram]:
                if plain in user_agent:
                    yield number
        for number, expression in self._expressions:
            if expression.search(user_agent):
                yield number


@cache
def load_crawlers() -> Crawlers:
    """Return the data set that is installed, prepared once (some 40 ms)."""
    # It reads its file: only where a user agent is identified.
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    return Crawlers(CRAWLER_USER_AGENTS_DATA)


def _lower_pattern(pattern: str) -> str:
    r"""Return a pattern that matches the same in lower case, with classes as ``\S``.

    It takes a third of the time of a pattern that ignores case.
    """
    return re.sub(r"(?<!\\)[A-Z]", lambda letter: letter[0].lower(), pattern)


def _find_plain(entries: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield the patterns that are plain text, each behind the number of its entry."""
    for number, entry in enumerate(entries):
        pattern = entry["pattern"]
        if pattern in NOT_CRAWLERS or not _PLAIN.fullmatch(pattern):
            continue
        plain = re.sub(r"\\(.)", r"\1", pattern)
        if len(plain) >= _GRAM:
            yield number, plain.lower()


def _index_by_gram(plain: Mapping[int, str]) -> dict[str, list[tuple[int, str]]]:
    """File each text under the rarest of its grams."""
    counts = Counter(gram for each in plain.values() for gram in _cut_grams(each))
    found = defaultdict(list)
    for number, each in plain.items():
        found[min(_cut_grams(each), key=counts.__getitem__)].append((number, each))
    return dict(found)


def _cut_grams(plain: str) -> list[str]:
    return [plain[end - _GRAM : end] for end in range(_GRAM, len(plain) + 1)]


def _make_entry(entry: dict[str, Any]) -> Entry:
    pattern, examples = entry["pattern"], entry["instances"]
    matches = (re.search(pattern, each) for each in examples)
    match = next(filter(None, matches), None)
    name = pattern if match is None else match[0]
    tags = frozenset(entry.get("tags", ()))
    return Entry(name.strip(" /"), tags, tuple(examples), pattern)
