"""Many hits in one process, each of a token of its own: what stays in memory?

``python memory.py wsgi|django COUNT`` prints the resident memory in bytes, after a
warm-up and at the end.
"""

import gc
import json
import os
import sys
from pathlib import Path

import bare
import ours_site
from django_site import request_wsgi, with_second, wsgi_handler
from loop import BrokenCaseError
from recording import HITS, MANY
from sample import APP_URL, ARGS, KWARGS, environ

import ptrack
from ptrack.wsgi import PtrackWSGIMiddleware

REQUEST = environ("/")


def resident() -> int:
    """Give the process's resident memory, in bytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def hit(application: object, count: int) -> None:
    """Make that many pixels and load each once."""
    for number in range(count):
        url = ptrack.pixel_url(*ARGS, **KWARGS, number=number)
        REQUEST["PATH_INFO"] = url.removeprefix(APP_URL)
        if request_wsgi(application, REQUEST) != bare.GIF:
            raise BrokenCaseError("no image")
        if len(HITS) == MANY:
            HITS.clear()


def main(kind: str, count: int) -> None:
    """Print the resident memory before and after."""
    if kind == "wsgi":
        application: object = PtrackWSGIMiddleware(wsgi_handler())
    else:
        application = wsgi_handler(with_second(ours_site.PTRACK))
    hit(application, max(count // 10, 5 * MANY))
    before = resident()
    HITS.clear()
    hit(application, count)
    if len(HITS) != count % MANY:
        raise BrokenCaseError("not every hit was recorded")
    print(json.dumps({"before": before, "after": resident(), "hits": count}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
