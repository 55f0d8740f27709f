"""ptrack.testing: what a mail carries, opens and clicks of it, and what they record."""

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
from tests.processes import environment, run_python
from tests.recording import emptied

TARGET = "https://shop.example/a?b=1&c=ü#part"


def html(*, padding: str = "") -> str:
    pixel = ptrack.pixel_tag("newsletter", campaign=7)
    link = ptrack.link_url(TARGET, "newsletter", place="top")
    return f'<p>ü{padding}<a href="{link}">Our offer</a><img src="a.png">{pixel}'


def django_alternatives(body: str) -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives("Subject", "Text", "a@h.example", ["b@h.example"])
    mail.attach_alternative(body, "text/html")
    mail.attach("attached.txt", "Text", "text/plain")
    mail.attach("attached.gif", b"GIF89a", "image/gif")
    return mail


def django_html(body: str) -> EmailMessage:
    mail = EmailMessage("Subject", body, "a@h.example", ["b@h.example"])
    mail.content_subtype = "html"
    return mail


def standard(body: str) -> StandardMessage:
    mail = StandardMessage()
    mail["Subject"] = "Subject"
    mail.set_content("Text")
    mail.add_alternative(body, subtype="html", cte="quoted-printable")
    [_, shown] = mail.iter_parts()
    shown.add_related(b"GIF89a", "image", "gif")
    return mail


def old_standard(body: str) -> MIMEText:
    return MIMEText(body, "html", "utf-8")


MAILS = [str, django_alternatives, django_html, standard, old_standard]


# -- what a mail carries --------------------------------------------------------------


@pytest.mark.parametrize("made", MAILS)
def test_pixels_and_links_of_any_kind_of_mail_are_found(made):
    """Long lines are broken and encoded on the way, which changes nothing."""
    found = tracked(made(html(padding="x" * 2000)))
    [pixel], [link] = found.pixels, found.links
    assert (pixel.args, pixel.kwargs) == (("newsletter",), {"campaign": 7})
    assert pixel.url.startswith("https://www.example.com/ptrack/")
    assert (link.target, link.args) == (TARGET, ("newsletter",))
    assert link.kwargs == {"place": "top"}
    assert link.url.startswith("https://www.example.com/ptrack/link/")


def test_links_in_plain_text_are_found_whatever_ends_their_sentence():
    url = ptrack.link_url(TARGET, 1)
    mail = EmailMessage("Subject", f"See {url}. Or <{url}>, or ({url})!")
    assert [link.args for link in tracked(mail).links] == [(1,), (1,), (1,)]


def test_urls_count_wherever_a_mail_client_looks_for_them():
    link, pixel = ptrack.link_url(TARGET), ptrack.pixel_url()
    found = tracked(
        f"<area href=' {link} '><A HREF={link}>"
        f"<!--[if mso]><a href='{link}'><![endif]--><!--[if !mso]><!--><!--<![endif]-->"
        f"<td background='{pixel}' style='background: url(\"{pixel}\")'><img src>"
        f"<p style><p style='color: red'>"
    )
    assert (len(found.links), len(found.pixels)) == (3, 2)


def test_what_is_none_is_not_found(settings: Any):
    """A comment, text, what is damaged or not tracked, what another secret made."""
    link, pixel = ptrack.link_url(TARGET), ptrack.pixel_url()
    source = (
        f"<!-- <b> <a href='{link}'> --><p title='{link}'>{pixel}"
        f"<img src='https://www.example.com/ptrack/abc/'><img src='//['>"
        f"<a href='{link.replace('link/', 'link/x')}'><a href='{TARGET}'>"
    )
    assert tracked(source) == tracked("")
    settings.PTRACK_SECRET = "another"
    assert tracked(f"<img src='{pixel}'>") == tracked("")


def test_what_is_attached_is_not_shown_and_not_found():
    """A file, and a mail that is forwarded whole."""
    forwarded = standard(html())
    mail = standard("<p>")
    mail.add_attachment(html(), subtype="html", filename="page.html")
    mail.add_attachment(forwarded)
    assert tracked(forwarded).pixels
    assert tracked(mail) == tracked("")


@pytest.mark.parametrize("mail", [None, b"<html>", 1])
def test_what_is_no_mail_is_refused(mail):
    with pytest.raises(TypeError, match="is no mail: give Django's EmailMessage"):
        tracked(mail)


# -- opening and clicking -------------------------------------------------------------


def test_open_and_click_go_through_the_site_and_are_recorded(ptrack_recorded):
    found = tracked(html())
    found.open(headers={"User-Agent": "Mail/1"})
    response = found.click(TARGET, headers={"User-Agent": "Browser/1"})
    assert response["Location"].startswith("https://shop.example/a?b=1")
    assert ptrack_recorded.opens == [Open(("newsletter",), {"campaign": 7})]
    assert ptrack_recorded.clicks == [Click(TARGET, ("newsletter",), {"place": "top"})]
    [opened], [clicked] = ptrack_recorded.opens, ptrack_recorded.clicks
    assert opened.request.META["HTTP_USER_AGENT"] == "Mail/1"
    assert clicked.request.META["HTTP_USER_AGENT"] == "Browser/1"


