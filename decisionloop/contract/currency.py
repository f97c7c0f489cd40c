"""The sign of a currency: one for the page, the gate's reasons and whoever else words money."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"
SYMBOLS = {"NTD": "NT$", "TWD": "NT$", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "AUD": "A$"}


def symbol(currency: str) -> str:
    """The sign of a currency by its code, or the code followed by a space."""
    return SYMBOLS.get(currency.upper(), f"{currency}\u00a0" if currency else "")


def signed(money: float, currency: str) -> str:
    """Money with its sign before it, to the hundredth."""
    return f"{MINUS if money < 0 else '+'}{symbol(currency)}{abs(money):,.2f}"
