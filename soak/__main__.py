"""``python -m soak``."""

from .run import main

raise SystemExit(main())
