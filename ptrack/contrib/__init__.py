"""Bridges to other packages: imported on demand, each needs what it is named for."""
