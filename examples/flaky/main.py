"""Fetches something from a service that is busy for the first few times it is asked."""

import os


class Busy(Exception):
    """The service has no time now."""


def fetch(attempt, failures):
    if attempt <= failures:
        raise Busy(f"attempt {attempt} was turned away; the service has time from attempt {failures + 1} on")
    return "forty-two"


attempt = int(os.environ.get("RIGI_ATTEMPT", "1"))
failures = int(os.environ.get("failures", "2"))
print(f"attempt {attempt}: asking …")
answer = fetch(attempt, failures)
print(f"attempt {attempt}: the answer is {answer}")
