"""Exploring: what trying another action may lose, and how often it is tried within a budget in money."""
