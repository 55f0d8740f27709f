"""A stage for faults: servers under load, what is done to them, the books settled."""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptrack.core.tokens import TokenBox

from . import books, servers
from .books import Balance, Book, Others
from .client import Client
from .mix import ALSO, Mix
from .processes import wait_until
from .servers import SECRET, Kind, NotRun, Server
from .service import PATIENCE

NEW_SECRET = "the-next-secret-of-the-soak-test"
"""More requests than are sent before the fault is over."""

AROUND = 200
"""Requests before a fault, and after it: what is broken for good would show there."""


@dataclass(frozen=True)
class Scene:
    """Where a fault happens.

    Attributes:
        kind: The server.
        servers: One, or the two that are side by side.
        client: Is loading them.
        place: Where they write.
        secrets: What each of them makes tokens with.
    """

    kind: Kind
    servers: list[Server]
    client: Client
    place: Path
    secrets: list[str]

    @property
    def server(self) -> Server:
        """The first, or only, one."""
        return self.servers[0]

    @property
    def book(self) -> Book:
        """What the client sees."""
        return self.client.book

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something, while the load goes on."""
        await asyncio.to_thread(wait_until, condition, PATIENCE, what)

    async def requests(self, count: int) -> None:
        """Wait for so many more answers."""
        goal = self.book.answers.total() + count
        await self.until(lambda: self.book.answers.total() >= goal, "no more answers")


@dataclass(frozen=True)
class Fault:
    """Something that is done to a server.

    Attributes:
        name: What it is called in the results.
        inject: Does it, and tells what was done.
        quick: The server that stands for all in the short form.
        only: The servers that can have it; all by default.
        instances: How many servers are side by side.
        loses: It is there to show what is lost.
        variables: Gives the server's environment; ``None`` if something is missing.
        lacks: The package of Debian that it is in.
    """

    name: str
    inject: Callable[[Scene], Awaitable[str]]
    quick: str
    only: tuple[str, ...] = ()
    instances: int = 1
    loses: bool = False
    variables: Callable[[Path], dict[str, str] | None] = lambda _: {}
    lacks: str = ""

    def hits(self, kind: Kind) -> bool:
        """Tell whether a server can have it."""
        return not self.only or kind.name in self.only


@dataclass(frozen=True)
class Result:
    """What a server did under a fault.

    Attributes:
        fault: What was done to it.
        server: Its name.
        said: What was done, in words.
        book: What the client saw.
        hits: The ledger against it.
        others: The callbacks that fail against it.
    """

    fault: Fault
    server: str
    said: str
    book: Book
    hits: Balance
    others: Others

    @property
    def problems(self) -> list[str]:
        """What isn't as it should be."""
        checks: dict[str, Any] = {
            "hits were lost": not self.fault.loses
            and (self.hits.lost or self.others.lost),
            "nothing was lost": self.fault.loses and not self.hits.lost,
            "hits were recorded that weren't asked for": self.hits.surplus
            or self.others.surplus,
            f"wrong answers: {dict(self.book.wrong)}": self.book.wrong,
        }
        return [problem for problem, found in checks.items() if found]


def run(fault: Fault, kind: Kind, seed: int) -> Result | NotRun:
    """Do it to a server under load.

    Args:
        fault: What to do.
        kind: The server.
        seed: Of the mix.

    Returns:
        What came of it, or what to install for it.
    """
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="ptrack-soak-"))
        place = Path(name)
        servers.prepare(place)
        variables = fault.variables(place)
        if variables is None:
            return NotRun(f"apt-get install {fault.lacks}")
        started = [
            stack.enter_context(Server(kind.command, place, **variables))
            for _ in range(fault.instances)
        ]
        scene = _scene(kind, started, place, seed)
        said = asyncio.run(scene.client.load_during(_injected(fault, scene)))
        return Result(
            fault=fault,
            server=kind.name,
            said=said,
            book=scene.book,
            hits=books.ledger(scene.book, place),
            others=books.others(scene.book, place),
        )


def _scene(kind: Kind, started: list[Server], place: Path, seed: int) -> Scene:
    boxes = {secret: TokenBox(secret) for secret in (SECRET, NEW_SECRET)}
    secrets = [SECRET] * len(started)
    choice = random.Random(seed).choice

    def seal(**options: Any) -> str:
        return boxes[choice(secrets)].encrypt(**options)

    mix = Mix(seal, keep_alive=kind.keeps_alive, seed=seed, always=ALSO)
    client = Client(
        mix,
        Book(),
        lambda: choice(started).port,
        keep_alive=kind.keeps_alive,
        # New connections all the time: to each server, and to each worker.
        hold=0.9,
    )
    return Scene(kind, started, client, place, secrets)


async def _injected(fault: Fault, scene: Scene) -> str:
    await scene.requests(AROUND)
    # Each worker has opened what it keeps open.
    await scene.until(
        lambda: all(
            len(server.workers()) == scene.kind.workers for server in scene.servers
        ),
        "not all workers record",
    )
    said = await fault.inject(scene)
    await scene.requests(AROUND)
    return said
