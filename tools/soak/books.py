"""The books: the requests and answers, against the hits that the callbacks recorded.

Every valid request has an id of its own. It may be recorded as often as it was sent
whole, and has to be as often as it was answered: once, unless it had to be repeated
because no answer came.
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
    """The requests and answers that the client saw.

    Attributes:
        kinds: Requests by kind.
        answers: Answers by kind and status.
        wrong: Answers that aren't as they should be, by kind and status.
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

    def note_request(self, request: Request) -> None:
        """Note a request that is going to be sent."""
        self.kinds[request.kind] += 1
        if request.hit is not None:
            for option in request.options:
                self.options.setdefault(option, set()).add(request.hit)

    def note_sent(self, request: Request) -> None:
        """Note that a request was sent whole."""
        if request.hit is not None:
            self.whole[request.hit] += 1

    def note_answer(self, request: Request, status: int, right: bool) -> None:
        """Note the answer to a request, and whether it was the right one."""
        self.answers[request.kind, status] += 1
        if not right:
            self.wrong[request.kind, status] += 1
        if request.hit is not None:
            self.seen[request.hit] += 1

    def note_wait(self, request: Request, seconds: float) -> None:
        """Note how long a request took, with all repetitions."""
        if "block" not in request.options:
            self.longest = max(self.longest, seconds)

    def note_repetition(self) -> None:
        """Note that a request was sent and no answer came."""
        self.repeated += 1

    def note_refusal(self) -> None:
        """Note that there was no connection for a request."""
        self.refusals += 1

    def note_hang_up(self) -> None:
        """Note that the server refused a request by hanging up."""
        self.hang_ups += 1

    @property
    def requests(self) -> int:
        """The number of all requests."""
        return self.kinds.total()

    def count_answers(self, low: int, high: int) -> int:
        """Return how many answers have a status from one number to below another."""
        return sum(n for (_, status), n in self.answers.items() if low <= status < high)


@dataclass(frozen=True)
class Balance:
    """The difference between the hits that are recorded and those that should be.

    Attributes:
        answered: Hits that were answered, each repetition counted.
        recorded: Hits that are recorded.
        lost: Hits that are answered and not recorded.
        surplus: Records without a request, or beyond one for each.
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


def balance_ledger(book: Book, place: Path) -> Balance:
    """Compare the records of the callback that records everything with the books."""
    return balance(book.whole, book.seen, _count_rows(place / LEDGER))


@dataclass(frozen=True)
class Others:
    """The same for the callbacks that may fail: a failure that is logged is no loss.

    Attributes:
        failures: The logged failures, by the callback's name.
        lost: Hits that are neither recorded nor logged as a failure.
        surplus: Records or failures without a request, or beyond one for each.
    """

    failures: Counter[str]
    lost: int
    surplus: int


def balance_others(book: Book, place: Path) -> Others:
    """Compare the records and failures of the callbacks that fail with the books."""
    failures = count_failures(place)
    checked = [
        _find_shortfall(book, "fail", Counter(), failures["Failing"]),
        _find_shortfall(
            book, "also", _count_rows(place / SECOND), failures["InDatabase"]
        ),
        _find_shortfall(book, "also", _count_lines(place), failures["InFile"]),
    ]
    lost, surplus = zip(*checked, strict=True)
    known = sum(failures[name] for name in ("Failing", "InDatabase", "InFile"))
    return Others(failures, sum(lost), sum(surplus) + failures.total() - known)


def count_failures(
    place: Path, module: str = "tools.soak.served.pixels"
) -> Counter[str]:
    """Count the failures in ptrack's log, by the callback's class."""
    pattern = rf"^ERROR ptrack: Callback {re.escape(module)}\.(\w+) failed$"
    text = (place / LOG).read_text(errors="replace")
    return Counter(re.findall(pattern, text, re.MULTILINE))


def _find_shortfall(
    book: Book, option: str, found: Counter[int], failed: int
) -> tuple[int, int]:
    """Return how many hits with an option are missing, and how many are too many."""
    ids = book.options.get(option, set())
    done = found.total() + failed
    least = sum(book.seen[each] for each in ids)
    most = {each: book.whole[each] for each in ids}
    too_many = max(0, done - sum(most.values()))
    return max(0, least - done), max(too_many, (found - Counter(most)).total())


def _count_rows(database: Path) -> Counter[int]:
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return Counter(dict(connection.execute(_COUNT)))


_COUNT = "SELECT id, count(*) FROM hits GROUP BY id"


def _count_lines(place: Path) -> Counter[int]:
    text = (place / f"{JOURNAL}.sound").read_text()
    return Counter(map(int, text.split()))


@dataclass(frozen=True)
class Behind:
    """The same for the background, where a hit is recorded once or more.

    Attributes:
        answered: Hits that were answered, each repetition counted.
        recorded: Hits that are recorded, those with the same id of ptrack's only once.
        lost: Hits that are answered and not recorded.
        surplus: Hits without a request, or beyond one for each.
        doubled: Records of a hit beyond its first.
        at_once: Hits that the server recorded itself, having logged why.
        unlogged: Hits that it recorded and logged no reason for.
    """

    answered: int
    recorded: int
    lost: int
    surplus: int
    doubled: int
    at_once: int
    unlogged: int


def balance_background(book: Book, place: Path) -> Behind:
    """Compare the records of the background with the books."""
    with closing(sqlite3.connect(place / BEHIND, timeout=10)) as database:
        rows = list(database.execute("SELECT id, hit FROM recorded"))
    found = set(rows)
    counted = balance(book.whole, book.seen, Counter(each for each, _ in found))
    themselves = count_at_once(place)
    return Behind(
        answered=counted.answered,
        recorded=counted.recorded,
        lost=counted.lost,
        # No two hits have the same id of ptrack's.
        surplus=counted.surplus + len(found) - len({hit for _, hit in found}),
        doubled=len(rows) - len(found),
        at_once=themselves,
        unlogged=themselves - _count_refusals(place),
    )


def count_recorded(place: Path) -> int:
    """Return how many hits were recorded so far, in the background or at once."""
    with closing(sqlite3.connect(place / BEHIND, timeout=10)) as database:
        (count,) = database.execute("SELECT count(*) FROM recorded").fetchone()
    return int(count)


def count_at_once(place: Path) -> int:
    """Return how many hits the server recorded itself so far.

    This reads the database alone, so it works while a load goes on: another thread
    changes the books then.
    """
    with closing(sqlite3.connect(place / BEHIND, timeout=10)) as database:
        query = "SELECT count(*) FROM recorded WHERE who IS NOT ?"
        (count,) = database.execute(query, (WORKER,)).fetchone()
    return int(count)


def _count_refusals(place: Path) -> int:
    pattern = r"^WARNING ptrack: The background engine didn't take a hit of "
    text = (place / LOG).read_text(errors="replace")
    return len(re.findall(pattern, text, re.MULTILINE))


def list_times(place: Path) -> list[float]:
    """Return the times of the records by the clocks of their processes, in order."""
    with closing(sqlite3.connect(place / LEDGER)) as connection:
        rows = connection.execute("SELECT at FROM hits ORDER BY rowid")
        return list(chain.from_iterable(rows))
