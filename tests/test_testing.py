"""ptrack.testing: the content of a mail, its opens and clicks, and the records."""

import asyncio
import subprocess
import sys
from email.message import EmailMessage as StandardMessage
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import override_settings
from webtest import TestApp as WebTest

import ptrack
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.core.callbacks import Tracker
from ptrack.testing import Click, Open, recorded, tracked
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.processes import make_environment, run_python

TARGET = "https://shop.example/a?b=1&c=ü#part"


def make_html(*, padding: str = "") -> str:
    pixel = ptrack.pixel_tag("newsletter", campaign=7)
    link = ptrack.link_url(TARGET, "newsletter", place="top")
    return f'<p>ü{padding}<a href="{link}">Our offer</a><img src="a.png">{pixel}'


def make_django_alternatives(body: str) -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives("Subject", "Text", "a@h.example", ["b@h.example"])
    mail.attach_alternative(body, "text/html")
    mail.attach("attached.txt", "Text", "text/plain")
    mail.attach("attached.gif", b"GIF89a", "image/gif")
    return mail


def make_django_html(body: str) -> EmailMessage:
    mail = EmailMessage("Subject", body, "a@h.example", ["b@h.example"])
    mail.content_subtype = "html"
    return mail


def make_standard(body: str) -> StandardMessage:
    mail = StandardMessage()
    mail["Subject"] = "Subject"
    mail.set_content("Text")
    mail.add_alternative(body, subtype="html", cte="quoted-printable")
    [_, shown] = mail.iter_parts()
    shown.add_related(b"GIF89a", "image", "gif")
    return mail


def make_old_standard(body: str) -> MIMEText:
    return MIMEText(body, "html", "utf-8")


MAKERS = [
    str,
    make_django_alternatives,
    make_django_html,
    make_standard,
    make_old_standard,
]


# -- the content of a mail ------------------------------------------------------------


@pytest.mark.parametrize("make", MAKERS)
def test_pixels_and_links_of_any_kind_of_mail_are_found(make):
    """Long lines are broken and encoded on the way, which changes nothing."""
    found = tracked(make(make_html(padding="x" * 2000)))
    [pixel], [link] = found.pixels, found.links
    assert (pixel.args, pixel.kwargs) == (("newsletter",), {"campaign": 7})
    assert pixel.url.startswith("https://www.example.com/ptrack/")
    assert (link.target, link.args) == (TARGET, ("newsletter",))
    assert link.kwargs == {"place": "top"}
    assert link.url.startswith("https://www.example.com/ptrack/link/")


@pytest.mark.parametrize("prefix", ["/ptrack/", "/ü+x/", "/"])
def test_links_in_plain_text_are_found_in_any_sentence(settings: Any, prefix: str):
    settings.PTRACK_PREFIX = prefix
    url, pixel = ptrack.link_url(TARGET, 1), ptrack.pixel_url()
    text = f"See {url}. Or <{url}>, or ({url})! Not https://h.example/link/, {pixel}."
    found = tracked(EmailMessage("Subject", text))
    assert [link.args for link in found.links] == [(1,), (1,), (1,)]
    assert found.pixels == []


def test_only_links_in_plain_text_need_the_extra():
    url = ptrack.link_url(TARGET)
    run_python(
        "import sys; sys.modules['linkify_it'] = None\n"
        "import django; django.setup()\n"
        "from django.core.mail import EmailMessage\n"
        "from ptrack.testing import tracked\n"
        "assert tracked('x').links == []\n"
        "text = 'See https://www.example.com/ptrack/, and/or {}.'\n"
        "assert tracked(EmailMessage('Subject', text)).links == []\n"
        "try:\n"
        f"    tracked(EmailMessage('Subject', {url!r}))\n"
        "except ImportError as error:\n"
        "    assert 'django-ptrack[email]' in str(error)\n"
        "else:\n"
        "    raise AssertionError\n",
        DJANGO_SETTINGS_MODULE="tests.settings",
    )


def test_urls_are_found_in_all_places_that_mail_clients_use():
    link, pixel = ptrack.link_url(TARGET), ptrack.pixel_url()
    found = tracked(
        f"<area href=' {link} '><A HREF={link}>"
        f"<!--[if mso]><a href='{link}'><![endif]--><!--[if !mso]><!--><!--<![endif]-->"
        f"<td background='{pixel}' style='background: url(\"{pixel}\")'><img src>"
        f"<p style><p style='color: red'>"
    )
    assert (len(found.links), len(found.pixels)) == (3, 2)


def test_other_urls_are_not_found(settings: Any):
    """They are in a comment or text, damaged, untracked, or of another secret."""
    link, pixel = ptrack.link_url(TARGET), ptrack.pixel_url()
    source = (
        f"<!-- <b> <a href='{link}'> --><p title='{link}'>{pixel}"
        f"<img src='https://www.example.com/ptrack/abc/'><img src='//['>"
        f"<a href='{link.replace('link/', 'link/x')}'><a href='{TARGET}'>"
    )
    assert tracked(source) == tracked("")
    settings.PTRACK_SECRET = "another"
    assert tracked(f"<img src='{pixel}'>") == tracked("")


