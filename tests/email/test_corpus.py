"""Mails as builders and people make them, tracked: only the links and pixels differ."""

import re

import pytest

import ptrack
from ptrack.email import track_html
from tests.email.mailing import (
    MAILS,
    NAMES,
    PIXEL,
    click_all,
    read_html,
    read_sample,
    undo_tracking,
)


def test_every_mail_is_listed():
    assert {path.name for path in MAILS.glob("*.html")} == set(NAMES)


@pytest.mark.parametrize("name", [*NAMES, "huge"])
def test_nothing_but_the_links_and_the_pixels_place_is_changed(name: str, clicks):
    text, written, read = read_sample(name)
    tracked = track_html(text, 7, name=name)
    assert undo_tracking(tracked, written) == text
    assert click_all(tracked, clicks) == read
    assert {(args, kwargs["name"]) for _, args, kwargs in clicks.hits} == {((7,), name)}
    (token,) = PIXEL.findall(tracked)
    assert ptrack.PtrackEncoder.decrypt(token) == ([7], {"name": name})


@pytest.mark.parametrize("name", [*NAMES, "huge"])
def test_tracked_mail_is_not_tracked_again(name: str):
    tracked = track_html(read_sample(name)[0])
    assert track_html(tracked) == tracked


@pytest.mark.parametrize("name", NAMES)
def test_pixel_is_before_the_end_of_the_body(name: str):
    tracked = track_html(read_html(name), clicks=False)
    before, after = re.split(PIXEL.pattern.replace("(", "(?:"), tracked)
    ends = re.compile(r"</body\s*>|</html\s*>", re.I)
    assert "</body" not in after[1:].lower()
    assert not ends.search(tracked) or ends.match(after)
    assert before + after == read_html(name)
