"""The client: visitors that load each pixel, and follow each link, until it works."""

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from ptrack.core.answers import GIF
from tools.soak.processes import HOST, SoakError

VISITORS = 16
RATE = 300
"""Hits a second, at most: two cores can record as many meanwhile."""

PATIENCE = 40.0
"""Seconds that a hit may go without an answer, with all its repetitions."""

USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Thunderbird/128.0"
)


@dataclass
class Seen:
    """The requests and answers that the client saw.

    Attributes:
        requests: How many requests were sent.
        answered: How often each hit was answered as it should be.
        wrong: How many requests had another answer.
        broken: How many requests had no answer.
    """

    requests: int = 0
    answered: dict[int, int] = field(default_factory=dict)
    wrong: int = 0
    broken: int = 0


class Client:
    """Sends hits to nginx from several threads.

    Args:
        port: The port that nginx listens on.
        path: Returns the path of a hit, and the target if it is a link.
        context: Knows nginx's certificate.
        fresh: Whether each request has a connection of its own.
    """

    def __init__(
        self,
        port: int,
        path: Callable[[int], tuple[str, str | None]],
        context: ssl.SSLContext,
        *,
        fresh: bool = False,
    ) -> None:
        self._fresh = fresh
        self._port, self._path, self._context = port, path, context
        self._guard = threading.Lock()
        self._next = 0.0
        self.seen = Seen()

    def load(self, numbers: Iterable[int]) -> None:
        """Send hits, each until it is answered; return when all are.

        Raises:
            SoakError: A hit wasn't.
        """
        left = iter(numbers)
        problems: list[BaseException] = []

        def visit() -> None:
            try:
                self._visit(left)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=visit) for _ in range(VISITORS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise SoakError(f"a visitor gave up: {problems[0]}") from problems[0]

    @property
    def progress(self) -> int:
        """How many hits were answered so far."""
        return len(self.seen.answered)

    def _visit(self, left: Iterator[int]) -> None:
        connection = self._make_connection()
        while True:
            number = self._take_number(left)
            if number is None:
                connection.close()
                return
            deadline = time.monotonic() + PATIENCE
            for attempt in count():
                if self._try(connection, number):
                    break
                if time.monotonic() > deadline:
                    raise SoakError(f"no answer after {attempt + 1} requests")
                time.sleep(0.2)

    def _take_number(self, left: Iterator[int]) -> int | None:
        """Return the next number when it is due; ``None`` if there is none left."""
        with self._guard:
            number = next(left, None)
            self._next = max(self._next + 1 / RATE, time.monotonic())
            due = self._next
        time.sleep(max(0.0, due - time.monotonic()))
        return number

    def _make_connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            HOST, self._port, timeout=PATIENCE, context=self._context
        )

    def _try(self, connection: http.client.HTTPSConnection, number: int) -> bool:
        path, target = self._path(number)
        with self._guard:
            self.seen.requests += 1
        try:
            connection.request("GET", path, headers={"User-Agent": USER_AGENT})
            response = connection.getresponse()
            body = response.read()
            if self._fresh:
                connection.close()
        except (OSError, http.client.HTTPException):
            connection.close()
            with self._guard:
                self.seen.broken += 1
            return False
        right = response.status == 200 and body == GIF
        if target is not None:
            right = (response.status, response.getheader("Location")) == (302, target)
        with self._guard:
            if right:
                self.seen.answered[number] = self.seen.answered.get(number, 0) + 1
            else:
                self.seen.wrong += 1
        return right
