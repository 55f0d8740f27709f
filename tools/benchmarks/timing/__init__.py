"""What a stranger can tell from how long an answer takes: ``make timing``."""
