"""README.md: its code blocks do as its text says.

The first steps are typed, all of them, in ``tests/integration/test_readme.py``.
"""

import re
import time
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from webtest import TestApp as WebTest

import ptrack
from ptrack.core.answers import GIF
from ptrack.testing import tracked
from tests.processes import run_python

from .blocks import Block, claim, read_text
from .site import HOST, find_path, load, open_pixel, read_token

README = "README.md"

# -- links, templates, URLs -----------------------------------------------------------


@claim(README, template="{% ptrack_link 'https://shop", recording="class Clicks")
def test_link_leads_to_its_target_and_is_recorded(
    template: Block, recording: Block, capsys: pytest.CaptureFixture[str]
):
    recording.replace("...", "print(url, args, kwargs)").run()
    response = Client().get(f"{find_path(template.render())}?utm_source=mail")
    assert response["Location"] == "https://shop.example/offer?id=7"
    assert capsys.readouterr().out == (
        "https://shop.example/offer?id=7 ('newsletter',) "
        "{'recipient': 'ada@example.com'}\n"
    )


@claim(README, block="as pixel")
def test_tags_render_into_a_variable_and_as_a_url(block: Block):
    text = block.render()
    assert text.count("/ptrack/") == 2
    assert read_token(text) == (["newsletter"], {})


@claim(README, block="env.globals.update")
def test_jinja2_renders_a_pixel(block: Block):
    inline = re.search(r"`(\{\{ pixel_tag.*?\}\})`", read_text(README), re.DOTALL)
    assert inline
    jinja2 = block.run()["environment"](autoescape=True)
    text = jinja2.from_string(inline[1]).render()
    assert text.startswith("<img ")
    assert read_token(text) == (["newsletter"], {"campaign": 7})


@claim(README, block='include("ptrack.urls")')
def test_urlconf_serves_pixels_without_the_middleware(
    block: Block, settings: Any, recorder
):
    settings.MIDDLEWARE = []
    settings.ROOT_URLCONF = tuple(block.run()["urlpatterns"])
    open_pixel("a")
    assert recorder.hits == [(("a",), {})]


# -- whole mails ----------------------------------------------------------------------


@claim(README, block="ptrack.email.track(mail, ")
def test_mail_is_sent_with_a_pixel_and_a_tracked_link(
    block: Block, mailoutbox, recorder, clicks
):
    block.run()
    (mail,) = mailoutbox
    assert mail.body == "See https://shop.example"
    (html,) = (content for content, _ in mail.alternatives)
    for path in re.findall(rf"{re.escape(HOST)}(/ptrack/[\w/-]+/)", html):
        assert Client().get(path).status_code in (200, 302)
    assert recorder.hits == [(("news",), {"recipient": 7})]
    assert clicks.hits == [("https://shop.example", ("news",), {"recipient": 7})]


@claim(README, block="ptrack.email.TrackedTemplate(news)")
def test_template_is_rendered_for_each_recipient(
    block: Block, capsys: pytest.CaptureFixture[str], clicks
):
    block.run()
    lines = capsys.readouterr().out.splitlines()
    assert [line[:16] for line in lines] == ["<p>Hi Ada, see <", "<p>Hi Grace, see"]
    for line in lines:
        Client().get(find_path(line))
    assert clicks.hits == [
        ("https://shop.example", ("news",), {"recipient": recipient})
        for recipient in (7, 8)
    ]


# -- WSGI -----------------------------------------------------------------------------


@claim(README, block="[app:main]")
def test_paste_makes_an_app_with_pixels(block: Block, tmp_path: Path, recorder):
    from paste.deploy import loadapp

    ini = tmp_path / "app.ini"
    ini.write_text(
        block.replace("egg:myapp", "call:tests.docs.site:make_paste_app")
        .replace("shop.pixels", "tests.pixels_for_paste")
        .code
    )
    parser = ConfigParser()
    parser.read(ini)
    app = loadapp(f"config:{ini}")
    url = app.pixel_url("a")
    assert url.startswith(parser["filter:ptrack"]["app_url"])
    assert WebTest(app).get(url.removeprefix(HOST)).body == GIF
    assert len(recorder.hits) == 1


@claim(README, block="application = PtrackWSGIMiddleware")
def test_middleware_around_django_serves_pixels_and_the_site(block: Block, recorder):
    application = block.run()["application"]
    path = application.pixel_url("a").removeprefix(HOST)
    assert WebTest(application).get(path).body == GIF
    assert WebTest(application).get("/page/").text == "page /page/"
    assert len(recorder.hits) == 1


@claim(README, block="close_old_connections")
def test_callback_that_lets_go_of_connections_records(block: Block, caplog):
    """The ``...`` stands for a row in a table; the test puts a list in its place."""
    seen: list[Any] = []
    block.replace("...  #", "seen.append(kwargs)  #").run(seen=seen)
    open_pixel(campaign=7)
    assert seen == [{"campaign": 7}]
    assert "failed" not in caplog.text


@claim(README, block="class InBackground")
def test_callback_in_the_background_runs_in_the_request_without_an_engine(
    block: Block, capsys: pytest.CaptureFixture[str]
):
    block.run()
    open_pixel("news", campaign=7)
    assert capsys.readouterr().out.endswith(" ('news',) {'campaign': 7}\n")


# -- secrets and encoders -------------------------------------------------------------


