"""The documents, the surroundings of their code blocks, and the blocks run elsewhere.

A block that is in no entry of `ELSEWHERE`, and that no test claims, is run by
``test_blocks.py`` as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import ptrack

DOCUMENTS = (
    *("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/*.md", "tools/*/README.md"),
)
"""All documents, as patterns of paths from the root."""


def send_newsletter(recipient: str) -> None:
    """Send a mail with a pixel and a link, as a project would."""
    from django.core.mail import send_mail

    html = f"<a href='{ptrack.link_url('https://shop.example/')}'>Shop</a>"
    html += ptrack.pixel_tag(recipient=recipient)
    send_mail("News", "News", None, [recipient], html_message=html)


@dataclass(frozen=True)
class Surroundings:
    """Names that the blocks of a document use and don't define.

    Attributes:
        variables: For Python.
        context: For templates.
    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)


SURROUNDINGS: Mapping[str, Surroundings] = {
    "README.md": Surroundings(
        {"ptrack": ptrack, "send_newsletter": send_newsletter},
        {
            "user": SimpleNamespace(email="ada@example.com"),
            "order": {"id": 1},
            "customer": {"name": "Ada"},
        },
    ),
}

README = "tests/integration/test_readme.py"
BLOCKS = "tests/integration/test_doc_blocks.py"
BACKGROUND = "tests/integration/test_docs_background.py"
MIGRATION = "tests/integration/test_docs_migration.py"
DEPLOYMENT = "tools/soak/tests/test_deployment.py"

ELSEWHERE: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "README.md": {
        "## First steps": (README, "they are typed in order, with curl"),
        "import flask": (BLOCKS, "it needs Flask"),
        "from fastapi import": (BLOCKS, "it needs FastAPI"),
        'gunicorn "ptrack.wsgi:mirror()"': (BLOCKS, "it serves until it is ended"),
        "uvicorn --factory": (BLOCKS, "they serve until they are ended"),
        "gunicorn --workers": (BLOCKS, "they serve until they are ended"),
    },
    "docs/operations.md": {
        "class PrometheusCounters": (BLOCKS, "it needs prometheus_client"),
    },
    "docs/background.md": {
        "": (BACKGROUND, "they need Redis, Celery, RQ and Tasks"),
    },
    "docs/from-django-ptrack.md": {"": (MIGRATION, "they need django-ptrack 3.0.0")},
    "docs/from-pytracking.md": {"": (MIGRATION, "they need pytracking")},
    "docs/deployment.md": {
        "": (DEPLOYMENT, "they are the files of example/deployment, or for machines"),
    },
}
"""Blocks that need more than Python: which file runs them, and why not here.

By document, and by a part of the code; ``## `` before a heading is all below it, and
the empty text is the whole document.
"""
