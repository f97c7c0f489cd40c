"""Adverse impact: who gets the favourable action, counted, judged, explained, and when the plug is pulled."""