@claim(README, block="PTRACK_SECRET_FALLBACKS = ")
def test_old_mails_are_recorded_after_a_rotation(
    block: Block, settings: Any, monkeypatch: pytest.MonkeyPatch, recorder
):
    monkeypatch.setenv("PTRACK_SECRET", "n" * 32)
    monkeypatch.setenv("OLD_PTRACK_SECRET", settings.PTRACK_SECRET)
    old = ptrack.pixel_url("old")
    for name, value in block.run().items():
        if name.startswith("PTRACK_"):
            setattr(settings, name, value)
    load(old)
    open_pixel("new")
    assert recorder.hits == [(("old",), {}), (("new",), {})]


@claim(README, block="class Versioned")
def test_encoder_reads_its_own_tokens_and_earlier_ones(block: Block, recorder):
    old = ptrack.pixel_url("old")
    block.run()
    assert "/ptrack/v1." in ptrack.pixel_url()
    open_pixel("new")
    load(old)
    assert recorder.hits == [(("new",), {}), (("old",), {})]


# -- people and machines, privacy -----------------------------------------------------


@claim(README, block="class Sorted")
def test_people_are_told_from_machines(
    block: Block, capsys: pytest.CaptureFixture[str]
):
    block.run()
    for user_agent in ("Mozilla/5.0", "Thunderbird/115.0"):
        load(ptrack.pixel_url("news", recipient="ada"), user_agent)
    assert capsys.readouterr().out.splitlines() == [
        "ada machine mail_proxy Apple Mail Privacy Protection False",
        "ada person person Thunderbird True",
    ]


class Recipient:
    def __init__(self, pk: int, *, opens: bool, clicks: bool) -> None:
        self.pk, self.allows_opens, self.allows_clicks = pk, opens, clicks


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("clicks", [True, False])
@claim(README, block="allows_opens")
def test_recipient_allows_opens_and_clicks_one_by_one(
    block: Block, mailoutbox, opens, clicks
):
    mail = EmailMultiAlternatives("News", "", to=["ada@example.com"])
    mail.attach_alternative('<a href="https://shop.example">shop</a>', "text/html")
    block.run()["send"](mail, Recipient(7, opens=opens, clicks=clicks))
    found = tracked(mailoutbox[0])
    assert [pixel.kwargs for pixel in found.pixels] == [{"recipient": 7}] * opens
    assert [link.kwargs for link in found.links] == [{"recipient": 7}] * clicks


@claim(README, block="class OpensOfTheWilling")
def test_recipient_that_opted_out_is_not_stored_and_others_with_little(
    block: Block, caplog
):
    stored: list[Any] = []
    block.run(
        has_opted_out={8}.__contains__, store=lambda *values: stored.append(values)
    )
    open_pixel(recipient=7)
    open_pixel(recipient=8)
    assert stored == [(7, "127.0.0.0")]
    assert "failed" not in caplog.text


# -- recipes --------------------------------------------------------------------------


@claim(README, making="sent=time.time()", recording="class TimeToOpen")
def test_time_to_open_is_printed(
    making: Block, recording: Block, capsys: pytest.CaptureFixture[str]
):
    args, kwargs = read_token(making.run()["url"])
    recording.run()
    open_pixel("news", *args, **{**kwargs, "sent": time.time() - 90})
    assert capsys.readouterr().out == "ada@example.com took 90 seconds\n"


@claim(README, template="{% ptrack order", recording="class Merged")
def test_dictionaries_are_merged(
    template: Block, recording: Block, capsys: pytest.CaptureFixture[str]
):
    args, kwargs = read_token(template.render())
    recording.run()
    open_pixel(*args, **kwargs)
    out = capsys.readouterr().out
    assert out == "[('id', 1), ('name', 'Ada'), ('source', 'receipt')]\n"


# -- tests and Anymail ----------------------------------------------------------------


@claim(README, block="def test_newsletter")
def test_fixture_holds_the_records_of_a_test(block: Block, mailoutbox, ptrack_recorded):
    block.run()["test_newsletter"](mailoutbox, ptrack_recorded)
    assert len(ptrack_recorded.opens) == 1


@claim(README, block="class NewsletterTest")
def test_test_case_passes(block: Block, tmp_path: Path):
    """Django's own runner runs it."""
    start = "from tests.docs.surroundings import send_newsletter\n"
    (tmp_path / "test_news.py").write_text(start + block.code)
    out = run_python(
        "import sys; sys.path.insert(0, '')\n"
        "sys.stderr = sys.stdout\n"
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('test', 'test_news')\n",
        cwd=tmp_path,
        DJANGO_SETTINGS_MODULE="tests.settings",
    )
    assert "Ran 1 test" in out
    assert "OK" in out


@claim(README, registering="ptrack.contrib.anymail import", making='tags=["offer"]')
def test_receivers_of_anymail_get_opens(registering: Block, making: Block):
    from anymail.signals import tracking

    seen = []

    def receive(event: Any, **_: Any) -> None:
        seen.append(event)

    registering.run()
    tracking.connect(receive)
    load(making.run()["url"])
    tracking.disconnect(receive)
    [event] = seen
    assert (event.event_type, event.recipient) == ("opened", "ada@example.com")
    assert event.tags == ["offer"]
    assert event.metadata.pop("ptrack")["cause"] == "person"
    assert event.metadata == {"campaign": 7}
