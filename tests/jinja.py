"""The Jinja2 environment of the tests, as the README documents it."""

from typing import Any

from jinja2 import Environment

import ptrack


def make_environment(**options: Any) -> Environment:
    env = Environment(**options)
    env.globals.update(pixel_tag=ptrack.pixel_tag, pixel_url=ptrack.pixel_url)
    return env
