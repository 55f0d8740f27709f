"""The faults that happen to a server while it is under load.

Each is a coroutine that does its damage, checks that it took effect, and mends it.
"""

import asyncio
import os
import resource
import signal
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from . import books
from .places import JOURNAL, ROOT, SECOND
from .processes import SoakError, is_alive, list_descriptors
from .servers import KINDS, SECRET, list_recorders
from .stage import AROUND, NEW_SECRET, Fault, Scene

BLOCKED, SHUT, STEP = 3.0, 1.5, 3600
"""Seconds: a callback blocks, a disk or database is shut, a clock steps."""

FAKETIME = "libfaketimeMT.so.1"

# -- workers --------------------------------------------------------------------------


async def kill(scene: Scene) -> str:
    """Kill a worker at once, three times; without a master, start the server again."""
    for _ in range(3):
        known = set(list_recorders(scene.place))
        victim = scene.server.list_workers()[0]
        os.kill(victim, signal.SIGKILL)
        await scene.wait_until(lambda pid=victim: not is_alive(pid), "it doesn't die")  # type: ignore[misc]
        if not scene.kind.has_master:
            await asyncio.to_thread(scene.server.restart)
        await _wait_for_worker(scene, known)
    return "3 workers killed"


async def reload(scene: Scene) -> str:
    """Have all workers replaced, twice."""
    replaced = 0
    for _ in range(2):
        known = set(list_recorders(scene.place))
        before = scene.server.list_workers()
        scene.server.reload()
        await scene.wait_until(
            lambda old=before: not any(map(is_alive, old)),  # type: ignore[misc]
            "old workers stay",
        )
        await _wait_for_worker(scene, known)
        replaced += len(before)
    return f"2 reloads, {replaced} workers replaced"


async def _wait_for_worker(scene: Scene, known: set[int]) -> None:
    await scene.wait_until(
        lambda: not known.issuperset(list_recorders(scene.place)),
        "no new worker records",
    )


# -- databases and disks --------------------------------------------------------------


async def lock_database(scene: Scene) -> str:
    """Lock the second database for longer than the callback waits."""
    with closing(_connect(scene.place / SECOND)) as database:
        database.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(SHUT)
        database.execute("ROLLBACK")
    await scene.wait_for_answers(AROUND)
    return _describe_failures(scene, "InDatabase", f"locked for {SHUT} s")


async def fill_disk(scene: Scene) -> str:
    """Let the disk of the journal be full for a while."""
    _point(scene.place / JOURNAL, Path("/dev/full"))
    await asyncio.sleep(SHUT)
    _point(scene.place / JOURNAL, scene.place / f"{JOURNAL}.sound")
    await scene.wait_for_answers(AROUND)
    return _describe_failures(scene, "InFile", f"full for {SHUT} s")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=10, isolation_level=None)


def _point(link: Path, target: Path) -> None:
    other = link.with_suffix(".new")
    other.symlink_to(target)
    other.replace(link)


def _describe_failures(scene: Scene, callback: str, said: str) -> str:
    count = books.count_failures(scene.place)[callback]
    if not count:
        raise SoakError(f"{said}, but no failure was logged")
    return f"{said}: {count:,} failures of that callback, all logged"


# -- time -----------------------------------------------------------------------------


def use_libfaketime(place: Path) -> dict[str, str] | None:
    """Return variables for a server whose C library's clock is read from a file."""
    found = sorted(Path("/usr/lib").glob(f"*/faketime/{FAKETIME}"))
    if not found:
        return None
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(_set_clock(place, 0)),
        "FAKETIME_NO_CACHE": "1",
        # The monotonic clock makes no step.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        **_CUSTOMISED,
    }


def use_python_clock(place: Path) -> dict[str, str]:
    """Return variables for a server whose ``time.time`` is read from a file."""
    return {"SOAK_CLOCK": str(_set_clock(place, 0)), **_CUSTOMISED}


_CUSTOMISED = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tools' / 'soak' / 'clock'}"}


def _set_clock(place: Path, offset: int) -> Path:
    other = place / "clock.new"
    other.write_text(f"{offset:+d}\n")
    return other.replace(place / "clock")


async def step_clock(scene: Scene) -> str:
    """Set the server's clock back by an hour, on by two, and right again."""
    for offset in (-STEP, STEP, 0):
        _set_clock(scene.place, offset)
        await scene.wait_for_answers(AROUND)
    seen = books.list_times(scene.place)
    back = min(after - before for before, after in pairwise(seen))
    if back > 60 - STEP:
        raise SoakError(f"the clock of the server went back by {-back:.0f} s only")
    return "back by an hour, on by two, back by one"


