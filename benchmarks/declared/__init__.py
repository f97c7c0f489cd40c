"""Declared beside realised error of every interval and alarm. A module here with `ROWS` adds its rows to the table."""
