"""What ptrack is without any framework: no Django, no WebOb, no settings."""
