"""Exercising kill switch and rollback by the steps that decide for real, in a process and a place of its own."""
