"""Debian's PostgreSQL, in a directory to throw away: its data, its socket, its log.

``with postgresql(place) as server:`` runs one; nothing of an installed cluster is
touched. The server refuses to run as root; then it runs as another user.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .processes import reserve_port

PATIENCE = 30
"""Seconds to wait for it before it counts as broken."""

USER = "postgres"
"""Debian's package makes it, and it owns the server where root runs the tests."""

# Nothing here outlives a crash of the machine, so nothing waits for the disk.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        host: The directory of its socket.
        port: The port on 127.0.0.1, which is a part of the socket's name too.
        password: The password for the port; the socket needs none.
    """

    host: str
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """Its URL on the loopback, as libpq takes it."""
        user = f"{USER}:{self.password}"
        return f"postgresql://{user}@127.0.0.1:{self.port}/postgres"

    def django(self, name: str = "postgres", **more: Any) -> dict[str, Any]:
        """Return an entry of Django's ``DATABASES``, by the socket."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": USER,
            "HOST": self.host,
            "PORT": str(self.port),
            **more,
        }


def find_binaries() -> Path | None:
    """Return the directory of the programs, if they are installed.

    They are in ``PATH``, or where Debian puts them: the newest version counts.
    ``POSTGRESQL_VERSIONS`` names another directory of versions.
    """
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path(os.environ.get("POSTGRESQL_VERSIONS", "/usr/lib/postgresql"))
    newest = max(
        versions.glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]),
        default=None,
    )
    return newest and newest.parent


def find_problem() -> str:
    """Return a message if it isn't installed; else the empty text."""
    return "" if find_binaries() else "not installed: postgresql"


@contextmanager
def run_postgresql(place: Path | None = None, **options: str) -> Iterator[Server]:
    """Run a server until the end of the block.

    Args:
        place: A directory to make its own in, which is removed; by default the
            system's. The user of the server must get there, and the name of a socket
            may have 107 bytes.
        options: Options of ``postgresql.conf``, beside `FAST`.
    """
    programs = find_binaries()
    assert programs, find_problem()
    directory = Path(tempfile.mkdtemp(prefix="pg", dir=place))
    try:
        _change_owner(directory)
        password = secrets.token_hex(16)
        _initialise(programs, directory, password)
        server = Server(str(directory), reserve_port(), password)
        with _run_server(programs, server, {**FAST, **options}):
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _change_owner(path: Path) -> None:
    if os.geteuid() == 0:
        owner = pwd.getpwnam(USER)
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _drop_privileges(*command: str | Path) -> list[str]:
    return [*_switch_user(), *map(str, command)]


def _switch_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    if Path(os.devnull).stat().st_mode & 0o002:
        return ["runuser", "-u", USER, "--"]
    # In some containers only root may write to /dev/null, and initdb has to.
    override = [f"--{which}-caps=+dac_override" for which in ("inh", "ambient")]
    user = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return ["setpriv", *user, *override, "--"]


def _initialise(programs: Path, directory: Path, password: str) -> None:
    # Only its owner can use the socket: no other user can enter its directory.
    access = ("--auth-local", "trust", "--auth-host", "scram-sha-256")
    # A pipe would be root's, which another user can't open.
    file = directory / "password"
    file.touch(0o600)
    file.write_text(password)
    _change_owner(file)
    secret = ("--username", USER, "--pwfile", file)
    settings = ("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
    command = (programs / "initdb", "--pgdata", directory / "data")
    subprocess.run(
        _drop_privileges(*command, *access, *secret, *settings),
        check=True,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        timeout=PATIENCE * 2,
    )


@contextmanager
def _run_server(
    programs: Path, server: Server, options: dict[str, str]
) -> Iterator[None]:
    directory = Path(server.host)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(server.port),
        "unix_socket_directories": server.host,
        **options,
    }
    switches = " ".join(f"-c {name}={value}" for name, value in settings.items())
    control = _drop_privileges(
        programs / "pg_ctl", "--pgdata", directory / "data", "-w"
    )
    start = ["--log", str(directory / "log"), "--options", switches, "start"]
    _run([*control, *start], directory)
    try:
        yield
    finally:
        # The connections of clients are ended.
        _run([*control, "-m", "fast", "stop"], directory)


def _run(command: list[str], directory: Path) -> None:
    subprocess.run(
        command,
        check=True,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        timeout=PATIENCE * 2,
    )
