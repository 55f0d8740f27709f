"""Bridges to other packages: imported on demand, each needs the package of its name."""
