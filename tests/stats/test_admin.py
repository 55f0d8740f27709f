"""ptrack.opens.admin, by a client that is logged in."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.http import urlencode

from tests.stats.site import ALIAS, hit_at, open_at

pytestmark = pytest.mark.usefixtures("opens")
OPENS = "/admin/ptrack_opens/open/"
CLICKS = "/admin/ptrack_opens/click/"


def now() -> datetime:
    """Give the time of the test, not of the run: midnight may come in between."""
    return datetime.now(UTC)


@pytest.fixture
def client(opens) -> Client:
    from django.contrib.auth.models import User

    user = User.objects.create_superuser("admin")
    client = Client()
    client.force_login(user)
    yield client
    user.delete()


@pytest.fixture
def model():
    """Four opens: two by ada, of which one is 40 days old, one by alan, one without."""
    from ptrack.opens.models import Open

    ago = ((0, "ada"), (1, "alan"), (2, None), (40, "ada"))
    Open.objects.bulk_create(
        [
            open_at(
                now() - timedelta(days=days),
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


def page(client: Client, path: str = OPENS, **query: str) -> str:
    response = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert response.status_code == 200
    return response.content.decode()


def totals(text: str) -> list[int]:
    found = re.search(r'<p class="ptrack-totals">(.*?)</p>', text, re.DOTALL)
    return [int(number) for number in re.findall(r"<strong>(\d+)</strong>", found[1])]


def section(text: str) -> str:
    """Give what is added to the admin's own list."""
    found = re.search(r'<section class="ptrack-days".*?</section>', text, re.DOTALL)
    return found[0]


def rows(text: str) -> int:
    return text.count('class="field-at')


def test_the_last_thirty_days_are_shown(client, model):
    text = page(client)
    assert totals(text) == [3, 2]
    assert rows(text) == 3
    # Two for each of the three days, and two for what they are.
    assert section(text).count("<rect") == 2 * 3 + 2
    assert section(text).count('<th scope="row">') == 30


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
def test_a_period_is_chosen(client, model, days, expected):
    text = page(client, days=days)
    assert totals(text) == expected
    assert rows(text) == expected[0]
    chosen = re.findall(r'<li class="selected">\s*<a href="\?days=(\w+)"', text)
    # The second is of the other filter, which keeps this one.
    assert chosen[0] == ("30" if days == "nonsense" else days)


def test_a_key_is_found_whole_in_all_periods(client, model):
    assert totals(page(client, q="ada")) == [2, 1]
    assert totals(page(client, q="ad")) == [0, 0]
    assert totals(page(client, q="ada", days="7")) == [1, 1]
    assert re.search(r"1</strong>\s+open\b", page(client, q="ada", days="7"))
    assert re.search(r"2</strong>\s+opens\b", page(client, q="ada"))
    long = "x" * 500
    from ptrack.opens.keys import indexable

    model.objects.bulk_create(
        [open_at(now(), key=indexable(long)), open_at(now(), key="a b")]
    )
    assert totals(page(client, q=long)) == [1, 1]
    # As it stands in the list, to which the link leads.
    assert totals(page(client, q=indexable(long))) == [1, 1]
    assert totals(page(client, q="a b")) == [1, 1]


def test_a_key_leads_to_all_that_has_it(client, model):
    text = page(client)
    assert '<a href="?q=ada">ada</a>' in text
    assert text.count('class="field-reader"') == 3


def test_an_empty_key_leads_nowhere(client, model):
    """A search for nothing would find all."""
    model.objects.bulk_create([open_at(now(), key="")])
    text = page(client)
    assert "(empty)" in text
    assert 'href="?q="' not in text


def test_those_without_a_key_are_filtered(client, model):
    assert totals(page(client, key__isempty="1")) == [1, 0]
    assert totals(page(client, key__isempty="0")) == [2, 2]


def test_what_a_stranger_sent_is_text(client, model):
    text = page(client)
    assert "Agent &lt;script&gt;" in text
    assert "&lt;b&gt;" in text
    assert "Agent <script>" not in text


def test_clicks_have_their_list(client, model):
    from ptrack.opens.models import Click

    found = hit_at(now())
    url = "https://shop.example/?" + "a" * 200
    Click.objects.create(id=found.id, at=found.at, url=url, args=[1], key="ada")
    text = page(client, CLICKS)
    assert totals(text) == [1, 1]
    assert url[:90] in text
    assert url not in text
    assert url in page(client, f"{CLICKS}{found.id}/change/")


def test_a_row_is_shown_whole_and_not_to_be_changed(client, model):
    row = model.objects.first()
    text = page(client, f"{OPENS}{row.id}/change/")
    assert "Agent &lt;script&gt;" in text
    assert 'name="_save"' not in text
    assert client.post(f"{OPENS}{row.id}/change/", {}).status_code == 403
    assert client.get(f"{OPENS}{row.id}/delete/").status_code == 403
    assert client.get(f"{OPENS}add/").status_code == 403


def test_the_address_has_a_column_where_it_is_kept(client, model):
    assert "192.0.2.0" not in page(client)
    with override_settings(PTRACK_OPENS_IP="short"):
        assert page(client).count("192.0.2.0") == 3


def test_without_a_keyword_there_are_no_unique_ones(client, model):
    with override_settings(PTRACK_OPENS_KEY=None):
        text = page(client)
    assert totals(text) == [3]
    assert "unique" not in section(text)


def test_an_empty_table_has_no_chart(client):
    text = page(client)
    assert totals(text) == [0, 0]
    assert "<svg" not in section(text)


def test_a_locale_changes_no_number_of_the_drawing(client, model):
    """A comma where German has one would break it."""
    with override_settings(LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True):
        text = page(client)
    numbers = re.findall(r' (?:x|y|width|height|x1|x2|y1|y2)="([^"]*)"', section(text))
    assert len(numbers) > 50
    for number in numbers:
        float(number)


def test_a_page_needs_no_script_or_style_within_it(client, model):
    """Under a strict Content-Security-Policy, what is added here is still seen."""
    text = section(page(client))
    assert not re.search(r"<script|<style|style=| on\w+=|https?:|url\(", text)


def test_a_query_that_makes_no_sense_is_the_admins_to_answer(client, model):
    assert client.get(OPENS, {"nonsense": "1"}).status_code == 302


def test_no_query_counts_the_whole_table(client, model):
    """Each that counts is limited, by the period or by the pages that anyone turns."""
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        page(client)
    ours = [each["sql"] for each in queries if "ptrack_opens_open" in each["sql"]]
    assert len(ours) == 4
    for sql in ours:
        assert "at" in sql.partition("WHERE")[2]
    (paged,) = (sql for sql in ours if "LIMIT 50000" in sql)
    assert "COUNT(*)" in paged


def test_pages_end_where_nobody_turns_them(client, model, monkeypatch):
    from ptrack.opens.admin import CappedPaginator

    monkeypatch.setattr(CappedPaginator, "most", 2)
    text = page(client)
    assert re.search(r"2\s+opens", text)
    assert totals(text) == [3, 2]


def test_a_stranger_sees_nothing(client, model):
    assert Client().get(OPENS).status_code == 302
