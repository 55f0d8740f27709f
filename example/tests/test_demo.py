"""The pages of the demo: sending, the inbox, the report."""

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import connect

import django
import pytest

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox

from .mails import (
    AGENTS,
    GMAIL,
    SCANNER,
    YAHOO,
    find_mails,
    find_pixel,
    read_body,
    read_example,
    read_page,
)
from .reports import read_numbers, read_opens, read_report, send
from .servers import SECRET, Client, Server, manage, run_demo

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]


def test_a_mail_that_is_opened_is_counted(client: Client, demo: Server) -> None:
    """A campaign to three is in the inbox, and the pixel of a mail counts an open."""
    inbox = send(client, "Counted")
    assert inbox.status == 200
    assert "Sent 3 mails." in inbox.text
    found = find_mails(client, "Counted")
    assert set(found) == {"ada@example.com", "grace@example.com", "alan@example.com"}
    assert set(read_opens(client, "Counted").values()) == {0}

    url = find_pixel(read_body(client, "Counted", "grace@example.com"))
    assert url.startswith(f"{demo.url}/ptrack/")
    assert client.get(url).body == GIF
    assert read_opens(client, "Counted") == {
        "ada@example.com": 0,
        "grace@example.com": 1,
        "alan@example.com": 0,
    }


def test_opens_and_unique_opens_are_counted_apart(client: Client) -> None:
    """Two opens by one and one by another are three opens and two unique ones."""
    send(client, "Apart")
    for recipient in ("ada@example.com", "ada@example.com", "alan@example.com"):
        client.get(find_pixel(read_body(client, "Apart", recipient)))

    assert read_numbers(client, "Apart")["person"] == (3, 2, 0, 0)
    result = read_report(client, "Apart")
    assert [point["person_opens"] for point in result["timeline"]] == [1, 2, 3]
    ada, grace, _ = result["recipients"]
    assert 0 <= ada["seconds_to_open"] < 60
    assert ada["first_open"] is not None
    assert (grace["seconds_to_open"], grace["first_open"]) == (None, None)


def test_a_click_is_counted_and_leads_to_its_page(client: Client, demo: Server) -> None:
    """The first link of the example leads to a page of the demo and counts a click."""
    send(client, "Clicked", message=read_example(client))
    office, news = read_page(read_body(client, "Clicked")).links
    assert office.target == f"{demo.url}/office/"
    assert news.target == "https://www.example.com/news"

    page = client.get(office.url)
    assert (page.status, page.url) == (200, office.target)
    assert "Our new office" in page.text
    assert read_numbers(client, "Clicked")["person"] == (0, 0, 1, 1)
    result = read_report(client, "Clicked")
    assert result["links"] == [
        {"url": office.target, "person": 1, "machine": 0, "unknown": 0}
    ]
    assert [row["links"] for row in result["recipients"]] == [
        [{"url": office.target, "clicked_by": "person", "clicks": 1}],
        [],
        [],
    ]


def test_pixel_and_links_of_a_mail_carry_the_same(client: Client) -> None:
    """`ptrack.email.track` puts recipient and time into each of them."""
    send(client, "Carried", message=read_example(client))
    found = read_page(read_body(client, "Carried", "alan@example.com"))
    (first,) = found.pixels
    assert [each.kwargs for each in found.links] == [first.kwargs] * 2
    assert set(first.kwargs) == {"campaign", "recipient", "sent"}
    assert first.kwargs["recipient"] == "alan@example.com"


def test_the_link_to_unsubscribe_isnt_tracked(client: Client, demo: Server) -> None:
    """It is in the mail and in a header unchanged, and leads to a page."""
    send(client, "Leaving", message=read_example(client))
    url = f"{demo.url}/unsubscribe/"
    assert f'href="{url}"' in read_body(client, "Leaving").text
    mail = client.get(find_mails(client, "Leaving")["ada@example.com"])
    assert f"List-Unsubscribe: &lt;{url}&gt;" in mail.text
    assert client.get(url).status == 200
    assert read_report(client, "Leaving")["total"]["clicks"] == 0


@pytest.mark.parametrize("user_agent", AGENTS)
def test_people_and_machines_are_counted_apart(client: Client, user_agent: str) -> None:
    """An open and a click by each kind of agent are counted for its cause."""
    cause, name, kind = AGENTS[user_agent]
    subject = f"By {name}"
    send(client, subject, message=read_example(client))
    found = read_page(read_body(client, subject))
    agent = replace(client, user_agent=user_agent)
    assert agent.get(found.pixels[0].url).body == GIF
    assert agent.get(found.links[0].url).status == 200

    others = {"person", "machine", "unknown"} - {cause}
    ones = dict.fromkeys(("opens", "opened", "clicks", "clicked"), 1)
    result = read_report(client, subject)
    assert read_numbers(client, subject) == {
        cause: (1, 1, 1, 1),
        **dict.fromkeys(others, (0, 0, 0, 0)),
    }
    (group,) = (each for each in result["causes"] if each["cause"] == cause)
    assert group["agents"] == [{"name": name, "kind": kind, **ones}]
    ada = result["recipients"][0]
    assert ada["opened_by"] == cause
    assert ada["agents"] == [{"name": name, "opens": 1}]
    assert ada["links"][0]["clicked_by"] == cause
    assert (ada["first_open"] is not None) is (cause == "person")
    last = result["timeline"][-1]
    assert (last[f"{cause}_opens"], last[f"{cause}_clicks"]) == (1, 1)


