"""The load: a mix of all requests on each server, and the traces that it leaves."""

import asyncio
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ptrack.core.tokens import TokenBox

from . import books, servers
from .books import Balance, Book, Others
from .client import VISITORS, Client
from .mix import Mix
from .processes import SoakError, list_descriptors, measure_resident, wait_until
from .servers import SECRET, Kind, Server

WARM_UP = 5
"""One part in so many of the requests comes before memory is looked at."""

MORE = 50
"""Times that the warm-up is prolonged before a worker counts as broken."""

NOISE = 4 * 1024**2
"""Bytes that a worker may grow by: the allocator's own, which doesn't go on growing."""

SPARE = 4
"""Descriptors that a worker may open later, once: a database, a thread's event loop."""

SETTLED = 5.0
"""Seconds within which a server has to close the connections that clients left."""


@dataclass(frozen=True)
class Result:
    """The result of the load on a server.

    Attributes:
        server: The name of the server.
        seconds: The length of the load.
        book: The client's book.
        hits: The balance of the ledger.
        others: The balance of the callbacks that fail.
        resident: Bytes of the largest worker after the warm-up, and at the end.
        growth: Bytes that the worker that grew most has grown by in between.
        descriptors: Open descriptors of the worker with the most, likewise.
        left_open: Resources that Python warned of, without the one left on purpose.
    """

    server: str
    seconds: float
    book: Book
    hits: Balance
    others: Others
    resident: tuple[int, int]
    growth: int
    descriptors: tuple[int, int]
    left_open: int

    @property
    def problems(self) -> list[str]:
        """The defects, in words."""
        checks = {
            "hits were lost": self.hits.lost or self.others.lost,
            "hits were recorded that weren't asked for": self.hits.surplus
            or self.others.surplus,
            f"wrong answers: {dict(self.book.wrong)}": self.book.wrong,
            "requests got no answer": self.book.repeated or self.book.refusals,
            "memory grew": self.growth > NOISE,
            "descriptors are left": self.descriptors[1] > self.descriptors[0] + SPARE,
            "resources are left open": self.left_open,
        }
        return [problem for problem, found in checks.items() if found]


def run(kind: Kind, requests: int, seed: int) -> Result:
    """Load a server.

    Args:
        kind: The server.
        requests: How many requests it gets.
        seed: The seed of the mix.
    """
    with tempfile.TemporaryDirectory(prefix="ptrack-soak-") as name:
        place = Path(name)
        servers.prepare(place)
        book = Book()
        with Server(kind.command, place) as server:
            mix = Mix(TokenBox(SECRET).encrypt, keep_alive=kind.keeps_alive, seed=seed)
            client = Client(mix, book, lambda: server.port, keep_alive=kind.keeps_alive)
            started = time.monotonic()
            before, after = asyncio.run(
                _measure(client, server, kind.workers, requests)
            )
            seconds = time.monotonic() - started
            # Some servers leave their own socket open when they end.
            left_open = _count_left_open(server) - 1
        return Result(
            server=kind.name,
            seconds=seconds,
            book=book,
            hits=books.balance_ledger(book, place),
            others=books.balance_others(book, place),
            resident=(_find_most_resident(before), _find_most_resident(after)),
            growth=max(after[pid][0] - before[pid][0] for pid in before),
            descriptors=(_find_most_open(before), _find_most_open(after)),
            left_open=left_open,
        )


Snapshot = dict[int, tuple[int, int]]
"""Bytes resident and descriptors open, by worker."""


async def _measure(
    client: Client, server: Server, workers: int, requests: int
) -> tuple[Snapshot, Snapshot]:
    first = requests // WARM_UP
    await _warm_up(client, server, workers, first)
    # A file is left open on purpose, as a proof that such files are noticed.
    await client.ask(client.mix.make_valid(leak=True))
    before = _take_snapshot(server.list_workers())
    await client.load(requests - first)
    if set(server.list_workers()) != set(before):
        raise SoakError(f"a worker is gone, or new:\n{server.read_output()}")
    # The result shows connections that stay open.
    with suppress(SoakError):
        wait_until(
            lambda: (
                _find_most_open(_take_snapshot(list(before))) <= _find_most_open(before)
            ),
            SETTLED,
            "descriptors are left",
        )
    return before, _take_snapshot(list(before))


async def _warm_up(client: Client, server: Server, workers: int, requests: int) -> None:
    """Load a server until each of its workers has recorded something."""
    await client.load(requests)
    for _ in range(MORE):
        if len(server.list_workers()) == workers:
            return
        # All connections have come to the others: try new ones.
        await client.load(VISITORS * 2)
    raise SoakError(f"only {len(server.list_workers())} of {workers} workers record")


def _take_snapshot(workers: list[int]) -> Snapshot:
    return {pid: (measure_resident(pid), len(list_descriptors(pid))) for pid in workers}


def _find_most_resident(found: Snapshot) -> int:
    return max(memory for memory, _ in found.values())


def _find_most_open(found: Snapshot) -> int:
    return max(count for _, count in found.values())


def _count_left_open(server: Server) -> int:
    return server.read_output().count("ResourceWarning: unclosed")
