"""The pages that a person may see, as HTML.

A page loads nothing, shows nothing of the request, and is the same for everybody.
"""

import hashlib
from base64 import b64encode
from html import escape
from typing import NamedTuple


class Text(NamedTuple):
    """The text of a page in one language.

    Attributes:
        language: The language, as HTML and HTTP write it (RFC 5646).
        title: The title and the heading.
        cause: A sentence about what happened.
        advice: Sentences about what the reader can do.
    """

    language: str
    title: str
    cause: str
    advice: tuple[str, ...]


LINK_NOT_FOUND = Text(
    language="en",
    title="This link can't be followed",
    cause="Its address is incomplete, was changed on its way, or is no longer known.",
    advice=(
        "Go back to the message that the link is in, and open it there once more.",
        (
            "If that leads here again, copy the whole address of the link from there, "
            "and paste it into the address bar of your browser."
        ),
        "If that doesn't help either, ask the sender of the message for the page.",
    ),
)

# WCAG 2.2, 1.4.3, asks for a contrast of 4.5 to 1; these have 15 and more.
_STYLE = """
:root { color-scheme: light dark; color: #1c1c1c; background: #fdfdfd }
body {
  max-width: 34rem; margin: 0 auto; padding: 2rem 1.25rem;
  font: 1.0625rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere
}
h1 { font-size: 1.5rem; line-height: 1.25 }
ul { padding-left: 1.25rem }
li { margin: .5rem 0 }
@media (prefers-color-scheme: dark) {
  :root { color: #ececec; background: #161616 }
}
"""

_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""The ``Content-Security-Policy`` of the pages (https://www.w3.org/TR/CSP3/)."""


def make_page(text: Text) -> bytes:
    """Return a page as HTML in UTF-8."""
    advice = "\n".join(f"<li>{escape(each, quote=False)}</li>" for each in text.advice)
    title = escape(text.title, quote=False)
    return f"""<!doctype html>
<html lang="{text.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{escape(text.cause, quote=False)}</p>
<ul>
{advice}
</ul>
</main>
</body>
</html>
""".encode()
