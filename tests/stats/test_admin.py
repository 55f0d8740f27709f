"""ptrack.stats.admin, as a user who is logged in sees it."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.http import urlencode

from tests.stats.site import ALIAS, make_id, make_open

pytestmark = pytest.mark.usefixtures("stats")
OPENS = "/admin/ptrack_stats/open/"
CLICKS = "/admin/ptrack_stats/click/"


@pytest.fixture
def client(staff: Client) -> Client:
    return staff


@pytest.fixture
def model():
    """Add four opens: two by ada, one of them old; one by alan; one without a key."""
    from ptrack.stats.models import Open

    now = datetime.now(UTC)
    ago = ((0, "ada"), (1, "alan"), (2, None), (40, "ada"))
    Open.objects.bulk_create(
        [
            make_open(
                now - timedelta(days=days),
                key=key,
                args=["<b>"],
                kwargs={"recipient": key} if key else {},
                user_agent="Agent <script>",
                ip="192.0.2.0",
            )
            for days, key in ago
        ]
    )
    return Open


def get_page(client: Client, path: str = OPENS, **query: str) -> str:
    response = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert response.status_code == 200
    return response.content.decode()


def read_totals(text: str) -> list[int]:
    found = re.search(r'<p class="ptrack-totals">(.*?)</p>', text, re.DOTALL)
    return [int(number) for number in re.findall(r"<strong>(\d+)</strong>", found[1])]


def find_section(text: str) -> str:
    """Return the part of a page that the admin's own list hasn't."""
    found = re.search(r'<section class="ptrack-report".*?</section>', text, re.DOTALL)
    return found[0]


def count_rows(text: str) -> int:
    return text.count('class="field-at')


def test_thirty_days_are_shown_by_default(client, model):
    text = get_page(client)
    assert read_totals(text) == [3, 2]
    assert count_rows(text) == 3
    # Two for each of the three days, and two in the legend.
    assert find_section(text).count("<rect") == 2 * 3 + 2
    assert find_section(text).count('<th scope="row">') == 30


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("1", [1, 1]),
        ("7", [3, 2]),
        ("30", [3, 2]),
        ("90", [4, 2]),
        ("365", [4, 2]),
        ("all", [4, 2]),
        ("nonsense", [3, 2]),
    ],
)
def test_period_can_be_chosen(client, model, days, expected):
    text = get_page(client, days=days)
    assert read_totals(text) == expected
    assert count_rows(text) == expected[0]
    chosen = re.findall(r'<li class="selected">\s*<a href="\?days=(\w+)"', text)
    # The second link is the other filter's, and keeps this choice.
    assert chosen[0] == ("30" if days == "nonsense" else days)


def test_whole_key_is_found_in_all_periods(client, model):
    assert read_totals(get_page(client, q="ada")) == [2, 1]
    assert read_totals(get_page(client, q="ad")) == [0, 0]
    assert read_totals(get_page(client, q="ada", days="7")) == [1, 1]
    assert re.search(r"1</strong>\s+open\b", get_page(client, q="ada", days="7"))
    assert re.search(r"2</strong>\s+opens\b", get_page(client, q="ada"))
    long = "x" * 500
    from ptrack.stats.keys import fit_column

    model.objects.bulk_create([make_open(key=fit_column(long)), make_open(key="a b")])
    assert read_totals(get_page(client, q=long)) == [1, 1]
    # The same key as it is in the list, and in its link.
    assert read_totals(get_page(client, q=fit_column(long))) == [1, 1]
    assert read_totals(get_page(client, q="a b")) == [1, 1]


def test_key_is_a_link_to_all_its_rows(client, model):
    text = get_page(client)
    assert '<a href="?q=ada">ada</a>' in text
    assert text.count('class="field-reader"') == 3


def test_empty_key_is_no_link(client, model):
    """A search for an empty text would find all rows."""
    model.objects.bulk_create([make_open(key="")])
    text = get_page(client)
    assert "(empty)" in text
    assert 'href="?q="' not in text


def test_rows_without_a_key_can_be_selected(client, model):
    assert read_totals(get_page(client, key__isempty="1")) == [1, 0]
    assert read_totals(get_page(client, key__isempty="0")) == [2, 2]


def test_received_text_is_escaped(client, model):
    text = get_page(client)
    assert "Agent &lt;script&gt;" in text
    assert "&lt;b&gt;" in text
    assert "Agent <script>" not in text


def test_clicks_have_a_list_of_their_own(client, model):
    from ptrack.stats.models import Click

    url = "https://shop.example/?" + "a" * 200
    row = Click(id=make_id(), at=datetime.now(UTC), url=url, args=[1], key="ada")
    row.save(force_insert=True)
    text = get_page(client, CLICKS)
    assert read_totals(text) == [1, 1]
    assert url[:90] in text
    assert url not in text
    assert url in get_page(client, f"{CLICKS}{row.id}/change/")


def test_row_is_shown_whole_and_cannot_be_changed(client, model):
    row = model.objects.first()
    text = get_page(client, f"{OPENS}{row.id}/change/")
    assert "Agent &lt;script&gt;" in text
    assert 'name="_save"' not in text
    assert client.post(f"{OPENS}{row.id}/change/", {}).status_code == 403
    assert client.get(f"{OPENS}{row.id}/delete/").status_code == 403
    assert client.get(f"{OPENS}add/").status_code == 403


def test_address_has_a_column_if_it_is_kept(client, model):
    assert "192.0.2.0" not in get_page(client)
    with override_settings(PTRACK_STATS_IP="short"):
        assert get_page(client).count("192.0.2.0") == 3


def test_no_unique_numbers_without_a_keyword(client, model):
    with override_settings(PTRACK_STATS_KEY=None):
        text = get_page(client)
    assert read_totals(text) == [3]
    assert "unique" not in find_section(text)


def test_empty_table_has_no_chart(client):
    text = get_page(client)
    assert read_totals(text) == [0, 0]
    assert "<svg" not in find_section(text)


def test_chart_has_the_same_numbers_in_any_locale(client, model):
    """A decimal comma, as in German, would break it."""
    with override_settings(LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True):
        text = get_page(client)
    numbers = re.findall(
        r' (?:x|y|width|height|x1|x2|y1|y2)="([^"]*)"', find_section(text)
    )
    assert len(numbers) > 50
    for number in numbers:
        float(number)


def test_report_has_no_inline_script_or_style(client, model):
    """A strict Content-Security-Policy would block them."""
    text = find_section(get_page(client))
    assert not re.search(r"<script|<style|style=| on\w+=|https?:|url\(", text)


def test_bad_value_of_a_filter_is_left_to_the_admin(client, model):
    assert client.get(OPENS, {"key__isempty": "x"}).status_code == 302


def test_no_query_counts_the_whole_table(client, model):
    """The period, or the number of rows in the list, limits each count."""
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        get_page(client)
    ours = [each["sql"] for each in queries if "ptrack_stats_open" in each["sql"]]
    assert len(ours) == 4
    for sql in ours:
        assert "at" in sql.partition("WHERE")[2]
    (paged,) = (sql for sql in ours if "LIMIT 50000" in sql)
    assert "COUNT(*)" in paged


def test_list_has_a_maximum_of_rows(client, model, monkeypatch):
    from ptrack.stats.admin import CappedPaginator

    monkeypatch.setattr(CappedPaginator, "max_rows", 2)
    text = get_page(client)
    assert re.search(r"2\s+opens", text)
    assert read_totals(text) == [3, 2]


def test_stranger_sees_nothing(client, model):
    assert Client().get(OPENS).status_code == 302


HOSTILE = ["", "(", "x", "\0", "a\0b", "\ud800", "9" * 5000, "-1", "1e999", "NaN"]
HOSTILE += ["2026-02-30", "0000-00-00", "None", "'", "1,2", "[]", "{", "%", "_" * 9000]
HOSTILE += ["(a+)+$", "*", "99999999-9999-9999-9999-99999999999", "::/0", "[1", "true"]


def write_query(name: str, value: str) -> str:
    return f"{quote(name)}={quote(value, safe='', errors='surrogatepass')}"


def find_lookups() -> list[str]:
    """Return each field of the models with each lookup, one transform included."""
    from ptrack.stats.models import Click

    found = []
    for field in Click._meta.concrete_fields:
        parts = [*field.get_lookups(), "date__gte", "year__lt", "recipient", "0__regex"]
        found += [field.name, *(f"{field.name}__{part}" for part in parts)]
    return [*found, "pk", "pk__in", "nonsense", "nonsense__regex", "at__", "__", ""]


def test_only_the_lookups_of_the_page_are_taken_from_a_url(client, model):
    """Django takes any lookup of a field, and the database may refuse the value."""
    lookups = find_lookups()
    assert {"user_agent__regex", "id__in", "kwargs__has_key"} < set(lookups)
    for lookup in lookups:
        for value in HOSTILE[:2]:
            url = f"{CLICKS}?{write_query(lookup, value)}"
            assert client.get(url).status_code == 400, url


NAMES = ["days", "key__isempty", "q", "p", "o", "e", "all"]


@pytest.mark.parametrize("name", NAMES)
def test_no_value_in_a_url_of_the_list_is_an_error(client, model, name):
    queries = [write_query(name, value) for value in HOSTILE]
    for query in [*queries, *(f"{each}&e=1&{each}" for each in queries[::4])]:
        assert client.get(f"{OPENS}?{query}").status_code in {200, 302, 400}, query


@pytest.mark.parametrize("page", ["change", "history"])
def test_no_value_in_a_url_of_a_row_is_an_error(client, model, page):
    path = f"{OPENS}{model.objects.first().pk}/{page}/"
    for value in HOSTILE:
        url = f"{path}?{'&'.join(write_query(name, value) for name in NAMES)}"
        assert client.get(url).status_code in {200, 302, 400}, url


@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_no_id_in_a_url_is_an_error(client, model, page):
    for value in HOSTILE:
        name = quote(value, safe="", errors="surrogatepass")
        for path in (OPENS, CLICKS):
            response = client.get(f"{path}{name}/{page}/")
            assert response.status_code in {302, 403, 404}, value
