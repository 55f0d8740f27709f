"""The metadata of the distribution, ``python setup.py test``, reproducible builds."""

import gzip
import os
import re
import subprocess
import sys
import tarfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from setuptools import Command, Distribution, find_packages, setup
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent
URL = "https://github.com/indeedeng/django-ptrack"

# ptrack.agents.
AGENTS = ["crawler-user-agents>=1.67", "python-ipware>=4.1"]

# The second parser of HTML: from 6 on, its tokenizer is that of the standard.
LXML = ["lxml>=6"]

# URLs in plain text, as mail clients see them.
EMAIL = ["linkify-it-py>=2.0"]

ANYMAIL = [*AGENTS, "django-anymail>=11"]

# The engines that take the hits recorded in the background.
CELERY = ["celery>=5.4"]
# It needs more on Redis than the client.
CELERY_ON_REDIS = ["celery[redis]>=5.4"]
# Django has Tasks itself from 6.0 on; the backport is no harm there.
TASKS = ["django-tasks>=0.11"]

# The imports of example/demo.
DEMO = [*AGENTS, "markdown-it-py>=3"]

TEST = [
    *AGENTS,
    *EMAIL,
    *ANYMAIL,
    *CELERY_ON_REDIS,
    *TASKS,
    "anyio",
    "hypothesis>=6.100",
    "jinja2",
    "pastedeploy",
    "pillow",
    "pytest>=9",
    "pytest-django>=4.9",
    "pytest-xdist>=3.6",
    "trio",
    "webtest",
]

# The servers, frameworks and libraries of the integration tests.
TEST_ALL = [
    *TEST,
    *DEMO,
    *LXML,
    "aiosmtpd",
    "bottle",
    "build",
    "coverage[toml]>=7.10",
    "falcon",
    "fastapi",
    "flask",
    "granian",
    "gunicorn",
    "hypercorn[trio]",
    # Starlette's client of the tests.
    "httpx2",
    "litestar",
    "prometheus-client",
    "psycopg[binary,pool]>=3.1",
    "pyramid",
    "pytest-rerunfailures",
    "pytracking[crypto,django,html]",
    "pyuwsgi",
    "quart",
    # The engine of one's own in the documentation.
    "rq",
    "selenium",
    "sentry-sdk",
    "setuptools>=77",
    "starlette",
    "uvicorn",
]

# The servers of the wire; the peers get environments of their own.
BENCH = [*CELERY_ON_REDIS, "granian", "gunicorn", "pyuwsgi", "uvicorn"]

FUZZ = ["atheris>=2.3", *LXML]

RELEASE = ["build", "pip-audit", "setuptools>=77", "twine>=6.1"]

TIMING = ["granian", "numpy", "scipy"]

# The servers, workers and databases of the load and the faults.
SOAK = [
    *CELERY_ON_REDIS,
    *TASKS,
    "granian",
    "gunicorn",
    "psycopg[binary]>=3.1",
    "pyuwsgi",
    "uvicorn",
    "uvicorn-worker",
    "waitress",
]

LINT = ["celery-types", "django-stubs", "mypy", "pytest>=9", "ruff", "types-WebOb"]


class Project(Distribution):
    """Gives the files of a build the same modes for everybody; a wheel holds them."""

    def run_command(self, command: str) -> None:
        """Run a command, with a umask of its own."""
        before = os.umask(0o022)
        try:
            super().run_command(command)
        finally:
            os.umask(before)


class Test(Command):
    """Run the test suite with the interpreter that was asked."""

    description = "run the tests (needs the extra “test”)"
    user_options: ClassVar[list[tuple[str, str, str]]] = []

    def initialize_options(self) -> None:
        """Do nothing: there are no options."""

    def finalize_options(self) -> None:
        """Do nothing: there are no options."""

    def run(self) -> None:
        """Run pytest on ``tests/``, and end with its exit code."""
        if find_spec("pytest") is None:
            raise SystemExit("pytest isn't installed: pip install -e '.[test]'")
        raise SystemExit(
            subprocess.call([sys.executable, "-m", "pytest", "tests"], cwd=HERE)
        )


class Sdist(sdist):
    """Make an archive of the same bytes from the same sources, wherever it is made.

    Its times are ``SOURCE_DATE_EPOCH``
    (https://reproducible-builds.org/specs/source-date-epoch/), and no user or umask is
    in it. A wheel that is built from it, as ``python -m build`` does, takes after it.
    """

    def make_archive(self, base_name: str, *args: Any, **options: Any) -> str:
        """Make the ``.tar.gz``, the one format that an index takes (PEP 527)."""
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))

        def neutral(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime = epoch
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        path = Path(f"{base_name}.tar.gz")
        with (
            path.open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=epoch) as zipped,
            tarfile.open(fileobj=zipped, mode="w") as archive,
        ):
            archive.add(options["base_dir"], filter=neutral)
        return str(path)


def description() -> str:
    """Return the README with absolute links, which work wherever it is copied to."""
    text = (HERE / "README.md").read_text(encoding="utf-8")

    def absolute(found: re.Match[str]) -> str:
        start, path = found.groups()
        if not (HERE / path.partition("#")[0]).is_file():
            return found[0]
        # A picture is to be shown, and anything else to be read.
        kind = "raw" if path.endswith((".png", ".svg")) else "blob"
        return f"{start}{URL}/{kind}/HEAD/{path}"

    return re.sub(r'(\]\(|src="|srcset=")([\w./#-]+)', absolute, text)


setup(
    name="django-ptrack",
    version="4.0.0",
    description=(
        "Encrypted, stateless tracking pixels for Django and any WSGI or ASGI app"
    ),
    long_description=description(),
    long_description_content_type="text/markdown",
    url=URL,
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords="tracking pixel, email, opens, django, wsgi, asgi, middleware",
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Web Environment",
        "Framework :: Django",
        "Framework :: Django :: 4.2",
        "Framework :: Django :: 5.2",
        "Framework :: Django :: 6.0",
        "Framework :: Django :: 6.1",
        "Intended Audience :: Developers",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Communications :: Email",
        "Topic :: Internet :: WWW/HTTP :: WSGI :: Middleware",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["ptrack", "ptrack.*"]),
    py_modules=["pytest_ptrack"],
    package_data={
        "ptrack": ["py.typed"],
        "ptrack.stats": ["static/ptrack_stats/*", "templates/admin/ptrack_stats/*"],
    },
    python_requires=">=3.11",
    # asgiref, which runs callbacks across sync and async, is Django's own dependency.
    install_requires=["Django>=4.2", "PyNaCl>=1.5", "WebOb>=1.8.3"],
    extras_require={
        "agents": AGENTS,
        "anymail": ANYMAIL,
        "bench": BENCH,
        "celery": CELERY,
        "demo": DEMO,
        "email": EMAIL,
        "fuzz": FUZZ,
        "lint": LINT,
        "release": RELEASE,
        "soak": SOAK,
        "tasks": TASKS,
        "test": TEST,
        "test-all": TEST_ALL,
        "timing": TIMING,
    },
    entry_points={
        "paste.filter_factory": ["main = ptrack.wsgi:filter_factory"],
        "pytest11": ["ptrack = pytest_ptrack"],
    },
    distclass=Project,
    cmdclass={"sdist": Sdist, "test": Test},
)
