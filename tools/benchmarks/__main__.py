"""``python -m tools.benchmarks``."""

from .run import main

raise SystemExit(main())
