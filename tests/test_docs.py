"""The documentation: every code block in it runs, and every list in it is complete."""

import ast
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from django.template import engines
from django.test import Client
from webtest import TestApp as WebTest

import ptrack
import ptrack.asgi
from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from ptrack.testing import tracked
from tests.pages import Page, not_run, run
from tests.processes import ROOT, environment, run_python
from tests.recording import emptied

PAGES = {
    str(path.relative_to(ROOT)): Page(str(path.relative_to(ROOT)))
    for path in (ROOT / "README.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md"))
}
README = PAGES["README.md"].text
OPERATIONS = "docs/operations.md"
SECRET = "s" * 32
INTEGRATION = str(ROOT / "tests/integration/test_docs.py")


def block(*parts: str, document: str = "README.md") -> str:
    """Return the one block of a document that has all of these in it."""
    return PAGES[document].block(*parts)


@pytest.fixture(autouse=True)
def clean_tracker() -> Iterator[None]:
    """What a block registers is gone with its test."""
    with emptied(ptrack.tracker):
        yield


def hit(*args: Any, **kwargs: Any) -> None:
    url = ptrack.pixel_url(*args, **kwargs)
    path = url.removeprefix("https://www.example.com")
    assert Client(headers={"user-agent": "Mail/1"}).get(path).content == GIF


def render(source: str, **context: Any) -> str:
    return engines["django"].from_string(source).render(context)


def carried(text: str) -> Any:
    token = re.search(r"/ptrack/([\w-]+)/", text)
    assert token, text
    return ptrack.PtrackEncoder.decrypt(token[1])


# -- the first steps ------------------------------------------------------------------
# They are typed, all of them, in tests/integration/test_readme.py.


def project(place: Path) -> Path:
    """Make the site of the README's first steps in a directory; return that."""
    call_command("startproject", "mysite", place)
    with (place / "mysite/settings.py").open("a") as settings:
        settings.write(block("INSTALLED_APPS += "))
    (place / "mysite/pixels.py").write_text(block("class Opens", "opened:"))
    return place


def test_pictures_of_the_demo_are_there_and_small():
    names = re.findall(r'"(docs/[\w-]+\.png)"', README)
    assert names == ["docs/demo-dark.png", "docs/demo.png"]
    for name in names:
        assert (ROOT / name).stat().st_size < 200_000


def test_commands_of_a_checkout_are_in_the_makefile():
    assert block("make demo") == "make demo\n"
    targets = re.findall(r"`make (\w+)", README)
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test", "bench"} <= set(targets)
    assert all(f"\n{target}:" in makefile for target in targets)


# -- settings, templates, URLs --------------------------------------------------------


def shell(code: str, cwd: Path = ROOT, **variables: str) -> str:
    """Run a block of shell commands, with this Python as ``python``."""
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", f'python() {{ "{sys.executable}" "$@"; }}\n{code}'],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_command_prints_a_strong_secret():
    for code in (
        block("ptrack secret", document="SECURITY.md"),
        block("ptrack secret\n", document=OPERATIONS),
    ):
        secret = shell(code).strip()
        assert TokenBox(secret)
        assert len(secret) == 32


def test_links_work_as_shown(capsys):
    source = block("ptrack_link 'https://shop")
    recording = block("class Clicks").replace("...", "print(url, args, kwargs)")
    run(recording)
    text = render(source, user={"email": "ada@example.com"})
    path = text.partition("https://www.example.com")[2].partition('"')[0]
    response = Client().get(f"{path}?utm_source=mail")
    assert response["Location"] == "https://shop.example/offer?id=7"
    assert capsys.readouterr().out == (
        "https://shop.example/offer?id=7 ('newsletter',) "
        "{'recipient': 'ada@example.com'}\n"
    )


def test_functions_work_as_shown():
    run(block('assert ptrack.pixel_tag("newsletter")'))


def test_tags_work_as_shown():
    text = render(block("as pixel"))
    assert text.count("/ptrack/") == 2
    assert carried(text) == (["newsletter"], {})