# -- threads and descriptors ----------------------------------------------------------


async def block_callback(scene: Scene) -> str:
    """Let a callback block its thread for seconds."""
    blocked = asyncio.create_task(
        scene.client.ask(scene.client.mix.make_valid(block=BLOCKED))
    )
    await asyncio.sleep(0.2)
    answered = scene.book.answers.total()
    scene.book.longest = 0
    await asyncio.sleep(BLOCKED - 1)
    answered, longest = scene.book.answers.total() - answered, scene.book.longest
    took = await blocked
    if took < BLOCKED or not answered:
        raise SoakError(f"blocked for {took:.1f} s, {answered} others were answered")
    return (
        f"blocked for {took:.1f} s: in {BLOCKED - 1:.0f} of them {answered:,} others "
        f"were answered, the slowest after {longest:.2f} s"
    )


async def exhaust_descriptors(scene: Scene) -> str:
    """Allow the workers no further descriptor for a while."""
    workers = scene.server.list_workers()
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in workers}
    for pid, (_, hard) in limits.items():
        _limit(pid, (_find_free(pid), hard))
    await asyncio.sleep(SHUT)
    for pid, limit in limits.items():
        _limit(pid, limit)
    await scene.wait_for_answers(AROUND)
    gone = sum(not is_alive(pid) for pid in workers)
    failed = books.count_failures(scene.place)["InFile"]
    if not (gone or failed or scene.book.longest > SHUT / 2):
        raise SoakError("the lack of descriptors had no effect")
    ended = f"{gone} workers ended and were replaced, " if gone else ""
    return (
        f"none for {SHUT} s: {ended}{failed:,} failures of the callback that opens a "
        f"file, the slowest answer after {scene.book.longest:.1f} s"
    )


def _find_free(pid: int) -> int:
    taken = set(list_descriptors(pid))
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _limit(pid: int, limits: tuple[int, int]) -> None:
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    except ProcessLookupError:
        # It may have ended for lack of one, and been replaced.
        return


# -- secrets --------------------------------------------------------------------------


async def rotate(scene: Scene) -> str:
    """Make the new secret known everywhere first, and only then use it."""
    await _restart_each(scene, SECRET, NEW_SECRET)
    await _restart_each(scene, NEW_SECRET, SECRET)
    return "2 servers, restarted in turn twice: the new secret as a fallback, then used"


async def rotate_at_once(scene: Scene) -> str:
    """Use the new secret while another server doesn't know it yet."""
    await _restart_each(scene, NEW_SECRET, SECRET)
    return "2 servers, restarted in turn once: the new secret used at once"


async def _restart_each(scene: Scene, secret: str, fallback: str) -> None:
    for number, server in enumerate(scene.servers):
        await asyncio.to_thread(
            server.restart, PTRACK_SECRET=secret, PTRACK_SECRET_FALLBACKS=fallback
        )
        scene.secrets[number] = secret
        await scene.wait_for_answers(2 * AROUND)


_WITH_MASTER = tuple(kind.name for kind in KINDS if kind.has_master)

FAULTS = (
    Fault("`kill -9` of a worker", kill, "gunicorn gthread"),
    Fault("reload (`HUP`)", reload, "Granian WSGI", only=_WITH_MASTER),
    Fault("a callback's database locked", lock_database, "gunicorn gthread"),
    Fault("a callback's disk full", fill_disk, "waitress"),
    Fault(
        "the clock stepping back (libfaketime)",
        step_clock,
        "gunicorn sync",
        # Servers whose threads wait with a timeout would hang.
        only=("gunicorn sync", "uWSGI"),
        variables=use_libfaketime,
        lacks="faketime",
    ),
    Fault(
        "the clock stepping back (Python's)",
        step_clock,
        "gunicorn uvicorn",
        only=(
            *("gunicorn gthread", "Granian WSGI", "waitress"),
            *("gunicorn uvicorn", "Granian ASGI"),
        ),
        variables=use_python_clock,
    ),
    Fault("a callback that blocks", block_callback, "gunicorn uvicorn"),
    Fault("no descriptors left", exhaust_descriptors, "uWSGI"),
    Fault("secret rotated, in the right order", rotate, "Granian WSGI", instances=2),
    Fault(
        "secret rotated, in the wrong order",
        rotate_at_once,
        "gunicorn sync",
        instances=2,
        loses=True,
    ),
)
