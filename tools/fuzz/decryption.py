"""Any token: `TokenBox.decrypt`, and an endpoint that is asked with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ptrack.core.answers import PIXEL_IMAGE
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Endpoint
from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackTokenError
from tests.recording import Recorder, register_recorder
from tests.reference import open_arguments, open_token
from tools.fuzz import inputs
from tools.fuzz.inputs import SECRETS

BOX = TokenBox(SECRETS[0], SECRETS[1:])


@contextmanager
def prepare() -> Iterator[Callable[[bytes], None]]:
    """Yield a function of the fuzzer's bytes that raises if a rule is broken."""
    endpoint = Endpoint(BOX, encoder=lambda: None, tracker=Tracker(), prefix="/ptrack/")
    with register_recorder(endpoint.tracker) as recorder:

        def check(data: bytes) -> None:
            token = inputs.make_token(data)
            _check_decryption(token)
            _check_endpoint(endpoint, recorder, token)

        yield check


def mutate(data: bytes, seed: int, plain: inputs.Mutate) -> bytes:
    """Change the fuzzer's bytes: see `tools.fuzz.inputs.mutate`."""
    return inputs.mutate(data, seed, plain)


def _check_decryption(token: bytes) -> None:
    expected = open_token(token, SECRETS)
    for given in (token, token.decode("latin-1")):
        assert repr(_decrypt(given)) == repr(expected), given


def _decrypt(token: str | bytes) -> Any:
    try:
        return list(BOX.decrypt(token))
    except PtrackTokenError as error:
        if str(error) != "not a token":
            raise
        return None


def _check_endpoint(endpoint: Endpoint, recorder: Recorder, token: bytes) -> None:
    recorder.forget()
    found = endpoint.match(f"/ptrack/{token.decode('latin-1')}")
    assert found is not None
    if not found.startswith("link/"):
        assert endpoint.answer("GET", found, object) is PIXEL_IMAGE
    hit = open_arguments(token.removesuffix(b"/"), SECRETS)
    expected = [] if hit is None else [(tuple(hit[0]), hit[1])]
    assert repr(recorder.hits) == repr(expected), token
