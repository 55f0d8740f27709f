"""ptrack.stats.storage: values come back from a database as they went in."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from types import MappingProxyType

import pytest
from django.test import override_settings
from django.utils import timezone as zones
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptrack.stats import storage
from tests.stats.site import make_open

R = "\ufffd"
HUGE = pytest.param(10**5000, id="huge")  # Python would refuse to write it as the id.


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("a\0b", f"a{R}b"),
        ("\ud800", R),
        ("\udfff!", f"{R}!"),
        ("😀", "😀"),
        (True, True),
        (10**30, 10**30),
        (1.5, 1.5),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (1e20, 10**20),
        (1e-7, 1e-7),
        (("a", 1), ["a", 1]),
        ({"a\0": {"\ud800": None}}, {f"a{R}": {R: None}}),
        ({1: 2}, {"1": 2}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Decimal("1.5"), "1.5"),
        (10**640 - 1, 10**640 - 1),
        (10**640, hex(10**640)),
        pytest.param(-(10**5000), hex(-(10**5000)), id="-huge"),
        ({10**5000: 1}, {hex(10**5000): 1}),
    ],
)
def test_values_are_kept_as_far_as_possible(given, stored):
    (found,) = storage.clean_list([given])
    assert found == stored
    assert type(found) is type(stored)


def test_names_that_differ_only_in_replaced_characters_stay_apart():
    found = storage.clean_dict({"a\0": 1, "a\ud800": 2, f"a{R}": 3})
    assert found == {f"a{R}": 1, f"a{R}{R}": 2, f"a{R}{R}{R}": 3}


def test_negative_zero_is_zero():
    assert str(storage.clean_list([-0.0])[0]) == "0.0"


def test_values_that_nest_too_deep_are_kept_as_json():
    value: list = ["bottom"]
    for _ in range(150):
        value = [value]
    found = storage.clean_list([value])
    depth = 0
    while isinstance(found, list):
        found, depth = found[0], depth + 1
    assert depth == storage.MAX_DEPTH
    assert json.loads(found)[0]
    assert "bottom" in found


def nest(depth: int, bottom: object) -> object:
    """Return a value in so many lists and objects, with others beside it."""
    value = bottom
    for level in range(depth):
        value = {"b": level, "a": value} if level % 3 else [level, value]
    return value


def find_last(value: object, depth: int) -> object:
    """Return the last value of the last value, and so on."""
    for _ in range(depth):
        *_, value = value.values() if isinstance(value, dict) else value
    return value


@pytest.mark.parametrize("bottom", ["bottom", HUGE, float("inf"), {}, "\ud800", ()])
def test_json_of_a_deep_value_is_the_rest_of_it(bottom):
    found = storage.clean_list([nest(150, bottom)])
    text = find_last(found, storage.MAX_DEPTH)
    (cleaned,) = storage.clean_list([bottom])
    assert text == json.dumps(nest(150 + 1 - storage.MAX_DEPTH, cleaned))
    assert json.dumps(found)


def test_depth_has_no_limit():
    """Python's own functions for JSON would exhaust the stack."""
    deep: list = []
    for _ in range(50_000):
        deep = [deep]
    text = find_last(storage.clean_list([deep]), storage.MAX_DEPTH)
    assert text == "[" * 49_902 + "]" * 49_902


def test_list_that_contains_itself_is_an_error():
    endless: list = [1]
    endless.append(endless)
    with pytest.raises(ValueError, match="contains itself"):
        storage.clean_list([endless])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        # Python 3.13 writes it as it was given.
        ("::ffff:192.0.2.1", str(ip_address("::ffff:c000:201"))),
        *((bad, None) for bad in ("", "unknown", "1.2.3", "x" * 9999, 7, "1\0", b"1")),
    ],
)
def test_only_addresses_are_kept_as_addresses(given, kept):
    assert storage.clean_ip(given) == kept


NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_time_keeps_its_zone_if_the_site_has_zones():
    assert storage.clean_time(NOW) is NOW
    with override_settings(TIME_ZONE="Europe/Berlin"):
        found = storage.clean_time(datetime(2026, 1, 2, 12))
    assert found == NOW - timedelta(hours=1)


@override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin")
def test_time_is_in_the_zone_of_a_site_without_zones():
    assert storage.clean_time(NOW) == datetime(2026, 1, 2, 13)
    # A visitor's zone, which may be active, makes no difference.
    with zones.override("Asia/Tokyo"):
        assert storage.clean_time(NOW) == datetime(2026, 1, 2, 13)
    assert storage.clean_time(datetime(2026, 1, 2, 13)) == datetime(2026, 1, 2, 13)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(anything), st.dictionaries(st.text(st.characters()), anything))
def test_any_value_comes_back_from_the_database(stats, args, kwargs):
    from ptrack.stats.models import Open
    from ptrack.stats.writing import write

    row = make_open(args=storage.clean_list(args), kwargs=storage.clean_dict(kwargs))
    write(row)
    found = Open.objects.get(pk=row.pk)
    assert found.args == row.args
    assert found.kwargs == row.kwargs
    # Types are the same too: keys are made of values that were read back.
    assert json.dumps(found.args, sort_keys=True) == json.dumps(
        row.args, sort_keys=True
    )
