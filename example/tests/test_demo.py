"""The demo and the other examples, run as a reader runs them."""

import ast
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from html import unescape
from importlib import metadata
from pathlib import Path
from sqlite3 import connect

import django
import pytest

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox

from .demo_mails import (
    AGENTS,
    GMAIL,
    SCANNER,
    YAHOO,
    body,
    carried,
    example,
    mails,
    pixel,
)
from .demo_server import (
    BROWSER,
    EXAMPLE,
    MANAGE,
    SECRET,
    Client,
    Page,
    Server,
    environment,
    free_port,
    manage,
    running,
    running_demo,
)

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]

THREE = "ada@example.com\ngrace@example.com, alan@example.com"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_demo(tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def client(demo: Server) -> Client:
    return Client(demo.url)


def send(
    client: Client, subject: str, recipients: str = THREE, message: str = "Hello"
) -> Page:
    return client.submit("/", subject=subject, message=message, recipients=recipients)


def campaign(client: Client, subject: str) -> str:
    """Give the address of a campaign's report."""
    return next(path for path, title in campaigns(client) if title == subject)


def campaigns(client: Client) -> list[tuple[str, str]]:
    """Return the addresses of all campaigns' reports, with their subjects."""
    found = re.findall(
        r'<option value="(/report/\d+/)"[^>]*>\s*(.*?) \(', client.get("/report/").text
    )
    return [(path, unescape(title)) for path, title in found]


def report(client: Client, subject: str) -> dict:
    return json.loads(client.get(f"{campaign(client, subject)}data/").body)


def opens(client: Client, subject: str) -> dict[str, int]:
    rows = report(client, subject)["recipients"]
    return {row["recipient"]: row["opens"] for row in rows}


def numbers(client: Client, subject: str) -> dict[str, tuple[int, ...]]:
    """Give opens, unique ones, clicks and unique ones, by whom."""
    names = ("opens", "opened", "clicks", "clicked")
    groups = report(client, subject)["who"]
    return {each["who"]: tuple(each[name] for name in names) for each in groups}


# -- the demo -------------------------------------------------------------------------


def test_a_mail_that_is_opened_is_counted(client: Client, demo: Server) -> None:
    """What is composed is sent to three, lies in the inbox, and its pixel counts."""
    inbox = send(client, "Counted")
    assert inbox.status == 200
    assert "Sent 3 mails." in inbox.text
    found = mails(client, "Counted")
    assert set(found) == {"ada@example.com", "grace@example.com", "alan@example.com"}
    assert set(opens(client, "Counted").values()) == {0}

    url = pixel(body(client, "Counted", "grace@example.com"))
    assert url.startswith(f"{demo.url}/ptrack/")
    assert client.get(url).body == GIF
    assert opens(client, "Counted") == {
        "ada@example.com": 0,
        "grace@example.com": 1,
        "alan@example.com": 0,
    }


def test_opens_and_unique_opens_are_told_apart(client: Client) -> None:
    """Two opens by one and one by another are three opens and two unique ones."""
    send(client, "Apart")
    for recipient in ("ada@example.com", "ada@example.com", "alan@example.com"):
        client.get(pixel(body(client, "Apart", recipient)))

    assert numbers(client, "Apart")["person"] == (3, 2, 0, 0)
    result = report(client, "Apart")
    assert [point["person_opens"] for point in result["timeline"]] == [1, 2, 3]
    ada, grace, _ = result["recipients"]
    assert 0 <= ada["seconds_to_open"] < 60
    assert ada["first_open"] is not None
    assert (grace["seconds_to_open"], grace["first_open"]) == (None, None)


def test_a_click_is_counted_and_leads_to_its_page(client: Client, demo: Server) -> None:
    """The example's first link ends on a page of the demo, and its click is kept."""
    send(client, "Clicked", message=example(client))
    office, news = carried(body(client, "Clicked")).links
    assert office.target == f"{demo.url}/office/"
    assert news.target == "https://www.example.com/news"

    page = client.get(office.url)
    assert (page.status, page.url) == (200, office.target)
    assert "Our new office" in page.text
    assert numbers(client, "Clicked")["person"] == (0, 0, 1, 1)
    result = report(client, "Clicked")
    assert result["links"] == [
        {"url": office.target, "person": 1, "machine": 0, "unknown": 0}
    ]
    assert [row["links"] for row in result["recipients"]] == [
        [{"url": office.target, "clicked_by": "person", "clicks": 1}],
        [],
        [],
    ]


def test_pixel_and_links_of_a_mail_carry_the_same(client: Client) -> None:
    """Whose mail it is and when it was sent is in each, by `ptrack.email.track`."""
    send(client, "Carried", message=example(client))
    found = carried(body(client, "Carried", "alan@example.com"))
    (first,) = found.pixels
    assert [each.kwargs for each in found.links] == [first.kwargs] * 2
    assert set(first.kwargs) == {"campaign", "recipient", "sent"}
    assert first.kwargs["recipient"] == "alan@example.com"


def test_the_link_to_unsubscribe_isnt_tracked(client: Client, demo: Server) -> None:
    """It stands in the mail as it is, in a header too, and leads to a page."""
    send(client, "Leaving", message=example(client))
    url = f"{demo.url}/unsubscribe/"
    assert f'href="{url}"' in body(client, "Leaving").text
    mail = client.get(mails(client, "Leaving")["ada@example.com"])
    assert f"List-Unsubscribe: &lt;{url}&gt;" in mail.text
    assert client.get(url).status == 200
    assert report(client, "Leaving")["total"]["clicks"] == 0


@pytest.mark.parametrize("user_agent", AGENTS)
def test_people_and_machines_are_told_apart(client: Client, user_agent: str) -> None:
    """An open and a click of each kind of agent count where they belong."""
    who, name, kind = AGENTS[user_agent]
    subject = f"By {name}"
    send(client, subject, message=example(client))
    found = carried(body(client, subject))
    agent = replace(client, user_agent=user_agent)
    assert agent.get(found.pixels[0].url).body == GIF
    assert agent.get(found.links[0].url).status == 200

    others = {"person", "machine", "unknown"} - {who}
    ones = dict.fromkeys(("opens", "opened", "clicks", "clicked"), 1)
    result = report(client, subject)
    assert numbers(client, subject) == {
        who: (1, 1, 1, 1),
        **dict.fromkeys(others, (0, 0, 0, 0)),
    }
    (group,) = (each for each in result["who"] if each["who"] == who)
    assert group["agents"] == [{"name": name, "kind": kind, **ones}]
    ada = result["recipients"][0]
    assert ada["opened_by"] == who
    assert ada["agents"] == [{"name": name, "opens": 1}]
    assert ada["links"][0]["clicked_by"] == who
    assert (ada["first_open"] is not None) is (who == "person")
    last = result["timeline"][-1]
    assert (last[f"{who}_opens"], last[f"{who}_clicks"]) == (1, 1)


def test_a_prefetch_is_no_persons(client: Client) -> None:
    """A browser that says that nobody has asked for it yet is a machine."""
    send(client, "Prefetched")
    url = pixel(body(client, "Prefetched"))
    replace(client, headers={"Sec-Purpose": "prefetch"}).get(url)
    assert numbers(client, "Prefetched")["machine"] == (1, 1, 0, 0)


def test_a_person_counts_where_machines_were_before(client: Client) -> None:
    """A scanner follows all links, then a person one: it is the person's click."""
    send(client, "Both", message=example(client))
    found = carried(body(client, "Both"))
    scanner = replace(client, user_agent=SCANNER)
    scanner.get(found.pixels[0].url)
    office = found.links[0]
    for _ in range(2):
        scanner.get(office.url)
    ada = report(client, "Both")["recipients"][0]
    assert (ada["opened_by"], ada["seconds_to_open"]) == ("machine", None)
    assert [(each["clicked_by"], each["clicks"]) for each in ada["links"]] == [
        ("machine", 2)
    ]

    client.get(found.pixels[0].url)
    client.get(office.url)
    ada = report(client, "Both")["recipients"][0]
    assert (ada["opened_by"], ada["opens"]) == ("person", 2)
    assert ada["seconds_to_open"] is not None
    assert ada["links"] == [{"url": office.target, "clicked_by": "person", "clicks": 1}]
    assert report(client, "Both")["total"] == {
        "opens": 2,
        "opened": 1,
        "clicks": 3,
        "clicked": 1,
    }


def test_tags_in_a_message_are_text(client: Client) -> None:
    """Markdown's links and line breaks work; tags, images and scripts don't."""
    message = (
        "**Bold** [x](javascript:alert(1)) ![i](http://e.example/i.png)\nnext <b>b</b>"
    )
    send(client, "Markdown", message=message)
    text = body(client, "Markdown").text
    assert "<strong>Bold</strong>" in text
    assert "<br />" in text
    assert "&lt;b&gt;b&lt;/b&gt;" in text
    assert 'href="javascript:' not in text
    assert 'src="http://e.example' not in text


def test_every_recipient_has_a_pixel_of_their_own(client: Client) -> None:
    """No two mails of a campaign share a pixel's URL."""
    send(client, "Own pixels")
    found = mails(client, "Own pixels").values()
    assert len({pixel(client.get(f"{path}body/")) for path in found}) == 3


def test_a_mail_shows_its_headers_and_source(client: Client) -> None:
    """A mail is shown with whom it is from and to, in a sandbox, and as its source."""
    send(client, "Grüße & <b>more</b>", "ada@example.com")
    page = client.get(mails(client, "Grüße & <b>more</b>")["ada@example.com"])
    assert "Grüße &amp; &lt;b&gt;more&lt;/b&gt;" in page.text
    assert "The ptrack demo &lt;news@example.com&gt;" in page.text
    assert re.search(r'<iframe [^>]*sandbox="[^"]+" src="/inbox/\w+/body/"', page.text)
    assert "Content-Type: multipart/alternative" in page.text
    assert "MIME-Version: 1.0" in page.text


def test_a_mails_body_can_run_no_script(client: Client) -> None:
    """The body of a mail is served for a sandbox: its images load, nothing runs."""
    send(client, "Sandbox", message="<script>alert(1)</script>")
    path = mails(client, "Sandbox")["ada@example.com"]
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
    found = mails(client, "Dashes")
    assert len(found) == 3
    body = client.get(f"{found['ada@example.com']}body/")
    assert "before" in body.text
    assert "after: it" in body.text
    assert pixel(body)


@pytest.mark.skipif(
    django.VERSION < (5, 0), reason="Django 4.2 refuses such an address in the form"
)
def test_a_failure_loses_only_its_own_mail(client: Client) -> None:
    """A mail that can't be sent is told of, and the others are sent."""
    # A domain that passes for one until it is encoded, and is then too long for DNS.
    bad = f"someone@{'ü' * 60}.example"
    inbox = send(client, "Failing", f"ada@example.com {bad} alan@example.com")
    assert "Sent 2 mails." in inbox.text
    assert f"Could not be sent to {bad}." in inbox.text
    assert set(mails(client, "Failing")) == {"ada@example.com", "alan@example.com"}
    assert set(opens(client, "Failing")) == {"ada@example.com", "alan@example.com"}


def test_a_campaign_that_fails_altogether_is_told_of(tmp_path: Path) -> None:
    """Where no mail can be written, the page says to whom none was sent."""
    with running_demo(tmp_path) as server:
        (tmp_path / "mails").write_text("in the way of the directory")
        addresses = [f"{number}@example.com" for number in range(5)]
        inbox = send(Client(server.url), "Nowhere", " ".join(addresses))
    assert inbox.status == 200
    assert (
        "Could not be sent to 0@example.com, 1@example.com, 2@example.com, 2 more."
        in inbox.text
    )
    assert "Sent" not in inbox.text


@pytest.mark.parametrize(
    ("recipients", "error"),
    [
        ("", "Name at least one recipient."),
        (" ,;\n", "Name at least one recipient."),
        ("ada@example.com, nobody", "“nobody” is not an e-mail address."),
        ("ada@@example.com", "“ada@@example.com” is not an e-mail address."),
        ("a@b.example\r\nBcc:c@d.example", "“Bcc:c@d.example” is not an e-mail"),
        ("\n".join(f"{n}@example.com" for n in range(101)), "to 100 at most."),
    ],
)
def test_bad_recipients_are_told_and_nothing_is_sent(
    client: Client, recipients: str, error: str
) -> None:
    """A recipient that is none is named beside the field, and nobody gets a mail."""
    before = client.get("/inbox/").text
    page = send(client, "Never sent", recipients)
    assert page.status == 200
    assert error in page.text
    assert "Never sent" in page.text
    assert client.get("/inbox/").text == before


def test_a_recipient_named_twice_gets_one_mail(client: Client) -> None:
    """The same address twice, in whatever case, is one recipient."""
    send(client, "Twice", "ada@example.com ADA@example.com ada@example.com")
    assert len(mails(client, "Twice")) == 1


def test_a_subject_stays_on_its_line(client: Client) -> None:
    """Line breaks in a subject are blanks, and no headers."""
    send(client, "One\r\nBcc: eve@example.com", "ada@example.com")
    assert list(mails(client, "One Bcc: eve@example.com")) == ["ada@example.com"]


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
def test_what_isnt_there_is_not_found(client: Client, path: str) -> None:
    """An id that is none, one with the looks of a path above all, is a plain 404."""
    assert client.get(path).status == 404


def test_a_campaign_is_only_sent_from_the_form(client: Client, demo: Server) -> None:
    """A form that was posted without its token is refused."""
    with client.opener.open(demo.url, b"subject=x", timeout=30) as response:
        assert response.status == 403


def test_odd_pixels_are_recorded_too(client: Client) -> None:
    """A pixel without, or with odd, arguments is answered and breaks nothing."""
    seal = TokenBox(SECRET).encrypt
    odd = [
        seal(),
        seal("positional", 1),
        seal(campaign=10**9, recipient="ada@example.com", sent=0),
        seal(campaign="x", recipient=None, sent="y", page=None),
        seal(campaign=[1], recipient={}, sent=[], unknown=True),
    ]
    for number, token in enumerate(odd):
        # Each leaves a row: the last is told from the others by its page.
        assert client.get(f"/ptrack/{token}/").body == GIF, number
    before = views(client)
    client.get(f"/ptrack/{seal('odd', page='coep', campaign='gone')}/")
    assert views(client) == before + 1


def test_no_pixel_failed(demo: Server) -> None:
    """After all that, no callback of the demo has failed."""
    assert "Tracking pixel" not in demo.output()
    assert SECRET not in demo.output()


def test_the_admin_shows_opens_and_nothing_else(client: Client) -> None:
    """Who logs in as "demo" sees what was opened, by whom, and no users."""
    send(client, "Admin", "ada@example.com")
    client.get(pixel(body(client, "Admin")))
    url = "/admin/ptrack_opens/open/"
    assert "Log in" in client.get(url).text
    page = client.submit(f"/admin/login/?next={url}", username="demo", password="demo")
    assert page.url.endswith(url)
    assert "unique by <code>recipient</code>" in page.text
    assert "?q=ada%40example.com" in page.text
    assert client.get("/admin/ptrack_opens/click/").status == 200
    assert client.get("/admin/auth/user/").status == 403


def views(client: Client) -> int:
    found = re.search(r'<strong id="views">(\d+)</strong>', client.get("/coep/").text)
    assert found
    return int(found[1])


def test_the_strict_page_counts_its_views(client: Client) -> None:
    """The page under COEP says so in its headers, and its pixel is recorded."""
    page = client.get("/coep/")
    assert page.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    before = views(client)
    answer = client.get(pixel(page))
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert views(client) == before + 1


def test_the_pages_need_nothing_from_elsewhere(client: Client) -> None:
    """All that a page loads comes from the demo itself."""
    send(client, "Elsewhere", "ada@example.com")
    pages = [
        "/",
        "/inbox/",
        *mails(client, "Elsewhere").values(),
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


def test_an_empty_demo_says_what_to_do(tmp_path: Path) -> None:
    """Before anything was sent, inbox and opens lead to the form."""
    with running_demo(tmp_path) as server:
        client = Client(server.url)
        for path in ("/inbox/", "/report/"):
            page = client.get(path)
            assert page.status == 200
            assert "Send a campaign" in page.text


def test_the_migrations_are_complete(tmp_path: Path) -> None:
    """The models hold nothing that the migrations lack."""
    assert "No changes" in manage(tmp_path, "makemigrations", "--check", "--dry-run")


def test_the_sample_is_a_campaign_with_all_kinds_of_hits(tmp_path: Path) -> None:
    """``manage.py sample`` adds people, machines and what can't be told."""
    manage(tmp_path, "migrate", "--verbosity=0")
    manage(tmp_path, "sample", "--sent", "2026-11-03T09:00+00:00")
    with running_demo(tmp_path) as server:
        client = Client(server.url)
        found = numbers(client, "Our news in November")
        result = report(client, "Our news in November")
    assert found == {
        "person": (8, 4, 5, 4),
        "unknown": (1, 1, 0, 0),
        "machine": (4, 3, 4, 2),
    }
    assert len(result["recipients"]) == 7
    assert result["timeline"][-1]["seconds"] == 46 * 60 * 60


def test_a_database_of_before_keeps_its_opens(tmp_path: Path) -> None:
    """The opens of a demo from before there were clicks are migrated and sorted."""
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
    with running_demo(tmp_path) as server:
        client = Client(server.url)
        found = numbers(client, "Old")
        row = report(client, "Old")["recipients"][0]
    assert found == {
        "person": (1, 1, 0, 0),
        "unknown": (1, 1, 0, 0),
        "machine": (0, 0, 0, 0),
    }
    assert row["seconds_to_open"] == 60
    assert [each["name"] for each in row["agents"]] == ["Gmail", "Yahoo Mail"]


def test_the_demo_passes_djangos_checks(tmp_path: Path) -> None:
    """``manage.py check`` has nothing to say about the demo."""
    assert "no issues (0 silenced)" in manage(tmp_path, "check")


# -- how it starts --------------------------------------------------------------------

SAMPLE = "Our news in November"


@contextmanager
def started(directory: Path) -> Iterator[tuple[Server, Client]]:
    """Run the demo as a newcomer gets it."""
    with running_demo(directory, sample=True) as server:
        yield server, Client(server.url)


def test_the_demo_starts_with_a_sample_to_look_at(tmp_path: Path) -> None:
    """The printed addresses are the form, which leads to the sample, and the report."""
    with started(tmp_path) as (server, client):
        output = server.output()
        report_url, form_url = f"{server.url}/report/", f"{server.url}/"
        page = client.get("/")
        ((path, subject),) = campaigns(client)
        recipients = report(client, SAMPLE)["recipients"]
    assert {form_url, report_url} <= set(output.split())
    assert f'<a href="{path}">see its report</a>' in page.text
    assert subject == SAMPLE
    assert len(recipients) == 7


def test_the_sample_is_added_once(tmp_path: Path) -> None:
    """A second start finds the sample, and adds none."""
    for _ in range(2):
        with started(tmp_path) as (_, client):
            assert len(campaigns(client)) == 1


def test_no_sample_is_added_to_campaigns_of_ones_own(tmp_path: Path) -> None:
    """A demo with campaigns gets neither a sample nor a line about it."""
    with running_demo(tmp_path) as server:
        send(Client(server.url), "My own")
    with started(tmp_path) as (_, client):
        assert [subject for _, subject in campaigns(client)] == ["My own"]
        assert "sample" not in client.get("/").text


def test_the_form_leads_to_the_sample_until_something_is_sent(tmp_path: Path) -> None:
    """After that, the latest report is one's own."""
    with started(tmp_path) as (_, client):
        assert "sample" in client.get("/").text
        send(client, "My own")
        assert "sample" not in client.get("/").text
        assert [subject for _, subject in campaigns(client)] == ["My own", SAMPLE]


def test_an_interrupted_demo_ends_without_a_traceback(tmp_path: Path) -> None:
    """Ctrl+C is how it ends, so it is no error."""
    # A shell has its background commands ignore it, and they all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with started(tmp_path) as (server, client):
        client.get("/")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=10) == 0
        assert "Traceback" not in server.output()


@pytest.fixture
def taken() -> Iterator[str]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def refused(directory: Path, *command: str, port: str) -> tuple[int, str]:
    """Return the exit code and the output of a command that ends by itself."""
    ended = subprocess.run(
        command,
        check=False,
        cwd=EXAMPLE.parent,
        env=environment(DEMO_VAR=str(directory), PORT=port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stdout


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path, taken: str) -> None:
    """The command names it and a free one, before it does anything else."""
    code, output = refused(tmp_path, sys.executable, MANAGE, "serve", port=taken)
    found = re.fullmatch(
        rf"Port {taken} is taken by another program\. "
        r"Choose another one: make demo PORT=(\d+)\n",
        output,
    )
    assert code == 1
    assert found, output
    with socket.create_server(("127.0.0.1", int(found[1]))):
        pass
    assert list(tmp_path.iterdir()) == []


BAD_PORTS = ["", "abc", "0", "-1", "99999", "80.0", "8000 ", "٨٠٠٠"]


@pytest.mark.parametrize("port", BAD_PORTS)
def test_a_port_that_is_none_is_told_in_a_sentence(tmp_path: Path, port: str) -> None:
    """The command names it and suggests another."""
    code, output = refused(tmp_path, sys.executable, MANAGE, "serve", port=port)
    assert code == 1
    assert re.fullmatch(
        rf'PORT="{port}" is not a port\. Choose a number: make demo PORT=\d+\n', output
    ), output


@pytest.mark.skipif(not shutil.which("make"), reason="make isn't there")
@pytest.mark.parametrize("kind", ["taken", "no port", "empty"])
def test_make_tells_of_a_port_before_it_installs(
    tmp_path: Path, taken: str, kind: str
) -> None:
    """Make ends well, and has installed nothing."""
    port = {"taken": taken, "no port": "abc", "empty": ""}[kind]
    command = ("make", "demo", f"PORT={port}", f"VENV={tmp_path / 'venv'}")
    code, output = refused(tmp_path, *command, port="8000")
    assert code == 0
    assert re.fullmatch(r"(Port|PORT)[^\n]* make demo PORT=\d+\n", output), output
    assert list(tmp_path.iterdir()) == []


def requirements(*extras: str) -> set[str]:
    """Return the distributions that ptrack and some of its extras need."""
    found = set()
    for requirement in metadata.requires("django-ptrack") or []:
        extra = re.search(r'extra == "(\w+)"', requirement)
        if extra is None or extra[1] in extras:
            found.add(re.split(r"[^\w-]", requirement)[0].lower())
    return found


def test_all_that_the_demo_imports_is_what_make_demo_installs() -> None:
    """The extra holds the distributions of its imports, and those of ptrack.agents."""
    modules = set()
    for path in (EXAMPLE / "demo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules.update(each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module or "")
    tops = {each.partition(".")[0] for each in modules}
    known = metadata.packages_distributions()
    foreign = tops - sys.stdlib_module_names - {"demo", "ptrack"}
    assert {"django", "markdown_it"} <= foreign
    needed = {known[each][0].lower() for each in foreign}
    assert needed | requirements("agents") <= requirements("demo")


# -- the other examples ---------------------------------------------------------------


def test_the_flask_app_prints_what_its_page_held(tmp_path: Path) -> None:
    """Flask's page holds a pixel, and its loading is printed."""
    port = free_port()
    command = str(EXAMPLE / "flask_app.py")
    with running(command, port=port, log=tmp_path / "log") as server:
        client = Client(server.url)
        assert client.get("/elsewhere").status == 404
        assert client.get(pixel(client.get("/"))).body == GIF
        line = server.wait_for_output('"kwargs"')
    assert json.loads(line) == {"args": ["hello"], "kwargs": {"page": "home"}}


def mirror_commands(port: int) -> dict[str, list[str]]:
    gunicorn = ["-m", "gunicorn", "--chdir", str(EXAMPLE), "mirror:application"]
    return {
        "gunicorn": [*gunicorn, "--bind", f"127.0.0.1:{port}", "--workers", "2"],
        "wsgiref": [str(EXAMPLE / "mirror.py")],
    }


@pytest.mark.parametrize("kind", ["gunicorn", "wsgiref"])
def test_the_mirror_prints_a_line_per_hit(tmp_path: Path, kind: str) -> None:
    """The mirror answers pixels and nothing else, and prints each hit as JSON."""
    port = free_port()
    command = mirror_commands(port)[kind]
    token = TokenBox(SECRET).encrypt("one\ntwo", campaign=7, name="Grüße")
    log = tmp_path / "log"
    with running(*command, port=port, log=log, PTRACK_PREFIX="/p/") as server:
        client = Client(server.url)
        assert client.get("/").status == 404
        assert client.get("/ptrack/x/").status == 404
        assert client.get("/p/forged/").body == GIF
        assert client.get(f"/p/{token}/").body == GIF
        hit = json.loads(server.wait_for_output('"kwargs"'))
    assert hit["args"] == ["one\ntwo"]
    assert hit["kwargs"] == {"campaign": 7, "name": "Grüße"}
    assert hit["address"] == "127.0.0.1"
    assert hit["user_agent"] == BROWSER
    assert server.output().count('"kwargs"') == 1
    assert SECRET not in server.output()


def test_the_mirror_asks_for_a_secret() -> None:
    """Without a secret the mirror doesn't start, and says what to set."""
    ended = subprocess.run(
        [sys.executable, EXAMPLE / "mirror.py"],
        check=False,
        capture_output=True,
        env=environment(PTRACK_SECRET=""),
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "PTRACK_SECRET is not set" in ended.stderr
