"""The load: a mix of all requests on each server, and what is left afterwards."""

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
from .processes import SoakError, descriptors, resident, wait_until
from .servers import SECRET, Kind, Server

WARM_UP = 5
"""One part in so many of the requests comes before memory is looked at."""

MORE = 50
"""Times that the warm-up is prolonged before a worker is taken for broken."""

NOISE = 4 * 1024**2
"""Bytes that a worker may grow by: the allocator's own, which doesn't go on growing."""

SPARE = 4
"""Descriptors that a worker may open later, once: a database, a thread's event loop."""

SETTLED = 5.0
"""Seconds in which a server has to have closed what its clients have left."""


@dataclass(frozen=True)
class Result:
    """What a server did under load.

    Attributes:
        server: Its name.
        seconds: That the load took.
        book: What the client saw.
        hits: The ledger against it.
        others: The callbacks that fail against it.
        resident: Bytes of the largest worker after the warm-up, and at the end.
        growth: Bytes that the worker that grew most has grown by in between.
        descriptors: Of the worker with the most, after the warm-up and at the end.
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
        """What isn't as it should be."""
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
        requests: How many it gets.
        seed: Of the mix.
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
                _measured(client, server, kind.workers, requests)
            )
            seconds = time.monotonic() - started
            # Some servers leave their own socket open when they end.
            left_open = _left_open(server) - 1
        return Result(
            server=kind.name,
            seconds=seconds,
            book=book,
            hits=books.ledger(book, place),
            others=books.others(book, place),
            resident=(_most_resident(before), _most_resident(after)),
            growth=max(after[pid][0] - before[pid][0] for pid in before),
            descriptors=(_most_open(before), _most_open(after)),
            left_open=left_open,
        )


Snapshot = dict[int, tuple[int, int]]
"""Bytes resident and descriptors open, by worker."""


async def _measured(
    client: Client, server: Server, workers: int, requests: int
) -> tuple[Snapshot, Snapshot]:
    first = requests // WARM_UP
    await _warm_up(client, server, workers, first)
    # A file is left open on purpose: if that isn't seen, nothing would be.
    await client.ask(client.mix.valid(leak=True))
    before = _snapshot(server.workers())
    await client.load(requests - first)
    if set(server.workers()) != set(before):
        raise SoakError(f"a worker is gone, or new:\n{server.output()}")
    # If they are left for good, the result tells.
    with suppress(SoakError):
        wait_until(
            lambda: _most_open(_snapshot(list(before))) <= _most_open(before),
            SETTLED,
            "descriptors are left",
        )
    return before, _snapshot(list(before))


async def _warm_up(client: Client, server: Server, workers: int, requests: int) -> None:
    """Load it, and go on until no worker is left that has recorded nothing."""
    await client.load(requests)
    for _ in range(MORE):
        if len(server.workers()) == workers:
            return
        # All connections have come to the others: try new ones.
        await client.load(VISITORS * 2)
    raise SoakError(f"only {len(server.workers())} of {workers} workers record")


def _snapshot(workers: list[int]) -> Snapshot:
    return {pid: (resident(pid), len(descriptors(pid))) for pid in workers}


def _most_resident(found: Snapshot) -> int:
    return max(memory for memory, _ in found.values())


def _most_open(found: Snapshot) -> int:
    return max(count for _, count in found.values())


def _left_open(server: Server) -> int:
    return server.output().count("ResourceWarning: unclosed")