def test_jinja2_works_as_shown(monkeypatch: pytest.MonkeyPatch):
    environment = run(block("env.globals.update"))["environment"]
    inline = re.search(r"`(\{\{ pixel_tag.*?\}\})`", README, re.DOTALL)
    assert inline
    text = environment(autoescape=True).from_string(inline[1]).render()
    assert text.startswith("<img ")
    assert carried(text) == (["newsletter"], {"campaign": 7})


def test_urlconf_works_as_shown(settings: Any, recorder):
    settings.MIDDLEWARE = []
    settings.ROOT_URLCONF = tuple(run(block('include("ptrack.urls")'))["urlpatterns"])
    hit("a")
    assert recorder.hits == [(("a",), {})]


# -- whole mails ----------------------------------------------------------------------


def test_mail_is_tracked_as_shown(mailoutbox, recorder, clicks):
    run(block("ptrack.email.track(mail"))
    (mail,) = mailoutbox
    assert mail.body == "See https://shop.example"
    (html,) = (content for content, _ in mail.alternatives)
    for url in re.findall(r"https://www\.example\.com(/ptrack/[\w/-]+/)", html):
        assert Client().get(url).status_code in (200, 302)
    assert recorder.hits == [(("news",), {"recipient": 7})]
    assert clicks.hits == [("https://shop.example", ("news",), {"recipient": 7})]


def test_texts_are_tracked_as_shown(capsys: pytest.CaptureFixture[str], clicks):
    run(block("ptrack.email.TrackedTemplate(news)"))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:16] for line in lines] == ["<p>Hi Ada, see <", "<p>Hi Grace, see"]
    for line in lines:
        Client().get(line.partition('href="https://www.example.com')[2].split('"')[0])
    assert clicks.hits == [
        ("https://shop.example", ("news",), {"recipient": recipient})
        for recipient in (7, 8)
    ]


# -- WSGI -----------------------------------------------------------------------------


def test_paste_section_works_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder
):
    from paste.deploy import loadapp

    ini = tmp_path / "app.ini"
    ini.write_text(
        block("[app:main]")
        .replace("egg:myapp", "call:tests.test_wsgi:app_factory")
        .replace("shop.pixels", "tests.pixels_for_paste")
    )
    parser = ConfigParser()
    parser.read(ini)
    app = loadapp(f"config:{ini}")
    url = app.pixel_url("a")
    assert url.startswith(parser["filter:ptrack"]["app_url"])
    assert WebTest(app).get(url.removeprefix("https://www.example.com")).body == GIF
    assert len(recorder.hits) == 1


def test_wsgi_around_django_works_as_shown(recorder):
    application = run(block("application = PtrackWSGIMiddleware"))["application"]
    path = application.pixel_url("a").removeprefix("https://www.example.com")
    assert WebTest(application).get(path).body == GIF
    assert WebTest(application).get("/page/").text == "page /page/"
    assert len(recorder.hits) == 1


def test_callback_that_lets_go_of_connections_works_as_shown(caplog):
    """With what it only hints at, a row in a table, put in its place."""
    code = block("close_old_connections").replace("...  #", "seen.append(kwargs)  #")
    seen = run("seen = []\n" + code)["seen"]
    hit(campaign=7)
    assert seen == [{"campaign": 7}]
    assert "failed" not in caplog.text


def test_callback_in_the_background_works_as_shown(capsys: pytest.CaptureFixture[str]):
    """Where no engine is set, it runs in the request."""
    run(block("class InBackground"), ptrack=ptrack)
    hit("news", campaign=7)
    assert capsys.readouterr().out.endswith(" ('news',) {'campaign': 7}\n")


# -- secrets and encoders -------------------------------------------------------------


