"""Kerascope finds Keras layers whose weights are not tracked, built, trained or saved."""

__version__ = "0.1.0"
