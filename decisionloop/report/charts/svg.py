"""The few SVG elements that the charts are drawn with; every text is escaped, every number finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

# Characters that XML 1.0 cannot hold would make the whole drawing unreadable.
_UNREADABLE = {code: None for code in range(32) if code not in {9, 10, 13}} | {0xFFFE: None, 0xFFFF: None}
EM = 0.56  # mean advance of a character of the page's sans-serif, in font sizes


@dataclass(frozen=True)
class Scale:
    """A linear map from data [low, high] to drawing units [start, end]; values outside are clamped."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The drawing coordinate of ``value``."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def ticks(low: float, high: float, wanted: int = 4) -> tuple[float, ...]:
    """Round numbers (1, 2 or 5 times a power of ten) that cover [low, high], about ``wanted`` steps."""
    if high - low < 1e-9 * max(1.0, abs(low), abs(high)):
        low, high = low - 0.5, low + 0.5
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(i * step, 12) for i in range(first, last + 1))


def number(value: float) -> str:
    """A coordinate with one decimal. Raises ValueError when it is not finite."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a coordinate; leave the mark out instead")
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def readable(text: str) -> str:
    """The text without characters that XML cannot hold."""
    kept = text.translate(_UNREADABLE)
    return kept.encode("utf-8", "ignore").decode("utf-8")


def length(text: str, size: float = 12) -> float:
    """About how wide a text is at a font size, rather too wide than too narrow."""
    return len(text) * size * EM


def shortened(text: str, width: float, size: float = 12) -> str:
    """The text cut with an ellipsis so that it fits ``width`` at a font size."""
    most = max(1, int(width / (size * EM)))
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def text(x: float, y: float, content: str, css: str = "label", anchor: str = "start") -> Markup:
    """A text; ``anchor`` is start, middle or end."""
    place = f'x="{number(x)}" y="{number(y)}" class="{css}" text-anchor="{anchor}"'
    return Markup(f"<text {place}>{{}}</text>").format(readable(content))


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A straight line."""
    ends = " ".join(f'{k}="{number(v)}"' for k, v in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)))
    return Markup(f'<line {ends} class="{css}"/>')


def rect(x: float, y: float, width: float, height: float, css: str) -> Markup:
    """A rectangle."""
    sides = (("x", x), ("y", y), ("width", max(0.0, width)), ("height", max(0.0, height)))
    return Markup(f'<rect {" ".join(f"{k}={chr(34)}{number(v)}{chr(34)}" for k, v in sides)} class="{css}"/>')


def circle(x: float, y: float, radius: float, css: str) -> Markup:
    """A circle."""
    return Markup(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" class="{css}"/>')


def diamond(x: float, y: float, radius: float, css: str) -> Markup:
    """A square on its corner."""
    corners = ((x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y))
    return Markup(f'<polygon points="{_points(corners)}" class="{css}"/>')


def area(points: Sequence[tuple[float, float]], css: str) -> Markup:
    """A closed shape through points."""
    return Markup(f'<polygon points="{_points(points)}" class="{css}"/>')


def path(points: Sequence[tuple[float, float]], css: str) -> Markup:
    """A line through points."""
    return Markup(f'<polyline points="{_points(points)}" class="{css}"/>')


def cross(x: float, y: float, radius: float, css: str) -> Markup:
    """An x-shaped mark."""
    return line(x - radius, y - radius, x + radius, y + radius, css) + line(
        x - radius, y + radius, x + radius, y - radius, css
    )


def whisker(x: float, low: float, high: float, css: str) -> Markup:
    """A vertical interval with short caps, between two drawing coordinates."""
    caps = line(x - 3, low, x + 3, low, css) + line(x - 3, high, x + 3, high, css)
    return line(x, low, x, high, css) + caps


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


def drawing(name: str, title: str, description: str, size: tuple[float, float], marks: Iterable[Markup]) -> str:
    """An SVG of ``size`` (width, height) with an accessible title and description; ids start with ``name``."""
    width, height = size
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" role="img" '
        f'aria-labelledby="{escape(name)}-title {escape(name)}-desc" preserveAspectRatio="xMinYMin meet">'
    )
    heading = Markup('<title id="{0}-title">{1}</title><desc id="{0}-desc">{2}</desc>').format(
        name, readable(title), readable(description)
    )
    return str(Markup(opening) + heading + Markup("").join(marks) + Markup("</svg>"))
