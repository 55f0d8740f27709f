"""The package: its public names, its types, its logger."""

import re

import pytest

import ptrack
import ptrack.core.callbacks
import ptrack.exceptions
from tests.processes import ROOT, run_python


def test_error_outside_django_names_the_missing_setting():
    with pytest.raises(
        AssertionError, match=r"PtrackConfigurationError: PTRACK_SECRET is"
    ):
        run_python("import ptrack.wsgi; ptrack.wsgi.mirror()")


def test_script_with_settings_but_no_setup_can_make_pixels():
    out = run_python(
        "import ptrack; print(ptrack.pixel_url('x'))",
        DJANGO_SETTINGS_MODULE="tests.settings",
    )
    assert out.startswith("https://www.example.com/ptrack/")


def test_public_names_are_there():
    for name in ptrack.__all__:
        assert getattr(ptrack, name) is not None
    assert ptrack.ptrack_encoder is ptrack.PtrackEncoder
    assert issubclass(
        ptrack.exceptions.PtrackRegistrationError, ptrack.exceptions.PtrackError
    )
    assert isinstance(ptrack.tracker, ptrack.core.callbacks.Tracker)


def test_package_says_that_it_is_typed():
    assert (ROOT / "ptrack/py.typed").exists()


def test_package_logs_to_one_logger():
    sources = [path.read_text("utf-8") for path in (ROOT / "ptrack").rglob("*.py")]
    names = re.findall(r"getLogger\((.*?)\)", "".join(sources))
    assert set(names) == {'"ptrack"'}
