"""Carbon dioxide at Mauna Loa: the trend behind the seasons, and how fast it rises.

The data ships in statsmodels: weekly means in parts per million from March 1958 to December 2001 (C. D. Keeling and
T. P. Whorf, Scripps Institution of Oceanography). Runs under Rigi and, with `python main.py`, without it.
"""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.datasets import co2
from statsmodels.tsa.seasonal import STL

from plot import draw

WEEKS = 52
BLOCK = 2 * WEEKS
LONG_GAP = 8


def main():
    start, end, degree, resamples = parameters()
    outputs = Path(os.environ.get("RIGI_OUTPUTS", "outputs"))
    outputs.mkdir(exist_ok=True)

    measured = read(start, end)
    filled = fill(measured)

    print("taking the seasons out …")
    parts = STL(filled, period=WEEKS, robust=True).fit()
    seasons = parts.seasonal.groupby(parts.seasonal.index.month).mean()
    swing = seasons.max() - seasons.min()
    print(f"the seasons swing by {swing:.1f} ppm, highest in {month(seasons.idxmax())}")

    print(f"fitting a curve of degree {degree} …")
    curve, rate = fit(parts.trend, degree)
    print(f"the trend rises by {rate:.2f} ppm a year at the end")

    band, rates = resample(parts, curve, degree, resamples)
    low, high = np.quantile(rates, [0.025, 0.975])
    print(f"95 % of the resamples lie between {low:.2f} and {high:.2f} ppm a year")

    table = pd.DataFrame(
        {
            "measured": measured,
            "filled": filled,
            "trend": parts.trend,
            "seasonal": parts.seasonal,
            "rest": parts.resid,
            "curve": curve,
            "low": band[0],
            "high": band[1],
        }
    )
    table.index.name = "week"
    table.to_parquet(outputs / "table.parquet")
    summary = {
        "weeks": int(measured.notna().sum()),
        "missing": int(measured.isna().sum()),
        "first": str(measured.index[0].date()),
        "last": str(measured.index[-1].date()),
        "trend_first_ppm": round(float(parts.trend.iloc[0]), 2),
        "trend_last_ppm": round(float(parts.trend.iloc[-1]), 2),
        "rise_ppm_per_year": round(float(rate), 3),
        "rise_low": round(float(low), 3),
        "rise_high": round(float(high), 3),
        "seasonal_swing_ppm": round(float(swing), 2),
        "degree": degree,
    }
    (outputs / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    note(type="metric", name="rise_ppm_per_year", value=summary["rise_ppm_per_year"])

    print("drawing …")
    draw(table, seasons, summary, outputs / "trend.png")
    print("done: trend.png, table.parquet, summary.json")


def parameters():
    """What the run was given; the defaults here are for a start without Rigi."""
    given = {}
    if path := os.environ.get("RIGI_PARAMS"):
        given = json.loads(Path(path).read_text())
    start, end = given.get("start", 1958), given.get("end", 2001)
    if end < start + 2:
        raise SystemExit(f"`end` is {end} and `start` is {start}: seasons need three years or more")
    return start, end, given.get("degree", 2), given.get("resamples", 40)


def read(start, end):
    """The weekly measurements of these years; missing weeks are NaN."""
    weeks = co2.load_pandas().data["co2"].loc[str(start) : str(end)]
    print(f"{weeks.notna().sum():,} weeks read, {weeks.isna().sum()} missing")
    return weeks


def fill(weeks):
    """Fills missing weeks from their neighbours in time."""
    missing = weeks.isna()
    gaps = missing.groupby((~missing).cumsum()).sum()
    longest = int(gaps.max())
    if longest > LONG_GAP:
        begin = weeks.index[(~missing).cumsum() == gaps.idxmax()][1]
        warnings.warn(
            f"a gap of {longest} weeks from {begin.date()} is filled by a straight line", RuntimeWarning, stacklevel=2
        )
    return weeks.interpolate("time").bfill()


def fit(trend, degree):
    """A polynomial through the trend; and its slope at the end, per year."""
    years = np.asarray((trend.index - trend.index[0]).days) / 365.25
    polynomial = np.polynomial.Polynomial.fit(years, trend.to_numpy(), degree)
    return polynomial(years), polynomial.deriv()(years[-1])


def resample(parts, curve, degree, times):
    """Puts blocks of what the curve leaves over in random order, and fits again: a moving-block bootstrap."""
    random = np.random.default_rng(1958)
    left_over = (parts.trend - curve + parts.resid).to_numpy()
    block = min(BLOCK, len(left_over) // 2)
    curves, rates = [], []
    for number in range(1, times + 1):
        begins = random.integers(0, len(left_over) - block + 1, len(left_over) // block + 1)
        noise = np.concatenate([left_over[begin : begin + block] for begin in begins])[: len(left_over)]
        series = curve + parts.seasonal + noise
        fitted, rate = fit(STL(series, period=WEEKS).fit().trend, degree)
        curves.append(fitted)
        rates.append(rate)
        note(type="progress", current=number, total=times, message=f"resample {number} of {times}")
        if number % max(1, times // 5) == 0:
            print(f"{number} of {times} resamples")
    return np.quantile(curves, [0.025, 0.975], axis=0), rates


def month(number):
    return pd.Timestamp(2000, number, 1).strftime("%B")


def note(**fields):
    """Tells Rigi, where there is one."""
    if path := os.environ.get("RIGI_EVENTS"):
        with open(path, "a") as file:
            file.write(json.dumps(fields) + "\n")


if __name__ == "__main__":
    main()
