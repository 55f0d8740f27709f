"""setup.py: the metadata of the distribution."""

import re
from configparser import ConfigParser
from importlib import metadata

from tests.processes import ROOT

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