def test_rotation_works_as_shown(settings: Any, recorder):
    settings.PTRACK_SECRET = "the old secret"
    old = ptrack.pixel_url("old").removeprefix("https://www.example.com")
    for name, value in run(block("PTRACK_SECRET_FALLBACKS = ")).items():
        if name.startswith("PTRACK_"):
            setattr(settings, name, value)
    Client().get(old)
    hit("new")
    assert recorder.hits == [(("old",), {}), (("new",), {})]


def test_encoder_works_as_shown(recorder):
    old = ptrack.pixel_url("old").removeprefix("https://www.example.com")
    run(block("class Versioned"))
    assert "/ptrack/v1." in ptrack.pixel_url()
    hit("new")
    Client().get(old)
    assert recorder.hits == [(("new",), {}), (("old",), {})]


# -- who was it -----------------------------------------------------------------------


def test_people_are_told_from_machines_as_shown(capsys: pytest.CaptureFixture[str]):
    run(block("class Sorted"))
    path = ptrack.pixel_url(recipient="ada").removeprefix("https://www.example.com")
    for user_agent in ("Mozilla/5.0", "Thunderbird/115.0"):
        Client(headers={"user-agent": user_agent}).get(path)
    assert capsys.readouterr().out.splitlines() == [
        "ada mail_proxy Apple Mail Privacy Protection False",
        "ada person Thunderbird True",
    ]


# -- recipes --------------------------------------------------------------------------


def test_time_to_open_works_as_shown(capsys: pytest.CaptureFixture[str]):
    url = run(block("sent=time.time()"))["url"]
    run(block("class TimeToOpen"))
    args, kwargs = carried(url)
    hit(*args, **{**kwargs, "sent": time.time() - 90})
    assert capsys.readouterr().out == "ada@example.com took 90 seconds\n"


def test_dictionaries_work_as_shown(capsys: pytest.CaptureFixture[str]):
    text = render(block("{% ptrack order"), order={"id": 1}, customer={"name": "Ada"})
    run(block("class Merged"))
    args, kwargs = carried(text)
    hit(*args, **kwargs)
    out = capsys.readouterr().out
    assert out == "[('id', 1), ('name', 'Ada'), ('source', 'receipt')]\n"


def test_keyword_named_request_works_as_said(recorder):
    assert "def record(self, request, /, *args, **kwargs)" in README
    hit(request=1)
    assert recorder.hits == [((), {"request": 1})]


# -- tests and Anymail ----------------------------------------------------------------


def send_newsletter(recipient: str) -> None:
    """What a project has: a mail with a pixel and a link."""
    from django.core.mail import send_mail

    html = f"<a href='{ptrack.link_url('https://shop.example/')}'>Shop</a>"
    html += ptrack.pixel_tag(recipient=recipient)
    send_mail("News", "News", None, [recipient], html_message=html)


def test_fixture_works_as_shown(mailoutbox, ptrack_recorded):
    test = run(block("def test_newsletter"), send_newsletter=send_newsletter)
    test["test_newsletter"](mailoutbox, ptrack_recorded)
    assert len(ptrack_recorded.opens) == 1


def test_test_case_works_as_shown(tmp_path: Path):
    """By Django's own runner of tests."""
    code = "from tests.test_docs import send_newsletter\n" + block(
        "class NewsletterTest"
    )
    (tmp_path / "test_news.py").write_text(code)
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


def test_anymail_works_as_shown():
    from anymail.signals import tracking

    seen = []

    def receiver(event: Any, **_: Any) -> None:
        seen.append(event)

    run(block("ptrack.contrib.anymail import"))
    url = run(block('tags=["offer"]'))["url"]
    tracking.connect(receiver)
    Client().get(url.removeprefix("https://www.example.com"))
    tracking.disconnect(receiver)
    [event] = seen
    assert (event.event_type, event.recipient) == ("opened", "ada@example.com")
    assert (event.tags, event.metadata) == (["offer"], {"campaign": 7})


# -- docs/operations.md ---------------------------------------------------------------


