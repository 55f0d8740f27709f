"""ptrack.stats.storage: values come back from a database as they went in."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import pytest
from django.test import override_settings
from django.utils import timezone as zones
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptrack.stats import storage
from tests.stats.site import make_open

R = "\ufffd"


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

    row = make_open(args=storage.clean_list(args), kwargs=storage.clean_dict(kwargs))
    # `bulk.write` isn't used here, as it may leave a row out.
    row.save(force_insert=True)
    found = Open.objects.get(pk=row.pk)
    assert found.args == row.args
    assert found.kwargs == row.kwargs
    # Types are the same too: keys are made of values that were read back.
    assert json.dumps(found.args, sort_keys=True) == json.dumps(
        row.args, sort_keys=True
    )