def test_a_prefetch_is_a_machines(client: Client) -> None:
    """A browser that states a prefetch counts as a machine."""
    send(client, "Prefetched")
    url = find_pixel(read_body(client, "Prefetched"))
    replace(client, headers={"Sec-Purpose": "prefetch"}).get(url)
    assert read_numbers(client, "Prefetched")["machine"] == (1, 1, 0, 0)


def test_a_person_counts_after_machines_too(client: Client) -> None:
    """If a scanner and then a person follow a link, it is clicked by a person."""
    send(client, "Both", message=read_example(client))
    found = read_page(read_body(client, "Both"))
    scanner = replace(client, user_agent=SCANNER)
    scanner.get(found.pixels[0].url)
    office = found.links[0]
    for _ in range(2):
        scanner.get(office.url)
    ada = read_report(client, "Both")["recipients"][0]
    assert (ada["opened_by"], ada["seconds_to_open"]) == ("machine", None)
    assert [(each["clicked_by"], each["clicks"]) for each in ada["links"]] == [
        ("machine", 2)
    ]

    client.get(found.pixels[0].url)
    client.get(office.url)
    ada = read_report(client, "Both")["recipients"][0]
    assert (ada["opened_by"], ada["opens"]) == ("person", 2)
    assert ada["seconds_to_open"] is not None
    assert ada["links"] == [{"url": office.target, "clicked_by": "person", "clicks": 1}]
    assert read_report(client, "Both")["total"] == {
        "opens": 2,
        "opened": 1,
        "clicks": 3,
        "clicked": 1,
    }


def test_tags_in_a_message_are_text(client: Client) -> None:
    """Links and line breaks of Markdown work; tags, images and scripts don't."""
    message = (
        "**Bold** [x](javascript:alert(1)) ![i](http://e.example/i.png)\nnext <b>b</b>"
    )
    send(client, "Markdown", message=message)
    text = read_body(client, "Markdown").text
    assert "<strong>Bold</strong>" in text
    assert "<br />" in text
    assert "&lt;b&gt;b&lt;/b&gt;" in text
    assert 'href="javascript:' not in text
    assert 'src="http://e.example' not in text


def test_every_recipient_has_a_pixel_of_their_own(client: Client) -> None:
    """No two mails of a campaign share a pixel's URL."""
    send(client, "Own pixels")
    found = find_mails(client, "Own pixels").values()
    assert len({find_pixel(client.get(f"{path}body/")) for path in found}) == 3


def test_a_mail_shows_its_headers_and_source(client: Client) -> None:
    """A mail is shown with its sender and recipient, in a sandbox, and as source."""
    send(client, "Grüße & <b>more</b>", "ada@example.com")
    page = client.get(find_mails(client, "Grüße & <b>more</b>")["ada@example.com"])
    assert "Grüße &amp; &lt;b&gt;more&lt;/b&gt;" in page.text
    assert "The ptrack demo &lt;news@example.com&gt;" in page.text
    assert re.search(r'<iframe [^>]*sandbox="[^"]+" src="/inbox/\w+/body/"', page.text)
    assert "Content-Type: multipart/alternative" in page.text
    assert "MIME-Version: 1.0" in page.text


def test_a_mails_body_can_run_no_script(client: Client) -> None:
    """The body of a mail is sent for a sandbox: its images load, and nothing runs."""
    send(client, "Sandbox", message="<script>alert(1)</script>")
    path = find_mails(client, "Sandbox")["ada@example.com"]
    body = client.get(f"{path}body/")
    assert body.headers["Content-Security-Policy"] == (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "img-src http: https: data:; style-src 'unsafe-inline'"
    )
    assert body.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "&lt;script&gt;alert(1)" in body.text
    assert "<script" not in body.text
    assert client.get(path).headers["X-Frame-Options"] == "DENY"


def test_a_mail_may_hold_the_line_that_separates_mails(client: Client) -> None:
    """A line of 79 dashes in a message doesn't cut it in two."""
    line = "-" * 79
    send(client, "Dashes", message=f"before\n\n{line}\nafter: it\n\n{line}")
    found = find_mails(client, "Dashes")
    assert len(found) == 3
    body = client.get(f"{found['ada@example.com']}body/")
    assert "before" in body.text
    assert "after: it" in body.text
    assert find_pixel(body)


