"""Nested latents as approximators of autoregressive models: rates on sources of known entropy.

Paper nested-latents, section 2.4 and equation (4): an autoregressive model decodes component after
component, each given those before. A chain of latents can do the same where each level holds what
the level above it held (a copy, which costs nothing) and one component more; with as many levels
as components, and the same conditionals, the two are one model. Here a long sequence is decoded in
L parallel steps, a level each, and the rate is compared with the source's own, which takes a step
a symbol.

The conditionals are Gaussians fitted to a training sequence: with a scale from the level above
and a mean of zero, as the paper has them, or with a free mean beside it. The topmost level has a
trained factorized density. Bits are counted on another sequence of the same source, of whole
numbers, as -log2 of the mass in their bins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtr

from models.evaluation import environment

LENGTH = 2**15  # symbols to learn from, and to count
BURN_IN = 1000
CONTEXT = 4  # nearest decoded symbols on each side that a symbol is predicted from
PAST = 8  # symbols that the autoregressive model predicts from
LEAST_MASS = 1e-12

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """A process whose symbols tell each other's means, scales, or both, in whole numbers.

    x_t = c_1 x_t-1 + c_2 x_t-2 + ... + s_t e_t, with e_t Gaussian and
    s_t^2 = level + a_1 x_t-1^2 + a_2 x_t-2^2 + ..., rounded at the end. With
    ``squares`` empty it is a Gaussian AR process, with ``coefficients`` empty an ARCH process,
    whose symbols tell each other's scales and nothing else.
    """

    name: str
    title: str
    coefficients: tuple[float, ...]
    squares: tuple[float, ...]
    level: float

    def draw(self, length: int, seed: int) -> Values:
        """So many symbols in a row, whole numbers, (length,)."""
        noise = np.random.default_rng(seed).standard_normal(BURN_IN + length)
        order = max(len(self.coefficients), len(self.squares))
        x = [0.0] * order
        for e in noise:
            mean = sum(c * x[-1 - lag] for lag, c in enumerate(self.coefficients))
            variance = sum(a * x[-1 - lag] ** 2 for lag, a in enumerate(self.squares))
            x.append(mean + (self.level + variance) ** 0.5 * float(e))
        return np.round(np.array(x[-length:]))

    def own_bits(self, x: Values) -> Values:
        """Bits of each symbol, given all before, by the source's own law; the first few left out.

        The symbols' rounding is neglected: it is fine against the scales.
        """
        now, past = at(x, 1, [0], list(range(-1, -1 - PAST, -1)))
        mean = past[:, : len(self.coefficients)] @ np.array(self.coefficients)
        variance = self.level + past[:, : len(self.squares)] ** 2 @ np.array(self.squares)
        return gaussian_bits(now - mean, np.sqrt(variance))


SOURCES = (
    Source("ar", "Gaussian AR(2) source", (1.35, -0.4), (), 64.0),
    Source("arch", "ARCH(3) source", (), (0.45, 0.3, 0.2), 40.0),
)

Steps = list[tuple[list[int], list[int]]]
"""What is decoded in each step: residues modulo the period, and offsets of what it is given."""


def one_after_another(levels: int) -> tuple[int, Steps]:
    """Period and steps of a chain that decodes a component a level, in the signal's own order.

    The sequence is cut into runs of ``levels`` symbols; level l decodes the l-th of every run.
    """
    return levels, [([k], _nearest(levels, [(r - k) for r in range(k)])) for k in range(levels)]


def coarse_to_fine(levels: int) -> tuple[int, Steps]:
    """Period and steps of a chain whose every level doubles the density of what is known."""
    period = 2 ** (levels - 1)
    steps: Steps = [([0], [])]
    for level in range(1, levels):
        stride = period >> level
        new = list(range(stride, period, 2 * stride))
        steps.append((new, _nearest(2 * stride, [stride])))
    return period, steps


ORDERS: dict[str, Callable[[int], tuple[int, Steps]]] = {
    "one_after_another": one_after_another,
    "coarse_to_fine": coarse_to_fine,
}
LEVELS = {"one_after_another": (1, 2, 3, 4, 6, 8, 12), "coarse_to_fine": (1, 2, 3, 4, 5, 6)}


def _nearest(period: int, known: list[int]) -> list[int]:
    """The nearest CONTEXT offsets on each side, of those that are ``known`` modulo the period."""
    residues = {offset % period for offset in known}
    reach = range(1, CONTEXT * period + 1)
    found = [
        [side * d for d in reach if side * d % period in residues][:CONTEXT] for side in (-1, 1)
    ]
    return found[0] + found[1]


def evaluate() -> dict[str, Any]:
    """All sources, orders and numbers of levels; bits a symbol, JSON-able."""
    return {
        "length": LENGTH,
        "context": CONTEXT,
        "past": PAST,
        "sources": [_compare(source) for source in SOURCES],
        "versions": environment.versions(),
    }


def _compare(source: Source) -> dict[str, Any]:
    train, test = (source.draw(LENGTH, seed) for seed in (0, 1))
    past = list(range(-1, -1 - PAST, -1))
    own = source.own_bits(test)
    runs = []
    for order, layout in ORDERS.items():
        for free_means in (False, True):
            for levels in LEVELS[order]:
                period, steps = layout(levels)
                spent = nested_bits(train, test, period, steps, free_means=free_means)
                runs.append(
                    {
                        "order": order,
                        "free_means": free_means,
                        "levels": levels,
                        "bits": round(sum(spent), 4),
                        "bits_by_level": [round(bits, 4) for bits in spent],
                    }
                )
    autoregressive = {
        name: round(_fitted_bits(train, test, 1, [0], past, free_means=free), 4)
        for name, free in (("zero_means", False), ("free_means", True))
    }
    return {
        "name": source.name,
        "title": source.title,
        "entropy_rate": round(float(own.mean()), 4),
        "autoregressive": autoregressive,
        "runs": runs,
    }


def nested_bits(
    train: Values, test: Values, period: int, steps: Steps, *, free_means: bool
) -> list[float]:
    """Bits a symbol of each level of a chain, the topmost first; they add up to its rate."""
    return [
        len(residues)
        / period
        * _fitted_bits(train, test, period, residues, offsets, free_means=free_means)
        for residues, offsets in steps
    ]


def _fitted_bits(
    train: Values,
    test: Values,
    period: int,
    residues: list[int],
    offsets: list[int],
    *,
    free_means: bool,
) -> float:
    """Mean bits of the symbols at some residues, given those at some offsets from them."""
    if not offsets:
        x, y = (at(sequence, period, residues, offsets)[0] for sequence in (train, test))
        return float(Factorized(x).bits(y).mean())
    conditional = Conditional(*at(train, period, residues, offsets), free_means=free_means)
    return float(conditional.bits(*at(test, period, residues, offsets)).mean())


def at(x: Values, period: int, residues: list[int], offsets: list[int]) -> tuple[Values, Values]:
    """Symbols at residues modulo the period, (n,), and what lies at offsets from them, (n, k).

    Symbols without a whole context are left out.
    """
    margin = max((abs(offset) for offset in offsets), default=0)
    places = np.arange(margin, len(x) - margin)
    places = places[np.isin(places % period, residues)]
    return x[places], x[places[:, None] + np.array(offsets, int)[None]]


class Factorized:
    """A trained density for all symbols alike: a mixture of zero-mean Gaussians, fitted by EM."""

    def __init__(self, x: Values) -> None:
        self._scales = np.std(x) * 2.0 ** np.arange(-5, 4.1, 0.5)
        mass = self._mass(x)
        self._weights = np.full(len(self._scales), 1 / len(self._scales))
        for _ in range(100):
            shares = mass * self._weights
            self._weights = (shares / shares.sum(1, keepdims=True)).mean(0)

    def _mass(self, x: Values) -> Values:
        return np.maximum(_mass(x[:, None], self._scales), LEAST_MASS)

    def bits(self, x: Values) -> Values:
        """Bits of each of (n,) symbols."""
        bits: Values = -np.log2(self._mass(x) @ self._weights)
        return bits


class Conditional:
    """A Gaussian given a context: variance a_0 + sum a_j c_j^2, a mean linear in it or zero."""

    def __init__(self, x: Values, context: Values, *, free_means: bool) -> None:
        self._slopes: Values = np.zeros(context.shape[1])
        if free_means:
            self._slopes = np.linalg.lstsq(context, x, rcond=None)[0].astype(np.float64)
        self._variance = np.exp(self._fit(x - context @ self._slopes, context))

    @staticmethod
    def _fit(residual: Values, context: Values) -> Values:
        """Logarithms of a_0, a_1 ... of largest likelihood."""
        terms = np.column_stack([np.ones(len(residual)), context**2])
        power = residual**2

        def nats(logs: Values) -> tuple[float, Values]:
            a = np.exp(logs)
            variance = terms @ a
            ratio = power / variance
            slope = (0.5 * (1 - ratio) / variance) @ terms / len(terms) * a
            return float(0.5 * np.mean(np.log(variance) + ratio)), slope

        start = np.log(np.full(terms.shape[1], 0.5 / terms.shape[1]) * power.mean())
        start[1:] -= np.log((context**2).mean(0))
        # Less than e^-30 of a variance is nothing; without a bound the fit would go on downwards.
        bounds = [(one - 30, one + 10) for one in start]
        found: Values = minimize(nats, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return found

    def bits(self, x: Values, context: Values) -> Values:
        """Bits of each of (n,) symbols, given their contexts (n, k)."""
        variance = self._variance[0] + context**2 @ self._variance[1:]
        return gaussian_bits(x - context @ self._slopes, np.sqrt(variance))


def _mass(x: Values, scale: Values) -> Values:
    """Of a zero-mean Gaussian in the unit bin around x; they broadcast."""
    x = np.abs(x)
    found: Values = ndtr((0.5 - x) / scale) - ndtr((-0.5 - x) / scale)
    return found


def gaussian_bits(x: Values, scale: Values) -> Values:
    """-log2 of a zero-mean Gaussian's mass in the unit bin around x; they broadcast."""
    bits: Values = -np.log2(np.maximum(_mass(x, scale), LEAST_MASS))
    return bits
