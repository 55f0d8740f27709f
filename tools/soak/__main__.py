"""``python -m tools.soak``."""

from .run import main

raise SystemExit(main())