@pytest.mark.skipif(
    django.VERSION < (5, 0), reason="Django 4.2 refuses such an address in the form"
)
def test_a_failure_loses_only_its_own_mail(client: Client) -> None:
    """The page names the recipient of a mail that failed, and the others are sent."""
    # This domain is valid until it is encoded, and is then too long for DNS.
    bad = f"someone@{'ü' * 60}.example"
    inbox = send(client, "Failing", f"ada@example.com {bad} alan@example.com")
    assert "Sent 2 mails." in inbox.text
    assert f"No mail could be sent to {bad}." in inbox.text
    assert set(find_mails(client, "Failing")) == {"ada@example.com", "alan@example.com"}
    assert set(read_opens(client, "Failing")) == {"ada@example.com", "alan@example.com"}


def test_a_campaign_without_any_mail_is_reported(tmp_path: Path) -> None:
    """If no mail can be written, the page names the first recipients."""
    with run_demo(tmp_path) as server:
        (tmp_path / "mails").write_text("in the way of the directory")
        addresses = [f"{number}@example.com" for number in range(5)]
        inbox = send(Client(server.url), "Nowhere", " ".join(addresses))
    assert inbox.status == 200
    assert (
        "No mail could be sent to 0@example.com, 1@example.com, 2@example.com, 2 more."
        in inbox.text
    )
    assert "Sent" not in inbox.text


@pytest.mark.parametrize(
    ("recipients", "error"),
    [
        ("", "Enter at least one recipient."),
        (" ,;\n", "Enter at least one recipient."),
        ("ada@example.com, nobody", "“nobody” is not an e-mail address."),
        ("ada@@example.com", "“ada@@example.com” is not an e-mail address."),
        ("a@b.example\r\nBcc:c@d.example", "“Bcc:c@d.example” is not an e-mail"),
        ("\n".join(f"{n}@example.com" for n in range(101)), "to 100 at most."),
    ],
)
def test_bad_recipients_are_named_and_nothing_is_sent(
    client: Client, recipients: str, error: str
) -> None:
    """The form names a recipient that isn't an address, and sends no mail."""
    before = client.get("/inbox/").text
    page = send(client, "Never sent", recipients)
    assert page.status == 200
    assert error in page.text
    assert "Never sent" in page.text
    assert client.get("/inbox/").text == before


def test_a_recipient_named_twice_gets_one_mail(client: Client) -> None:
    """The same address twice, in any case, is one recipient."""
    send(client, "Twice", "ada@example.com ADA@example.com ada@example.com")
    assert len(find_mails(client, "Twice")) == 1


def test_a_subject_stays_on_its_line(client: Client) -> None:
    """A line break in a subject becomes a blank, and makes no header."""
    send(client, "One\r\nBcc: eve@example.com", "ada@example.com")
    assert list(find_mails(client, "One Bcc: eve@example.com")) == ["ada@example.com"]


@pytest.mark.parametrize(
    "path",
    [
        "/inbox/nothing/",
        "/inbox/nothing/body/",
        "/inbox/../",
        "/inbox/../demo.sqlite3/",
        "/inbox/..%2Fdemo.sqlite3/",
        "/inbox/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd/body/",
        "/inbox/%2Fetc%2Fpasswd/",
        "/inbox/..%5C..%5Cdemo.sqlite3/body/",
        "/inbox/%00/",
        "/report/999999/",
        "/report/999999/data/",
    ],
)
def test_an_unknown_id_is_not_found(client: Client, path: str) -> None:
    """Any other id, above all one that looks like a path, is answered with 404."""
    assert client.get(path).status == 404


def test_a_campaign_is_only_sent_from_the_form(client: Client, demo: Server) -> None:
    """A form without its CSRF token is refused."""
    with client.opener.open(demo.url, b"subject=x", timeout=30) as response:
        assert response.status == 403


def test_odd_pixels_are_recorded_too(client: Client) -> None:
    """A pixel without arguments, or with odd ones, is answered and recorded."""
    seal = TokenBox(SECRET).encrypt
    odd = [
        seal(),
        seal("positional", 1),
        seal(campaign=10**9, recipient="ada@example.com", sent=0),
        seal(campaign="x", recipient=None, sent="y", page=None),
        seal(campaign=[1], recipient={}, sent=[], unknown=True),
    ]
    for number, token in enumerate(odd):
        # Each is a row; only the last one has a page.
        assert client.get(f"/ptrack/{token}/").body == GIF, number
    before = read_views(client)
    client.get(f"/ptrack/{seal('odd', page='coep', campaign='gone')}/")
    assert read_views(client) == before + 1