def test_attachments_are_not_shown_and_not_found():
    """One is a file, and one a mail that is forwarded whole."""
    forwarded = make_standard(make_html())
    mail = make_standard("<p>")
    mail.add_attachment(make_html(), subtype="html", filename="page.html")
    mail.add_attachment(forwarded)
    assert tracked(forwarded).pixels
    assert tracked(mail) == tracked("")


@pytest.mark.parametrize("mail", [None, b"<html>", 1])
def test_object_that_is_no_mail_is_refused(mail):
    with pytest.raises(TypeError, match="isn't a mail: pass Django's EmailMessage"):
        tracked(mail)


# -- opening and clicking -------------------------------------------------------------


def test_open_and_click_go_through_the_site_and_are_recorded(ptrack_recorded):
    found = tracked(make_html())
    found.open(headers={"User-Agent": "Mail/1"})
    response = found.click(TARGET, headers={"User-Agent": "Browser/1"})
    assert response["Location"].startswith("https://shop.example/a?b=1")
    assert ptrack_recorded.opens == [Open(("newsletter",), {"campaign": 7})]
    assert ptrack_recorded.clicks == [Click(TARGET, ("newsletter",), {"place": "top"})]
    [opened], [clicked] = ptrack_recorded.opens, ptrack_recorded.clicks
    assert opened.request.META["HTTP_USER_AGENT"] == "Mail/1"
    assert clicked.request.META["HTTP_USER_AGENT"] == "Browser/1"


def test_request_is_for_the_host_and_the_scheme_of_the_url(ptrack_recorded):
    [pixel] = tracked(make_html()).pixels
    pixel.open()
    pixel.open(headers={"Host": "other.example"})
    first, second = (each.request for each in ptrack_recorded.opens)
    assert (first.get_host(), first.scheme) == ("www.example.com", "https")
    assert second.get_host() == "other.example"


