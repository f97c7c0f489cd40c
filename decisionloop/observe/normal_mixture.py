"""What a growing sample makes of a bet that its mean is above nought, where the mean is as good as normal.

Let v be the mean of what is known by now and s its standard error. Had the true mean been m > 0 instead of nought, v
would be exp((m v - m^2 / 2) / s^2) times as likely. Averaged over a half-normal m of scale t this is the capital

    2 / sqrt(1 + r) exp(r z^2 / (2 (1 + r))) Phi(z sqrt(r / (1 + r))),     z = v / s,  r = t^2 / s^2,

of somebody who began with 1 (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021, the one-sided normal mixture).
With a mean of nought or less it ever reaches 1 / a with a probability of about a at most, however often it is looked
at, as the sample grows large (Waudby-Smith, Arbel, Sinha and Ramdas 2024). That is no promise about small samples:
where one is needed, `observe.betting` makes it.
"""

from __future__ import annotations

import math

from scipy.special import log_ndtr

LARGEST = 1e100
"""A capital beyond this is told as this."""


def mixture_capital(value: float, error: float, scale: float) -> float:
    """The capital, of a mean ``value`` with a standard ``error``, in the unit of ``scale``; 1 where they tell nothing.

    ``scale``: about how large a gain is worth finding. It is set before the first of these data are seen.
    """
    if not scale > 0 or not math.isfinite(error):
        return 1.0
    if error <= 0:
        return LARGEST if value > 0 else 1.0
    ratio = (scale / error) ** 2
    z, part = value / error, ratio / (1 + ratio)
    grown = math.log(2) - 0.5 * math.log1p(ratio) + 0.5 * part * z**2 + float(log_ndtr(z * math.sqrt(part)))
    return min(math.exp(min(grown, math.log(LARGEST))), LARGEST)