def test_request_is_for_the_host_and_the_scheme_of_the_url(ptrack_recorded):
    [pixel] = tracked(html()).pixels
    pixel.open()
    pixel.open(headers={"Host": "other.example"})
    first, second = (each.request for each in ptrack_recorded.opens)
    assert (first.get_host(), first.scheme) == ("www.example.com", "https")
    assert second.get_host() == "other.example"


def test_project_s_own_callbacks_and_middleware_run(settings: Any):
    settings.MIDDLEWARE = ["tests.test_testing.marking", *settings.MIDDLEWARE]
    seen = []

    with emptied(ptrack.tracker):

        @ptrack.tracker.register
        class Own(ptrack.TrackingPixel):
            def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
                seen.append((args, request.marked))

        tracked(html()).open()
    assert seen == [(("newsletter",), True)]


def marking(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        request.marked = True
        return get_response(request)

    return middleware


@pytest.mark.parametrize("app_url", ["localhost", "https://h.example/shop"])
@pytest.mark.parametrize("prefix", ["/", "/ü x/"])
def test_site_is_found_wherever_it_is(settings: Any, app_url, prefix, ptrack_recorded):
    settings.PTRACK_APP_URL, settings.PTRACK_PREFIX = app_url, prefix
    found = tracked(html())
    found.open()
    found.click(TARGET)
    assert len(ptrack_recorded.clicks) == 1
    [opened] = ptrack_recorded.opens
    mount = "/shop" if app_url.endswith("shop") else ""
    assert opened.request.META["SCRIPT_NAME"] == mount
    assert opened.request.path.startswith(mount + prefix)


def test_site_that_includes_the_urls_at_its_root_is_tried(
    settings: Any, ptrack_recorded
):
    settings.MIDDLEWARE = []
    settings.ROOT_URLCONF = "tests.urlconfs.root"
    found = tracked(html())
    found.open()
    assert len(ptrack_recorded.opens) == 1


def test_site_below_a_forced_script_name_is_tried(ptrack_recorded):
    from django.urls import get_script_prefix, set_script_prefix

    before = get_script_prefix()
    set_script_prefix("/at/")
    try:
        found = tracked(html())
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
def test_site_that_does_not_answer_pixels_is_told(broken, hint):
    found = tracked(html())
    middleware = [
        "django.middleware.common.CommonMiddleware",
        "ptrack.middleware.PtrackMiddleware",
    ]
    with override_settings(**{"MIDDLEWARE": middleware, **broken}):
        with pytest.raises(AssertionError, match=hint):
            found.open()
        with pytest.raises(AssertionError, match=hint):
            found.click(TARGET)


def test_mail_without_what_is_asked_for_fails_the_test():
    with pytest.raises(AssertionError, match="has no pixel"):
        tracked("<p>").open()
    with pytest.raises(AssertionError, match="https://x/, but to: nowhere"):
        tracked("<p>").click("https://x/")
    with pytest.raises(AssertionError, match=r"https://x/, but to: https://shop\."):
        tracked(html()).click("https://x/")


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
        # Around a real app too, where it is the same.
        assert WebTest(app).get("/page", status=404)


def test_asgi_middleware_s_urls_are_opened_in_an_event_loop_as_well():
    """A test that is a coroutine itself opens mails like any other."""
    registry = Tracker("own")

    @registry.register
    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)

    app = PtrackASGIMiddleware(
        None, "another", app_url="http://own.example", tracker=registry
    )

    async def opened() -> Any:
        return tracked(app.pixel_tag("a"), app).pixels[0].open()

    with recorded(registry) as seen:
        response = asyncio.run(opened())
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
    tracked(html()).open()
    assert not seen.opens


def test_callbacks_are_gone_after_a_block_that_failed():
    before = dict(ptrack.tracker._registry)
    with pytest.raises(KeyError), recorded():
        raise KeyError
    assert ptrack.tracker._registry == before


def test_keywords_named_as_the_parameters_are_kept(ptrack_recorded):
    kwargs = {"request": 1, "self": 2, "url": 3}
    tracked(ptrack.pixel_tag(**kwargs)).open()
    tracked(f"<a href='{ptrack.link_url(TARGET, **kwargs)}'>").click(TARGET)
    assert ptrack_recorded.opens == [Open((), kwargs)]
    assert ptrack_recorded.clicks == [Click(TARGET, (), kwargs)]


# -- the pytest plugin ----------------------------------------------------------------


def test_plugin_is_there_once_the_package_is_installed(tmp_path: Path):
    """In a run of pytest that names nothing, and outside Django."""
    (tmp_path / "test_mail.py").write_text(
        "import ptrack, ptrack.testing\n"
        "def test_open(ptrack_recorded):\n"
        "    ptrack.testing.tracked(ptrack.pixel_tag('a')).open()\n"
        "    assert ptrack_recorded.opens == [ptrack.testing.Open(('a',))]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:django"],
        cwd=tmp_path,
        env=environment(
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
