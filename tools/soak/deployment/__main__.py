"""``python -m tools.soak.deployment``."""

from .run import main

raise SystemExit(main())
