"""``{% load ptrack %}``."""
