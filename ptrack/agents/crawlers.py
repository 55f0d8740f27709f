"""The data set ``crawler-user-agents``, made quick enough to be asked within a request.

Its own ``is_crawler`` tries all expressions and doesn't tell which one matched, and
``matching_crawlers``, which does, takes tens of milliseconds: it compiles 1,500 of them
anew, because `re` keeps only 512. But all save a few dozen are plain text, so a user
agent can only match those with which it shares three characters in a row: a look into a
`dict` finds them, in less time than either.

https://github.com/monperrus/crawler-user-agents
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

NOT_CRAWLERS = frozenset({r"AP3A\.240617\.008"})
"""Patterns that are left out: people match them. This one is the number of an Android
15 build, which telephones of several makers have in their browsers' user agent."""

_PLAIN = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^\w\s])+")
_GRAM = 3


class Crawler(NamedTuple):
    """An entry of the data set.

    Attributes:
        name: What its pattern matches in the data set's own example; never the text of
            a stranger.
        tags: Its classification there, such as ``"search-engine"`` or ``"scanner"``.
    """

    name: str
    tags: frozenset[str]


class Crawlers:
    """Finds the entry of a user agent.

    Args:
        entries: In the form of ``CRAWLER_USER_AGENTS_DATA``.
    """

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self._entries = entries
        plain = dict(_plain(entries))
        self._by_gram = _by_gram(plain)
        self._grams = frozenset(self._by_gram)
        self._expressions = [
            (number, re.compile(entry["pattern"]))
            for number, entry in enumerate(entries)
            if number not in plain and entry["pattern"] not in NOT_CRAWLERS
        ]

    def find(self, user_agent: str) -> Crawler | None:
        """Give the first entry, in the data set's order, that a user agent matches.

        Args:
            user_agent: Of limited length, for what it takes grows with it: some 30 µs
                for one of 110 characters.
        """
        number = min(self._matches(user_agent), default=None)
        return None if number is None else _crawler(self._entries[number])

    def _matches(self, user_agent: str) -> Iterator[int]:
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
def crawlers() -> Crawlers:
    """Give the data set that is installed, prepared once (some 40 ms)."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    return Crawlers(CRAWLER_USER_AGENTS_DATA)


def _plain(entries: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Give the patterns that are plain text, by the number of their entry."""
    for number, entry in enumerate(entries):
        pattern = entry["pattern"]
        if pattern in NOT_CRAWLERS or not _PLAIN.fullmatch(pattern):
            continue
        plain = re.sub(r"\\(.)", r"\1", pattern)
        if len(plain) >= _GRAM:
            yield number, plain


def _by_gram(plain: Mapping[int, str]) -> dict[str, list[tuple[int, str]]]:
    """File each text under that of its grams which the fewest others have."""
    counts = Counter(gram for each in plain.values() for gram in _grams(each))
    found = defaultdict(list)
    for number, each in plain.items():
        found[min(_grams(each), key=counts.__getitem__)].append((number, each))
    return dict(found)


def _grams(plain: str) -> list[str]:
    return [plain[end - _GRAM : end] for end in range(_GRAM, len(plain) + 1)]


def _crawler(entry: dict[str, Any]) -> Crawler:
    pattern = entry["pattern"]
    examples = (re.search(pattern, each) for each in entry["instances"])
    example = next(filter(None, examples), None)
    name = pattern if example is None else example[0]
    return Crawler(name.strip(" /"), frozenset(entry.get("tags", ())))
