"""The settings in all documents and examples: what they silence, and their secrets."""

import re
from collections.abc import Iterator

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

import ptrack
from ptrack import conf
from tests.processes import ROOT
from tests.recording import empty_tracker

from .blocks import PATHS, read_text

DOCUMENTS = [
    *PATHS,
    *(
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "example").rglob("*"))
        if path.suffix in (".py", ".env", ".service", ".conf", ".ini")
    ),
    *("ptrack/checks.py", "ptrack/stats/checks.py"),
]

# -- SILENCED_SYSTEM_CHECKS -----------------------------------------------------------

SILENCED = re.compile(
    r"SILENCED_SYSTEM_CHECKS\s*\+?=\s*\[([^]]*)\]"
    r"|\"(ptrack\.\w+)\"(?:'\s*')? to\s+SILENCED_SYSTEM_CHECKS"
)
# The check that each text is about; without it, the mistake that it reports.
MEANT = {
    "ptrack.W002": {"MIDDLEWARE": []},
    "ptrack.W005": {},
    "ptrack.W008": {"PTRACK_APP_URL": None},
}


def find_silenced(document: str) -> Iterator[str]:
    for listed, single in SILENCED.findall(read_text(document)):
        yield from re.findall(r"ptrack\.\w+", listed or single)


ALL_SILENCED = [
    (document, check) for document in DOCUMENTS for check in find_silenced(document)
]


def test_all_documents_that_silence_a_check_are_found():
    assert sum("SILENCED_SYSTEM" in read_text(each) for each in DOCUMENTS) == len(
        {document for document, _ in ALL_SILENCED}
    )
    assert ("docs/deployment.md", "ptrack.W002") in ALL_SILENCED
    assert ("example/deployment/recording/settings.py", "ptrack.W002") in ALL_SILENCED
    assert {check for _, check in ALL_SILENCED} == MEANT.keys()


def find_loud(**settings: object) -> set[str]:
    """Return the ids of ptrack's messages that ``check --deploy`` shows."""
    with override_settings(**settings):
        return {
            str(each.id)
            for each in checks.run_checks(include_deployment_checks=True)
            if str(each.id).startswith("ptrack.") and not each.is_silenced()
        }


@pytest.mark.parametrize(("document", "check"), ALL_SILENCED)
def test_documented_silence_hides_its_own_check_and_no_short_secret(
    document: str, check: str, capsys: pytest.CaptureFixture[str], recorder
):
    silenced = list(find_silenced(document))
    mistake = MEANT[check]
    if mistake:
        assert find_loud(**mistake) == {check}
    assert find_loud(**mistake, SILENCED_SYSTEM_CHECKS=silenced) == set()
    with (
        override_settings(
            **mistake, SILENCED_SYSTEM_CHECKS=silenced, PTRACK_SECRET="short"
        ),
        pytest.raises(SystemCheckError, match=r"ptrack\.W001"),
    ):
        call_command("check", deploy=True, fail_level="WARNING")


def test_documented_silence_hides_no_missing_callback():
    silenced = sorted(MEANT)
    with empty_tracker(ptrack.tracker):
        assert find_loud(SILENCED_SYSTEM_CHECKS=silenced) == {"ptrack.W006"}


# -- secrets --------------------------------------------------------------------------

# The value behind "PTRACK_SECRET =", "secret =" and the like, in any language.
WRITTEN = re.compile(
    r"(?:secret|fallbacks)[\"\']?\s*[=:]\s*\[?\s*[\"\']?([^\n]+)", re.IGNORECASE
)
# What isn't a secret: an expression, a variable of a shell, a path, or an ellipsis.
READ = re.compile(
    r"(os\.environ|parse_setting|read_credential|secrets\.|read_secret|\$|/etc/|\.\.\.)"
)


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each in PATHS])
def test_no_document_shows_a_secret_that_could_be_copied(document: str):
    """Those that any version has shown are in `PUBLIC_SECRETS`, and are refused."""
    for block in re.findall(r"^```\w+\n(.*?)^```$", read_text(document), re.M | re.S):
        for value in WRITTEN.findall(block):
            assert READ.match(value), value


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each.startswith("example/")]
)
def test_no_example_has_a_secret_of_its_own(document: str):
    for text in re.findall(r'"([^"\n]{1,32})"', read_text(document)):
        assert conf.find_secret_problem(text) is None
    for value in re.findall(r"PTRACK_SECRET\w* = ([^\n]+)", read_text(document)):
        assert READ.match(value) or value == "SECRET", value
