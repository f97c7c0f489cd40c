"""Servers that answer one request at a time, each in a process of its own, and what they are asked."""
