"""Any token: `TokenBox.decrypt`, and an endpoint that is asked with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tools.fuzz import inputs
from tools.fuzz.inputs import SECRETS
from ptrack.core.answers import PIXEL
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Endpoint
from ptrack.core.tokens import PtrackEncoder, TokenBox
from ptrack.exceptions import PtrackTokenError
from tests.recording import Recorder, registered
from tests.reference import opened

BOX = TokenBox(SECRETS[0], SECRETS[1:])


@contextmanager
def checks() -> Iterator[Callable[[bytes], None]]:
    """Give the function that takes the fuzzer's bytes, and raises if all isn't well."""
    endpoint = Endpoint(
        BOX, encoder=lambda: PtrackEncoder, tracker=Tracker(), prefix="/ptrack/"
    )
    with registered(endpoint.tracker) as recorder:

        def check(data: bytes) -> None:
            token = inputs.token_of(data)
            _check_decryption(token)
            _check_endpoint(endpoint, recorder, token)

        yield check


def mutated(data: bytes, seed: int, plain: inputs.Mutate) -> bytes:
    """Change the fuzzer's bytes: see `fuzz.inputs.mutated`."""
    return inputs.mutated(data, seed, plain)


def _check_decryption(token: bytes) -> None:
    expected = opened(token, SECRETS)
    for given in (token, token.decode("latin-1")):
        assert repr(_decrypted(given)) == repr(expected), given


def _decrypted(token: str | bytes) -> Any:
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
        assert endpoint.answer("GET", found, object) is PIXEL
    hit = opened(token.removesuffix(b"/"), SECRETS)
    expected = [] if hit is None else [(tuple(hit[0]), hit[1])]
    assert repr(recorder.hits) == repr(expected), token
