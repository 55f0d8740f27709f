"""setup.py: the metadata of the distribution."""

import re
from configparser import ConfigParser
from importlib import metadata

from tests.processes import ROOT, run_python

REQUIREMENT = re.compile(
    r"""(?P<name>[\w-]+)>=(?P<version>[\d.]+)(?:; extra == "(?P<extra>\w+)")?"""
)
# Those of features; the others are for work on ptrack itself.
EXTRAS = ["agents", "anymail", "celery", "email", "tasks"]


def test_distribution_is_named_and_licensed_as_before():
    found = metadata.metadata("django-ptrack")
    assert found["Name"] == "django-ptrack"
    assert found["Version"] == "4.0.0"
    # The field depends on the version of setuptools that made the metadata.
    licences = [found.get("License-Expression"), found.get("License")]
    assert "Apache-2.0" in licences
    assert found["Requires-Python"] == ">=3.11"


def test_dependencies_are_the_three_and_no_more():
    needed = [
        requirement
        for requirement in metadata.requires("django-ptrack") or []
        if "extra ==" not in requirement
    ]
    assert sorted(needed) == ["Django>=4.2", "PyNaCl>=1.5", "WebOb>=1.8.3"]


def test_lowest_versions_are_those_that_are_tested():
    """They are pinned in tox.ini, with some that these packages require."""
    settings = ConfigParser()
    settings.read(ROOT / "tox.ini")
    words = settings["testenv:lowest"]["commands_pre"].split()
    pins = dict(word.split("==") for word in words if "==" in word)
    asked = {
        found["name"]: found["version"]
        for requirement in metadata.requires("django-ptrack") or []
        if (found := REQUIREMENT.fullmatch(requirement))
        and found["extra"] in (None, *EXTRAS)
    }
    assert {"Django", "celery", "django-tasks", "linkify-it-py"} <= set(asked)
    assert set(pins) == {*asked, "asgiref", "kombu", "redis", "uc-micro-py"}
    for name, version in asked.items():
        assert pins[name] in (version, f"{version}.0")


def test_setup_py_leaves_the_umask_of_its_process_alone():
    """A command has one of its own, so that its files have the same modes."""
    code = """
import os, runpy, sys
os.umask(0o027)
sys.argv = ["setup.py", "-q", *sys.argv[1:]]
runpy.run_path("setup.py", run_name="__main__")
print(oct(os.umask(0)))
"""
    for command in ("--version", "check"):
        found = run_python(code.replace("*sys.argv[1:]", repr(command)), cwd=ROOT)
        assert found.splitlines()[-1] == "0o27"
