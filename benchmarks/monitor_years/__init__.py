"""Simulated years of the retention offer, decided and watched in memory by the functions that the loop uses."""
