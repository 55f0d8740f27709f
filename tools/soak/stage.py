"""A stage for faults: servers under load, a fault, and the balance of the books."""

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
AROUND = 200
"""Requests before a fault, and after it: lasting damage shows there."""


@dataclass(frozen=True)
class Scene:
    """The surroundings of a fault.

    Attributes:
        kind: The kind of server.
        servers: One server, or two that are side by side.
        client: The client that loads them.
        place: The directory that they write to.
        secrets: The secret of each server.
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
        """The book of the client."""
        return self.client.book

    async def wait_until(self, condition: Callable[[], bool], problem: str) -> None:
        """Wait for something, while the load goes on."""
        await asyncio.to_thread(wait_until, condition, PATIENCE, problem)

    async def wait_for_answers(self, count: int) -> None:
        """Wait for so many more answers."""
        due = self.book.answers.total() + count
        await self.wait_until(
            lambda: self.book.answers.total() >= due, "no more answers"
        )


@dataclass(frozen=True)
class Fault:
    """A fault of a server.

    Attributes:
        name: Its name in the results.
        inject: Does the damage; returns a description.
        quick: The server that stands for all in the short form.
        only: The servers that can have it; all by default.
        instances: How many servers are side by side.
        loses: Whether it shows a loss of hits on purpose.
        variables: Returns variables for the server; ``None`` if a program is missing.
        lacks: The package of Debian with that program.
    """

    name: str
    inject: Callable[[Scene], Awaitable[str]]
    quick: str
    only: tuple[str, ...] = ()
    instances: int = 1
    loses: bool = False
    variables: Callable[[Path], dict[str, str] | None] = lambda _: {}
    lacks: str = ""

    def applies_to(self, kind: Kind) -> bool:
        """Return whether a server can have it."""
        return not self.only or kind.name in self.only


@dataclass(frozen=True)
class Result:
    """The result of a fault.

    Attributes:
        fault: The fault.
        server: The name of the server.
        said: The damage in words.
        book: The client's book.
        hits: The balance of the ledger.
        others: The balance of the callbacks that fail.
    """

    fault: Fault
    server: str
    said: str
    book: Book
    hits: Balance
    others: Others

    @property
    def problems(self) -> list[str]:
        """The defects, in words."""
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
    """Inject a fault into a server under load.

    Args:
        fault: The fault.
        kind: The server.
        seed: The seed of the mix.

    Returns:
        The result, or the program that is missing.
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
        scene = _set_scene(kind, started, place, seed)
        said = asyncio.run(scene.client.load_during(_inject(fault, scene)))
        return Result(
            fault=fault,
            server=kind.name,
            said=said,
            book=scene.book,
            hits=books.balance_ledger(scene.book, place),
            others=books.balance_others(scene.book, place),
        )


def _set_scene(kind: Kind, started: list[Server], place: Path, seed: int) -> Scene:
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
        # New connections reach each server, and each worker.
        hold=0.9,
    )
    return Scene(kind, started, client, place, secrets)


async def _inject(fault: Fault, scene: Scene) -> str:
    await scene.wait_for_answers(AROUND)
    # A worker that records has opened its files.
    await scene.wait_until(
        lambda: all(
            len(server.list_workers()) == scene.kind.workers for server in scene.servers
        ),
        "not all workers record",
    )
    said = await fault.inject(scene)
    await scene.wait_for_answers(AROUND)
    return said
