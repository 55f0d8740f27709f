"""fuzz/: its seeds hold, its checks can fail, and its command says what is missing."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import pytest

from tools.fuzz import HARNESSES, inputs, seeds
from ptrack.core import endpoint
from ptrack.core.answers import METHOD_NOT_ALLOWED
from ptrack.core.tokens import TokenBox
from tests.processes import ROOT, environment

CASES = [(harness, name) for harness in HARNESSES for name in seeds.SEEDS[harness]]


def checks(harness: str) -> AbstractContextManager[Callable[[bytes], None]]:
    """Give the function that raises if all isn't well with the bytes it is given."""
    found: AbstractContextManager[Any] = import_module(f"tools.fuzz.{harness}").checks()
    return found


@pytest.mark.parametrize(("harness", "name"), CASES)
def test_seed_holds(harness, name):
    with checks(harness) as check:
        check(seeds.SEEDS[harness][name])


def test_stored_corpus_is_the_seeds():
    for harness in HARNESSES:
        stored = (seeds.CORPUS / harness).iterdir()
        assert {path.name: path.read_bytes() for path in stored} == seeds.SEEDS[harness]


def test_seeds_have_hits_among_them(monkeypatch):
    """Else all that is behind the authenticator went unseen."""
    for harness, name in (("decryption", "sealed-arguments"), ("requests", "hit")):
        with checks(harness) as check, monkeypatch.context() as patched:
            patched.setattr(TokenBox, "decrypt", lambda *_: ([], {}))
            with pytest.raises(AssertionError):
                check(seeds.SEEDS[harness][name])


def test_checks_notice_a_hit_that_is_none(monkeypatch):
    monkeypatch.setattr(TokenBox, "decrypt", lambda *_: ([], {}))
    for harness in HARNESSES:
        with checks(harness) as check, pytest.raises(AssertionError):
            check(seeds.SEEDS[harness]["forged"])


def test_checks_notice_another_error(monkeypatch):
    def failing(*_: Any) -> Any:
        raise KeyError("of the wrong kind")

    monkeypatch.setattr(TokenBox, "decrypt", failing)
    with checks("decryption") as check, pytest.raises(KeyError):
        check(seeds.DECRYPTION["garbage"])


def test_checks_notice_another_answer(monkeypatch):
    monkeypatch.setitem(endpoint._ANSWERS, "GET", METHOD_NOT_ALLOWED)
    for harness in HARNESSES:
        with checks(harness) as check, pytest.raises(AssertionError):
            check(seeds.SEEDS[harness]["garbage"])


def plain(data: bytes) -> bytes:
    return b"plain"


@pytest.mark.parametrize("harness", HARNESSES)
def test_mutation_keeps_json_json_and_leaves_the_rest_to_the_fuzzer(harness):
    mutated = import_module(f"tools.fuzz.{harness}").mutated
    for name, seed in seeds.SEEDS[harness].items():
        for number in range(20):
            mutant = mutated(seed, number, plain)
            assert mutant == mutated(seed, number, plain), name
    hit = b'J[["a"],{"k":[1,{"deep":null}]}]'
    mutants = {inputs.mutated(hit, number, plain) for number in range(200)}
    assert len(mutants) > 20
    assert b"plain" in mutants
    assert all(mutant[:1] == b"J" for mutant in mutants - {b"plain"})


def run_fuzz(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code += "; import runpy; runpy.run_module('tools.fuzz', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", f"import sys; {code}", *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_command_says_what_to_do_where_atheris_is_missing():
    """A finder that finds nothing stands in for an interpreter without a wheel."""
    done = run_fuzz(
        "import importlib.util as u; found = u.find_spec; "
        "u.find_spec = lambda name, *a: None if name == 'atheris' else found(name, *a)"
    )
    assert done.returncode == 1
    assert "There are wheels for CPython 3.11 to 3.14" in done.stderr


def test_command_refuses_less_time_than_it_has_harnesses():
    done = run_fuzz("0", "--seconds", "1")
    assert done.returncode == 2
    assert "--seconds must be at least 2" in done.stderr
