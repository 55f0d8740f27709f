"""A URLconf that can't be imported."""

raise RuntimeError("this URLconf is broken")