def test_no_pixel_failed(demo: Server) -> None:
    """No callback has failed in the tests above."""
    assert "Callback " not in demo.read_output()
    assert SECRET not in demo.read_output()


def test_the_admin_shows_opens_and_nothing_else(client: Client) -> None:
    """The user "demo" sees opens and clicks, and no users."""
    send(client, "Admin", "ada@example.com")
    client.get(find_pixel(read_body(client, "Admin")))
    url = "/admin/ptrack_stats/open/"
    assert "Log in" in client.get(url).text
    page = client.submit(f"/admin/login/?next={url}", username="demo", password="demo")
    assert page.url.endswith(url)
    assert "unique by <code>recipient</code>" in page.text
    assert "?q=ada%40example.com" in page.text
    assert client.get("/admin/ptrack_stats/click/").status == 200
    assert client.get("/admin/auth/user/").status == 403


def read_views(client: Client) -> int:
    found = re.search(r'<strong id="views">(\d+)</strong>', client.get("/coep/").text)
    assert found
    return int(found[1])


def test_the_strict_page_counts_its_views(client: Client) -> None:
    """The page under COEP has the headers for it, and its pixel is recorded."""
    page = client.get("/coep/")
    assert page.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    before = read_views(client)
    answer = client.get(find_pixel(page))
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert read_views(client) == before + 1


def test_the_pages_need_nothing_from_elsewhere(client: Client) -> None:
    """Everything that a page loads comes from the demo itself."""
    send(client, "Elsewhere", "ada@example.com")
    pages = [
        "/",
        "/inbox/",
        *find_mails(client, "Elsewhere").values(),
        "/report/",
        "/coep/",
        "/office/",
    ]
    files = set()
    for path in pages:
        text = client.get(path).text.replace(client.base, "")
        assert not re.search(r'(src|href)="(https?:)?//', text)
        files.update(re.findall(r'"(/static/[^"]+)"', text))
    assert len(files) == 6
    for path in files:
        assert client.get(path).status == 200


def test_an_empty_demo_leads_to_the_form(tmp_path: Path) -> None:
    """Before the first campaign, inbox and report lead to the form."""
    with run_demo(tmp_path) as server:
        client = Client(server.url)
        for path in ("/inbox/", "/report/"):
            page = client.get(path)
            assert page.status == 200
            assert "Send a campaign" in page.text


def test_the_migrations_are_complete(tmp_path: Path) -> None:
    """The migrations have everything that the models have."""
    assert "No changes" in manage(tmp_path, "makemigrations", "--check", "--dry-run")


def test_the_sample_is_a_campaign_with_all_kinds_of_hits(tmp_path: Path) -> None:
    """``manage.py sample`` adds hits by people, machines and unknown agents."""
    manage(tmp_path, "migrate", "--verbosity=0")
    manage(tmp_path, "sample", "--sent", "2026-11-03T09:00+00:00")
    with run_demo(tmp_path) as server:
        client = Client(server.url)
        found = read_numbers(client, "Our news in November")
        result = read_report(client, "Our news in November")
    assert found == {
        "person": (8, 4, 5, 4),
        "unknown": (1, 1, 0, 0),
        "machine": (4, 3, 4, 2),
    }
    assert len(result["recipients"]) == 7
    assert result["timeline"][-1]["seconds"] == 46 * 60 * 60


def test_an_older_database_keeps_its_opens(tmp_path: Path) -> None:
    """The opens in a database without clicks are migrated and identified."""
    manage(tmp_path, "migrate", "demo", "0001", "--verbosity=0")
    with closing(connect(tmp_path / "demo.sqlite3")) as old, old:
        old.execute(
            "INSERT INTO demo_campaign (id, subject, message, recipients, sent_at) "
            "VALUES (1, 'Old', 'Hello', '[\"ada@example.com\"]', '2026-01-01 09:00:00')"
        )
        old.executemany(
            "INSERT INTO demo_open (campaign_id, recipient, page, user_agent, "
            "opened_at, seconds_to_open) VALUES (1, 'ada@example.com', '', ?, ?, ?)",
            [(GMAIL, "2026-01-01 09:01:00", 60), (YAHOO, "2026-01-01 09:02:00", None)],
        )
    with run_demo(tmp_path) as server:
        client = Client(server.url)
        found = read_numbers(client, "Old")
        row = read_report(client, "Old")["recipients"][0]
    assert found == {
        "person": (1, 1, 0, 0),
        "unknown": (1, 1, 0, 0),
        "machine": (0, 0, 0, 0),
    }
    assert row["seconds_to_open"] == 60
    assert [each["name"] for each in row["agents"]] == ["Gmail", "Yahoo Mail"]


def test_the_demo_passes_djangos_checks(tmp_path: Path) -> None:
    """``manage.py check`` finds nothing wrong with the demo."""
    assert "no issues (0 silenced)" in manage(tmp_path, "check")