def test_project_s_own_callbacks_and_middleware_run(settings: Any):
    settings.MIDDLEWARE = ["tests.test_testing.mark", *settings.MIDDLEWARE]
    seen = []

    @ptrack.tracker.register
    class Own(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append((args, request.marked))

    try:
        tracked(make_html()).open()
    finally:
        ptrack.tracker.unregister(Own)
    assert seen == [(("newsletter",), True)]


def mark(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        request.marked = True
        return get_response(request)

    return middleware


@pytest.mark.parametrize("app_url", ["localhost", "https://h.example/shop"])
@pytest.mark.parametrize("prefix", ["/", "/ü+x/"])
def test_site_is_found_at_any_place(settings: Any, app_url, prefix, ptrack_recorded):
    settings.PTRACK_APP_URL, settings.PTRACK_PREFIX = app_url, prefix
    found = tracked(make_html())
    found.open()
    found.click(TARGET)
    assert len(ptrack_recorded.clicks) == 1
    [opened] = ptrack_recorded.opens
    mount = "/shop" if app_url.endswith("shop") else ""
    assert opened.request.META["SCRIPT_NAME"] == mount
    assert opened.request.path.startswith(mount + prefix)


def test_site_that_includes_the_urls_at_its_root_answers(
    settings: Any, ptrack_recorded
):
    settings.MIDDLEWARE = []
    settings.ROOT_URLCONF = "tests.urlconfs.root"
    found = tracked(make_html())
    found.open()
    assert len(ptrack_recorded.opens) == 1


def test_site_below_a_forced_script_name_answers(ptrack_recorded):
    from django.urls import get_script_prefix, set_script_prefix

    before = get_script_prefix()
    set_script_prefix("/at/")
    try:
        found = tracked(make_html())
    finally:
        set_script_prefix(before)
    assert "/at/ptrack/" in found.pixels[0].url
    with override_settings(FORCE_SCRIPT_NAME="/at"):
        found.open()
    assert len(ptrack_recorded.opens) == 1


@pytest.mark.parametrize(
    ("broken", "hint"),
    [
        ({"MIDDLEWARE": []}, "status 404 .*is its middleware in MIDDLEWARE"),
        (
            {"ALLOWED_HOSTS": [], "USE_X_FORWARDED_HOST": False},
            "status 400 .*in ALLOWED_HOSTS",
        ),
    ],
)
def test_site_that_does_not_answer_pixels_fails_the_test(broken, hint):
    found = tracked(make_html())
    middleware = [
        "django.middleware.common.CommonMiddleware",
        "ptrack.middleware.PtrackMiddleware",
    ]
    with override_settings(**{"MIDDLEWARE": middleware, **broken}):
        with pytest.raises(AssertionError, match=hint):
            found.open()
        with pytest.raises(AssertionError, match=hint):
            found.click(TARGET)


def test_mail_without_a_pixel_or_a_link_fails_the_test():
    with pytest.raises(AssertionError, match="has no pixel"):
        tracked("<p>").open()
    with pytest.raises(AssertionError, match="https://x/, but to: nowhere"):
        tracked("<p>").click("https://x/")
    with pytest.raises(AssertionError, match=r"https://x/, but to: https://shop\."):
        tracked(make_html()).click("https://x/")


# -- outside Django -------------------------------------------------------------------


@pytest.mark.parametrize("middleware", [PtrackWSGIMiddleware, PtrackASGIMiddleware])
def test_middleware_s_own_urls_and_callbacks(middleware):
    registry = Tracker("own")
    app = middleware(
        None,
        secret="another",
        app_url="http://own.example/at",
        tracker=registry,
        prefix="/ü/",
    )
    mail = app.pixel_tag("a") + f"<a href='{app.link_url(TARGET, 'b')}'>"
    with recorded(registry) as seen:
        found = tracked(mail, app)
        found.open(headers={"User-Agent": "Mail/1"})
        assert found.click(TARGET).status_code == 302
    assert (seen.opens, seen.clicks) == ([Open(("a",))], [Click(TARGET, ("b",))])
    request = seen.opens[0].request
    assert request.META["HTTP_USER_AGENT"] == "Mail/1"
    assert request.META["SCRIPT_NAME"] == "/at"
    assert request.META["REMOTE_ADDR"] == "127.0.0.1"
    assert request.host == "own.example"
    assert tracked(mail).pixels == []
    if middleware is PtrackWSGIMiddleware:
        # The middleware is a valid WSGI app, which WebTest checks.
        assert WebTest(app).get("/page", status=404)


def test_asgi_middleware_s_urls_are_opened_in_an_event_loop_as_well():
    """A test that is a coroutine itself opens mails like any other."""
    registry = Tracker("own")

    @registry.register
    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)

    app = PtrackASGIMiddleware(
        None, secret="another", app_url="http://own.example", tracker=registry
    )

    async def open_pixel() -> Any:
        return tracked(app.pixel_tag("a"), app).pixels[0].open()

    with recorded(registry) as seen:
        response = asyncio.run(open_pixel())
    assert response.content_type == "image/gif"
    assert seen.opens == [Open(("a",))]


def test_outside_django_the_environment_s_mirror_answers(outside_django):
    with recorded() as seen:
        tracked(ptrack.pixel_tag("a")).open()
    assert seen.opens == [Open(("a",))]


def test_outside_django_nothing_of_django_is_imported():
    run_python(
        "import sys; sys.modules['django'] = None\n"
        "import ptrack\n"
        "from ptrack.testing import recorded, tracked\n"
        "with recorded() as seen:\n"
        "    tracked(ptrack.pixel_tag('a')).open()\n"
        "assert seen.opens[0].args == ('a',)\n",
        PTRACK_SECRET="s" * 32,
        PTRACK_APP_URL="https://h.example",
    )


# -- recording ------------------------------------------------------------------------


def test_nothing_is_kept_after_the_block():
    with recorded() as seen:
        pass
    tracked(make_html()).open()
    assert not seen.opens


def test_nothing_is_kept_after_a_block_that_failed():
    registry = Tracker("own")
    with pytest.raises(KeyError), recorded(registry) as seen:
        raise KeyError
    assert not registry.runs(ptrack.TrackingPixel, ptrack.TrackingLink)
    assert (seen.opens, seen.clicks) == ([], [])


def test_keywords_named_as_the_parameters_are_kept(ptrack_recorded):
    kwargs = {"request": 1, "self": 2, "url": 3}
    tracked(ptrack.pixel_tag(**kwargs)).open()
    tracked(f"<a href='{ptrack.link_url(TARGET, **kwargs)}'>").click(TARGET)
    assert ptrack_recorded.opens == [Open((), kwargs)]
    assert ptrack_recorded.clicks == [Click(TARGET, (), kwargs)]


# -- the pytest plugin ----------------------------------------------------------------


def test_plugin_is_there_once_the_package_is_installed(tmp_path: Path):
    """The run of pytest names no plugin, and is outside Django."""
    (tmp_path / "test_mail.py").write_text(
        "import ptrack, ptrack.testing\n"
        "def test_open(ptrack_recorded):\n"
        "    ptrack.testing.tracked(ptrack.pixel_tag('a')).open()\n"
        "    assert ptrack_recorded.opens == [ptrack.testing.Open(('a',))]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:django"],
        cwd=tmp_path,
        env=make_environment(
            PTRACK_SECRET="s" * 32, PTRACK_APP_URL="https://h", PYTHONPATH=""
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_plugin_imports_neither_django_nor_ptrack():
    run_python(
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import pytest_ptrack\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "assert not new & {'django', 'ptrack', 'nacl', 'webob'}, new\n"
    )
