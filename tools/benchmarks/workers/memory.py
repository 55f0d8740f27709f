"""Many hits in one process, each of a token of its own, and the memory they leave.

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
from django_site import insert_second, make_wsgi, request_wsgi
from loop import BrokenCaseError
from recording import HITS, MANY
from sample import APP_URL, ARGS, KWARGS, make_environ

import ptrack
from ptrack.wsgi import PtrackWSGIMiddleware

REQUEST = make_environ("/")


def measure_resident() -> int:
    """Return the process's resident memory, in bytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def load_pixels(application: object, count: int) -> None:
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
        application: object = PtrackWSGIMiddleware(make_wsgi())
    else:
        application = make_wsgi(insert_second(ours_site.PTRACK))
    load_pixels(application, max(count // 10, 5 * MANY))
    before = measure_resident()
    HITS.clear()
    load_pixels(application, count)
    if len(HITS) != count % MANY:
        raise BrokenCaseError("not every hit was recorded")
    print(json.dumps({"before": before, "after": measure_resident(), "hits": count}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
