"""A search for secrets in response times: ``make timing``."""