def messages_of_the_code() -> set[tuple[str, str]]:
    """Give level and message of each call of the logger in the package."""
    return {
        (node.func.attr.upper(), ast.literal_eval(node.args[0]))
        for path in (ROOT / "ptrack").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and getattr(node.func.value, "id", None) == "logger"
        and node.func.attr != "addFilter"
    }


def test_list_of_what_is_logged_is_complete():
    rows = re.findall(
        r"^\| (DEBUG|INFO|WARNING|ERROR|CRITICAL) \| `([^`]+)` \| \S.* \| \S.* \|$",
        (ROOT / OPERATIONS).read_text(),
        re.MULTILINE,
    )
    assert len(rows) == len(set(rows))
    assert set(rows) == messages_of_the_code()


def test_logger_is_used_in_no_other_way():
    """Else the list above would miss it."""
    for path in (ROOT / "ptrack").rglob("*.py"):
        found = re.findall(r"getLogger\(.*?\)|logging\.\w+\(", path.read_text())
        assert set(found) <= {'getLogger("ptrack")', "logging.getLogger("}


FAIL = """
import ptrack

@ptrack.tracker.register
class Failing(ptrack.TrackingPixel):
    def record(self, request, **kwargs): raise LookupError("on purpose")

"""


def assert_logged_as_set_up(errors: str):
    """The failure with its time and traceback; nothing of what isn't a token."""
    pattern = r"^\d{4}-\d\d-\d\d [\d:,]+ ERROR ptrack: Tracking pixel \S+ failed$"
    assert len(re.findall(pattern, errors, re.MULTILINE)) == 1
    assert errors.count("LookupError: on purpose") == 1
    assert "Not a token" not in errors


def test_logging_of_a_site_works_as_shown(tmp_path: Path):
    place = project(tmp_path)
    with (place / "mysite/settings.py").open("a") as settings:
        settings.write(block("LOGGING = {", document=OPERATIONS))
    out = run_python(
        "import sys; sys.path.insert(0, ''); sys.stderr = sys.stdout\n"
        f"import django; django.setup()\n{FAIL}"
        "from django.test import Client\n"
        "path = '/ptrack/' + ptrack.PtrackEncoder.encrypt() + '/'\n"
        "for end in ('', 'garbage'): Client().get(path + end)\n",
        cwd=place,
        DJANGO_SETTINGS_MODULE="mysite.settings",
        PTRACK_SECRET=SECRET,
    )
    assert_logged_as_set_up(out)


def test_logging_of_a_mirror_works_as_shown(tmp_path: Path):
    (tmp_path / "pixels.py").write_text(
        block("basicConfig", document=OPERATIONS) + FAIL
    )
    out = run_python(
        "import sys; sys.path.insert(0, ''); sys.stderr = sys.stdout\n"
        "import ptrack, ptrack.wsgi\n"
        "mirror = ptrack.wsgi.mirror()\n"
        "for end in ('', 'garbage'):\n"
        "    path = ptrack.pixel_url()[9:] + end\n"
        "    mirror({'REQUEST_METHOD': 'GET', 'PATH_INFO': path}, lambda *_: None)\n",
        cwd=tmp_path,
        PTRACK_SECRET=SECRET,
        PTRACK_APP_URL="https://h",
    )
    assert_logged_as_set_up(out)


def test_secret_reaches_the_environment_as_shown():
    code = block("export PTRACK_SECRET", document=OPERATIONS)
    out = shell(
        f"{code}python -c 'import ptrack; print(ptrack.PtrackEncoder.encrypt())'"
    )
    assert len(out.strip()) == 64


def test_url_is_decoded_as_shown(tmp_path: Path):
    place = project(tmp_path)
    shown = json.loads(block('"args": [', document=OPERATIONS))
    token = TokenBox(SECRET).encrypt(*shown["args"], **shown["kwargs"])
    tag = f'<p><img src="https://www.example.com/ptrack/{token}/"></p>'
    (place / "mail.html").write_text(tag)
    variables = {
        "PTRACK_SECRET": SECRET,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": f"{ROOT}:{place}",
    }
    both = block("manage.py ptrack decode", document=OPERATIONS).replace("TOKEN", token)
    lines = [*both.splitlines(), block("< mail.html", document=OPERATIONS)]
    assert len(lines) == 3
    expected = block('"args": [', document=OPERATIONS)
    for line in lines:
        assert shell(line, place, **variables) == expected


