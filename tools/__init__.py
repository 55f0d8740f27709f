"""Programs that measure and attack ptrack: not part of the product."""
