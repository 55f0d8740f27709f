"""uWSGI as ``python -m``: its wheel has a console script and a module, no __main__."""

import sys

import pyuwsgi

pyuwsgi.run(sys.argv[1:])