# -- docs/timing.md -------------------------------------------------------------------


def test_commands_of_the_timing_are_in_the_makefile():
    commands = block("make timing", document="docs/timing.md").splitlines()
    assert commands == ["make timing", "make timing QUICK=1"]
    assert "\ntiming:" in (ROOT / "Makefile").read_text()


def test_results_of_the_timing_are_of_a_full_run():
    text = (ROOT / "docs/timing.md").read_text()
    results = text.partition("<!-- timing -->")[2].partition("<!-- /timing -->")[0]
    assert "- samples of each kind: " in results
    assert "quick run" not in results


# -- all of it ------------------------------------------------------------------------


class Recipient:
    def __init__(self, pk: int, *, opens: bool, clicks: bool) -> None:
        self.pk, self.allows_opens, self.allows_clicks = pk, opens, clicks


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("clicks", [True, False])
def test_switches_per_recipient_work_as_shown(mailoutbox, opens, clicks):
    send = run(block("allows_opens"))["send"]
    mail = EmailMultiAlternatives("News", "", to=["ada@example.com"])
    mail.attach_alternative('<a href="https://shop.example">shop</a>', "text/html")
    send(mail, Recipient(7, opens=opens, clicks=clicks))
    found = tracked(mailoutbox[0])
    assert [pixel.kwargs for pixel in found.pixels] == [{"recipient": 7}] * opens
    assert [link.kwargs for link in found.links] == [{"recipient": 7}] * clicks


def test_who_opted_out_is_not_stored_and_others_with_little(caplog):
    stored: list[Any] = []
    run(
        block("class OpensOfTheWilling"),
        has_opted_out={8}.__contains__,
        store=lambda *what: stored.append(what),
    )
    hit(recipient=7)
    hit(recipient=8)
    assert stored == [(7, "127.0.0.0")]
    assert "failed" not in caplog.text


ELSEWHERE = {
    "docs/agents.md": "test_agents_docs.py",
    "docs/background.md": "integration/test_docs_background.py",
    "docs/deployment.md": "integration/test_deployment.py",
    "docs/from-django-ptrack.md": "integration/test_docs_migration.py",
    "docs/from-pytracking.md": "integration/test_docs_migration.py",
    "docs/opens.md": "test_opens_docs.py",
    "docs/reliability.md": "integration/test_soak.py",
}
"""Pages with a test file of their own, which has this test too."""


@pytest.mark.parametrize("tests", sorted(set(ELSEWHERE.values())))
def test_pages_that_are_left_out_here_are_held_to_the_same_elsewhere(tests: str):
    source = (Path(__file__).parent / tests).read_text()
    assert "def test_every_block_is_run_by_a_test(" in source


def test_every_block_is_run_by_a_test():
    """Each is asked for by a call of ``block``; the first steps are typed in order."""
    steps = [each for _, each in PAGES["README.md"].section("First steps")]
    for name in PAGES.keys() - ELSEWHERE:
        blocks = [each for each in PAGES[name].blocks if each not in steps]
        assert not_run(blocks, __file__, INTEGRATION) == [], name


@pytest.mark.parametrize("name", [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_files_that_are_linked_to_exist(name: str):
    path = ROOT / name
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("name", PAGES)
def test_headings_that_are_linked_to_exist(name: str):
    """By the names that GitHub gives them."""
    text = PAGES[name].text
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    names = {
        re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= names


def test_commands_for_contributors_are_in_the_makefile():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"\bmake\s([a-z-]+)", text))
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test", "test-all", "check", "bench"} <= targets
    assert all(f"\n{target}:" in makefile for target in targets)
