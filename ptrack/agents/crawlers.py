"""The data set ``crawler-user-agents``, searched fast enough for a request.

Its own ``is_crawler`` tries all patterns and doesn't return the one that matched.
``matching_crawlers`` does, but takes tens of milliseconds: it compiles 1,500 patterns
again, because `re` keeps only 512. But all patterns except a few dozen are plain text,
so a user agent can only match those that share three characters in a row with it.
Looking these up in a `dict` is faster than either function.

https://github.com/monperrus/crawler-user-agents
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

NOT_CRAWLERS = frozenset({r"AP3A\.240617\.008"})
"""Patterns that are left out because people match them.

This one is the number of a build of Android 15. Browsers on the phones of several
makers have it in their user agents.
"""

_PLAIN = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^\w\s])+")
_GRAM = 3


class Crawler(NamedTuple):
    """An entry of the data set.

    Attributes:
        name: The text that its pattern matches in the data set's own example; no part
            of it comes from a request.
        tags: Its tags in the data set, such as ``"search-engine"`` or ``"scanner"``.
    """

    name: str
    tags: frozenset[str]


class Crawlers:
    """Finds the entry of a user agent.

    Args:
        entries: A list in the form of ``CRAWLER_USER_AGENTS_DATA``.
    """

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self._entries = entries
        plain = dict(_find_plain(entries))
        self._by_gram = _index_by_gram(plain)
        self._grams = frozenset(self._by_gram)
        self._expressions = [
            (number, re.compile(entry["pattern"]))
            for number, entry in enumerate(entries)
            if number not in plain and entry["pattern"] not in NOT_CRAWLERS
        ]

    def find(self, user_agent: str) -> Crawler | None:
        """Return the first entry, in the data set's order, that a user agent matches.

        Args:
            user_agent: A text of limited length: the time grows with it.
        """
        number = min(self._find_matches(user_agent), default=None)
        return None if number is None else _make_crawler(self._entries[number])

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


def _find_plain(entries: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield the patterns that are plain text, each behind the number of its entry."""
    for number, entry in enumerate(entries):
        pattern = entry["pattern"]
        if pattern in NOT_CRAWLERS or not _PLAIN.fullmatch(pattern):
            continue
        plain = re.sub(r"\\(.)", r"\1", pattern)
        if len(plain) >= _GRAM:
            yield number, plain


def _index_by_gram(plain: Mapping[int, str]) -> dict[str, list[tuple[int, str]]]:
    """File each text under the rarest of its grams."""
    counts = Counter(gram for each in plain.values() for gram in _cut_grams(each))
    found = defaultdict(list)
    for number, each in plain.items():
        found[min(_cut_grams(each), key=counts.__getitem__)].append((number, each))
    return dict(found)


def _cut_grams(plain: str) -> list[str]:
    return [plain[end - _GRAM : end] for end in range(_GRAM, len(plain) + 1)]


def _make_crawler(entry: dict[str, Any]) -> Crawler:
    pattern = entry["pattern"]
    examples = (re.search(pattern, each) for each in entry["instances"])
    example = next(filter(None, examples), None)
    name = pattern if example is None else example[0]
    return Crawler(name.strip(" /"), frozenset(entry.get("tags", ())))
