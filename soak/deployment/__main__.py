"""``python -m soak.deployment``."""

from .run import main

raise SystemExit(main())
