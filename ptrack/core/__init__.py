"""The part of ptrack that needs no framework: no Django, no WebOb, no settings."""
