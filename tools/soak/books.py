"""The books: what was asked and answered, against what the callbacks have recorded.

Every valid request has an id of its own. It may be recorded as often as it was sent
whole, and has to be as often as it was answered: once each, unless it had to be
repeated because no answer came.
"""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from .mix import Request
from .places import BEHIND, JOURNAL, LEDGER, LOG, SECOND, WORKER


@dataclass
class Book:
    """What the client has seen.

    Attributes:
        kinds: Requests by kind.
        answers: Answers by kind and status.
        wrong: Answers that aren't what they should be, by kind and status.
        refusals: Connections that didn't come about.
        repeated: Requests that were sent, got no answer, and were sent again.
        hang_ups: Requests that the server may refuse, and did by hanging up.
        whole: How often each id was sent whole.
        seen: How often each id was answered.
        options: The ids whose tokens carried an option, by its name.
        longest: Seconds that the slowest answer took, with all repetitions.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: Counter[tuple[str, int]] = field(default_factory=Counter)
    refusals: int = 0
    repeated: int = 0
    hang_ups: int = 0
    whole: Counter[int] = field(default_factory=Counter)
    seen: Counter[int] = field(default_factory=Counter)
    options: dict[str, set[int]] = field(default_factory=dict)
    longest: float = 0

    def request(self, request: Request) -> None:
        """Take down a request that is going to be sent."""
        self.kinds[request.kind] += 1
        if request.hit is not None:
            for option in request.options:
                self.options.setdefault(option, set()).add(request.hit)

    def sent(self, request: Request) -> None:
        """Take down that it went out whole."""
        if request.hit is not None:
            self.whole[request.hit] += 1

    def answered(self, request: Request, status: int, right: bool) -> None:
        """Take down its answer, and whether it was the right one."""
        self.answers[request.kind, status] += 1
        if not right:
            self.wrong[request.kind, status] += 1
        if request.hit is not None:
            self.seen[request.hit] += 1

    def waited(self, request: Request, seconds: float) -> None:
        """Take down how long all of it took."""
        if "block" not in request.options:
            self.longest = max(self.longest, seconds)

    def unanswered(self, request: Request) -> None:
        """Take down that it was sent and no answer came."""
        self.repeated += 1

    def refused(self, request: Request) -> None:
        """Take down that there was no connection to send it on."""
        self.refusals += 1

    def hung_up(self, request: Request) -> None:
        """Take down that the server refused it by hanging up."""
        self.hang_ups += 1

    left = sent

    @property
    def sent_requests(self) -> int:
        """All requests."""
        return self.kinds.total()

    def status(self, low: int, high: int) -> int:
        """Give how many answers have a status from one number to below another."""
        return sum(n for (_, status), n in self.answers.items() if low <= status < high)


@dataclass(frozen=True)
class Balance:
    """How far what was recorded is from what should have been.

    Attributes:
        answered: Hits that were answered, each repetition counted.
        recorded: Hits that are recorded.
        lost: Hits that are answered and not recorded.
        surplus: Records that nobody asked for, or one too many.
    """

    answered: int
    recorded: int
    lost: int
    surplus: int


def balance(whole: Counter[int], seen: Counter[int], found: Counter[int]) -> Balance:
    """Compare ids: how often sent whole, how often answered, how often recorded."""
    return Balance(
        answered=seen.total(),
        recorded=found.total(),
        lost=(seen - found).total(),
        surplus=(found - whole).total(),
    )


def ledger(book: Book, place: Path) -> Balance:
    """Compare what the callback that records everything has with the books."""
    return balance(book.whole, book.seen, _rows(place / LEDGER))


@dataclass(frozen=True)
class Others:
    """The same for the callbacks that may fail: a failure that is logged is no loss.

    Attributes:
        failures: What was logged, by the callback's name.
        lost: Hits that are neither recorded nor logged as a failure.
        surplus: Records or failures that nobody asked for, or one too many.
    """

    failures: Counter[str]
    lost: int
    surplus: int


def others(book: Book, place: Path) -> Others:
    """Compare what the callbacks that fail have recorded and logged with the books."""
    failures = logged_failures(place)
    checked = [
        _shortfall(book, "fail", Counter(), failures["Failing"]),
        _shortfall(book, "also", _rows(place / SECOND), failures["InDatabase"]),
        _shortfall(book, "also", _lines(place), failures["InFile"]),
    ]
    lost, surplus = zip(*checked, strict=True)
    known = sum(failures[name] for name in ("Failing", "InDatabase", "InFile"))
    return Others(failures, sum(lost), sum(surplus) + failures.total() - known)


def logged_failures(place: Path, module: str = "tools.soak.served.pixels") -> Counter[str]:
    """Count the failures in ptrack's log, by the callback's class."""
    pattern = rf"^ERROR ptrack: Tracking pixel {re.escape(module)}\.(\w+) failed$"
    text = (place / LOG).read_text(errors="replace")
    return Counter(re.findall(pattern, text, re.MULTILINE))


def _shortfall(
    book: Book, option: str, found: Counter[int], failed: int
) -> tuple[int, int]:
    """Give how many of the hits with an option are missing, and how many too many."""
    ids = book.options.get(option, set())
    done = found.total() + failed
    least = sum(book.seen[each] for each in ids)
    most = {each: book.whole[each] for each in ids}
    too_many = max(0, done - sum(most.values()))
    return max(0, least - done), max(too_many, (found - Counter(most)).total())


def _rows(database: Path) -> Counter[int]:
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return Counter(dict(connection.execute(_COUNT)))


_COUNT = "SELECT id, count(*) FROM hits GROUP BY id"


def _lines(place: Path) -> Counter[int]:
    text = (place / f"{JOURNAL}.sound").read_text()
    return Counter(map(int, text.split()))


@dataclass(frozen=True)
class Behind:
    """The same for what is recorded in the background, once or more for each hit.

    Attributes:
        answered: Hits that were answered, each repetition counted.
        recorded: Hits that are recorded, those with the same id of ptrack's only once.
        lost: Hits that are answered and not recorded.
        surplus: Hits that nobody asked for, or one too many.
        doubled: Records of a hit beyond its first.
        at_once: Hits that the server recorded itself, having logged why.
        unlogged: Hits more than those that it has recorded without a word, or fewer.
    """

    answered: int
    recorded: int
    lost: int
    surplus: int
    doubled: int
    at_once: int
    unlogged: int


def behind(book: Book, place: Path) -> Behind:
    """Compare what was recorded in the background with the books."""
    with closing(sqlite3.connect(place / BEHIND, timeout=10)) as database:
        rows = list(database.execute("SELECT id, hit FROM recorded"))
    found = set(rows)
    counted = balance(book.whole, book.seen, Counter(each for each, _ in found))
    themselves = at_once(place)
    return Behind(
        answered=counted.answered,
        recorded=counted.recorded,
        lost=counted.lost,
        # An id of ptrack's is that of one hit only.
        surplus=counted.surplus + len(found) - len({hit for _, hit in found}),
        doubled=len(rows) - len(found),
        at_once=themselves,
        unlogged=themselves - _logged_refusals(place),
    )


def recorded(place: Path) -> int:
    """Count what was recorded in the background, or at once, so far."""
    with closing(sqlite3.connect(place / BEHIND, timeout=10)) as database:
        (count,) = database.execute("SELECT count(*) FROM recorded").fetchone()
    return int(count)


def at_once(place: Path) -> int:
    """Count the hits that the server recorded itself, so far.

    It is of the database alone, so that it can be asked while a load goes on: the books
    are changed by another thread then.
    """
    with closing(sqlite3.connect(place / BEHIND, timeout=10)) as database:
        query = "SELECT count(*) FROM recorded WHERE who IS NOT ?"
        (count,) = database.execute(query, (WORKER,)).fetchone()
    return int(count)


def _logged_refusals(place: Path) -> int:
    pattern = r"^WARNING ptrack: The background engine didn't take a hit of "
    text = (place / LOG).read_text(errors="replace")
    return len(re.findall(pattern, text, re.MULTILINE))


def times(place: Path) -> list[float]:
    """Give when hits were recorded by the clock of their process, in their order."""
    with closing(sqlite3.connect(place / LEDGER)) as connection:
        rows = connection.execute("SELECT at FROM hits ORDER BY rowid")
        return list(chain.from_iterable(rows))
