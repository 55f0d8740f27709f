"""The metadata of the distribution, and ``python setup.py test``."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from setuptools import Command, find_packages, setup

HERE = Path(__file__).parent

TEST = [
    "bottle",
    "coverage[toml]>=7.10",
    "falcon",
    "flask",
    "gunicorn",
    "jinja2",
    "pastedeploy",
    "pillow",
    "pyramid",
    "pyuwsgi",
    "pytest>=8",
    "pytest-django>=4.9",
    "selenium",
    "setuptools>=77",
    "uvicorn",
    "webtest",
]


# The servers of the wire; the peers get environments of their own.
BENCH = ["granian", "gunicorn", "pyuwsgi"]

# The servers of the load and the faults.
SOAK = ["granian", "gunicorn", "pyuwsgi", "uvicorn", "uvicorn-worker", "waitress"]

LINT = ["django-stubs", "mypy", "ruff", "types-WebOb"]


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


setup(
    name="django-ptrack",
    version="4.0.0",
    description="Encrypted, stateless tracking pixels for Django and any WSGI app",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    url="https://github.com/indeedeng/django-ptrack",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords="tracking pixel, email, opens, django, wsgi, middleware",
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
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Communications :: Email",
        "Topic :: Internet :: WWW/HTTP :: WSGI :: Middleware",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["ptrack", "ptrack.*"]),
    package_data={"ptrack": ["py.typed"]},
    python_requires=">=3.10",
    # asgiref, which runs callbacks across sync and async, is Django's own dependency.
    install_requires=["Django>=4.2", "PyNaCl>=1.5", "WebOb>=1.8"],
    extras_require={"bench": BENCH, "lint": LINT, "soak": SOAK, "test": TEST},
    entry_points={
        "paste.filter_factory": ["main = ptrack.wsgi:filter_factory"],
    },
    cmdclass={"test": Test},
)
