"""Numbers as people read them: one way to write a count, a duration, a price and a share, everywhere."""

from __future__ import annotations

from datetime import datetime

_GIB = 1024**3
_MIB = 1024**2


def count(value: int) -> str:
    """Return a whole number with separators: `17,000`."""
    return f"{value:,}"


def plural(value: int, word: str) -> str:
    """Return a number with its word: `1 file`, `12 files`."""
    return f"{value:,} {word}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: `5 h 36 m`, `4 m 10 s`, `12 s`."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} m"
    if minutes:
        return f"{minutes} m {secs:02} s"
    return f"{secs} s"


def money(usd: float) -> str:
    """Return an amount in US dollars: `$6.10`; fractions of a cent keep four digits."""
    return f"${usd:,.4f}" if 0 < usd < 0.01 else f"${usd:,.2f}"


def share(part: float, whole: float) -> str:
    """Return a share in whole per cent, or `—` where the whole is nothing."""
    return f"{100 * part / whole:.0f} %" if whole else "—"


def percent(value: float) -> str:
    """Return a number in 0..1 as whole per cent: `81 %`."""
    return f"{100 * value:.0f} %"


def size(value: float) -> str:
    """Return bytes in the unit that a person would choose: `269 MB`, `1.4 GB` (of 1,024s)."""
    return f"{value / _GIB:.1f} GB" if value >= _GIB else f"{value / _MIB:,.0f} MB"


def rate(per_second: float, unit: str) -> str:
    """Return a rate in the larger of `/s` and `/min` that keeps it readable: `38/min`, `304 tokens/s`."""
    if per_second >= 2:
        return f"{per_second:,.0f} {unit}/s" if unit else f"{per_second:,.0f}/s"
    return f"{per_second * 60:,.0f} {unit}/min" if unit else f"{per_second * 60:,.0f}/min"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long before `now` the moment was, in one unit: `2 h ago`, `just now`."""
    seconds = (now - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for length, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= length:
            return f"{int(seconds // length)} {name} ago"
    return "just now"


def bar(done: float, total: float, width: int) -> str:
    """Return a progress bar of exactly `width` cells in eighths of a cell, dots for what is left."""
    if width <= 0:
        return ""
    filled = max(0.0, min(1.0, done / total if total else 0.0)) * width
    whole = int(filled)
    part = int((filled - whole) * 8)
    text = "█" * whole + (" ▏▎▍▌▋▊▉"[part] if part else "")
    return text + "·" * (width - len(text))
