"""The accounts of the client, of nginx and of PostgreSQL.

nginx gives each request an id, logs it with the mirrors that it asked, and hands it on,
so that it is in the rows too.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from tools.soak.postgresql import Server

from .client import Seen

_LINE = re.compile(
    r"(?P<method>\S+) /ptrack/ (?P<status>\d+) \d+ [\d.]+ "
    r'(?P<id>\w{32}) "(?P<asked>[^"]*)" "[^"]*"$'
)
TABLES = ("ptrack_stats_open", "ptrack_stats_click")
_ROWS = """
SELECT (kwargs ->> 'recipient')::int, kwargs ->> 'request_id' FROM {}
WHERE (kwargs ->> 'recipient')::int BETWEEN %s AND %s
"""


@dataclass(frozen=True)
class Logged:
    """A request in nginx's log.

    Attributes:
        status: The status of its answer.
        asked: How many mirrors it was sent to.
    """

    status: int
    asked: int

    @property
    def is_answered(self) -> bool:
        """Whether the answer was the image, or the redirect of the link."""
        return self.status in (200, 302)


@dataclass(frozen=True)
class Accounts:
    """The result of a number of hits.

    Attributes:
        hits: How many there were.
        requests: How often the client asked for them.
        answered: Requests that were answered as they should be.
        asked_twice: Requests that nginx sent to both mirrors.
        rows: Rows in PostgreSQL.
        lost: Requests that were answered, and have no row.
        twice: Rows beyond the first of a request that was answered.
        unanswered: Rows of requests that were not answered.
        unexplained: Rows of no request, or more for one than the mirrors that it was
            sent to.
        disagreements: The differences between client and nginx, in words.
        allowed: How many requests may be lost.
    """

    hits: int
    requests: int
    answered: int
    asked_twice: int
    rows: int
    lost: int
    twice: int
    unanswered: int
    unexplained: int
    disagreements: list[str]
    allowed: int = 0

    @property
    def problems(self) -> list[str]:
        """The defects, in words."""
        adds_up = self.answered - self.lost + self.twice + self.unanswered
        found = {
            f"{self.lost} answered requests have no row": self.lost > self.allowed,
            f"{self.unexplained} rows are unexplained": self.unexplained,
            f"{self.rows} rows, and the sum is {adds_up}": self.rows != adds_up,
        }
        return [*(text for text, is_so in found.items() if is_so), *self.disagreements]


def read_log(lines: Iterable[str]) -> dict[str, Logged]:
    """Read nginx's log: the requests by their ids."""
    found = {}
    for line in lines:
        parts = _LINE.search(line)
        if parts is None:
            raise ValueError(f"not a line of this log: {line!r}")
        asked = len(parts["asked"].split(", "))
        found[parts["id"]] = Logged(int(parts["status"]), asked)
    return found


def read_rows(server: Server, numbers: range) -> list[tuple[int, str]]:
    """Return the number and the request's id of each row of these hits."""
    with psycopg.connect(server.url) as connection:
        found = [
            row
            for table in TABLES
            for row in connection.execute(
                _ROWS.format(table), (numbers[0], numbers[-1])
            )
        ]
    return [(int(number), str(request)) for number, request in found]


def count_rows(server: Server) -> int:
    """Return the number of all rows."""
    with psycopg.connect(server.url) as connection:
        found = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in TABLES
        ]
    return sum(int(row[0]) for row in found if row)


def balance(
    seen: Seen,
    log: dict[str, Logged],
    found: list[tuple[int, str]],
    allowed: int = 0,
) -> Accounts:
    """Compare all three accounts.

    Args:
        seen: The account of the client.
        log: The account of nginx.
        found: The rows in PostgreSQL.
        allowed: How many requests may be lost.
    """
    recorded = Counter(request for _, request in found)
    answered = {request for request, line in log.items() if line.is_answered}
    return Accounts(
        hits=len(seen.answered),
        requests=seen.requests,
        answered=len(answered),
        asked_twice=sum(line.asked > 1 for line in log.values()),
        rows=len(found),
        lost=len(answered - recorded.keys()),
        twice=sum(recorded[request] - 1 for request in answered & recorded.keys()),
        unanswered=sum(n for request, n in recorded.items() if request not in answered),
        unexplained=sum(
            max(0, n - (log[request].asked if request in log else 0))
            for request, n in recorded.items()
        ),
        disagreements=_find_disagreements(seen, log, found, allowed),
        allowed=allowed,
    )


def _find_disagreements(
    seen: Seen, log: dict[str, Logged], found: list[tuple[int, str]], allowed: int
) -> list[str]:
    answered = sum(line.is_answered for line in log.values())
    counted = sum(seen.answered.values())
    # The client doesn't know the result of a request whose connection broke.
    unknown = answered - counted
    missing = seen.answered.keys() - {number for number, _ in found}
    hits_of = Counter(request for request, _ in {(r, n) for n, r in found})
    checks = {
        f"{len(missing)} hits were answered and aren't recorded": len(missing)
        > allowed,
        f"nginx answered {answered}, the client counts {counted}": not 0
        <= unknown
        <= seen.broken,
        f"nginx logged {len(log)} of {seen.requests}": not 0
        <= seen.requests - len(log)
        <= seen.broken,
        "a request has rows of two hits": any(n > 1 for n in hits_of.values()),
    }
    return [text for text, is_so in checks.items() if is_so]
