"""Peers that cannot live beside our pins, in an environment of their own; we and they talk through files and lines."""
