"""The steps of the pipeline, each a plain function that can be tested by itself."""

from statistics import mean, stdev


def clean(lines, least):
    """The values of `name,value` lines, those below `least` left out."""
    values = [float(line.split(",")[1]) for line in lines if line.strip()]
    return [value for value in values if value >= least]


def summarise(values):
    """Count, mean and spread."""
    if not values:
        raise SystemExit("no value is left; take a smaller `least`")
    return {"count": len(values), "mean": mean(values), "stdev": stdev(values) if len(values) > 1 else 0.0}
