"""Prints a table of mountains. Knows nothing of what runs it, but for its variables and the route that it may choose."""

import os
import sys

from tabulate import tabulate

import mountains

rows = mountains.read()
shown = rows[: int(os.environ["REPORT_ROWS"])]

print(os.environ["REPORT_TITLE"])
print()
print(
    tabulate(
        [(row["name"], int(row["metres"]), row["canton"], row["first_ascent"] or "unknown") for row in shown],
        headers=["Mountain", "Metres", "Canton", "First ascent"],
        tablefmt=os.environ["REPORT_FORMAT"],
    )
)
print()
print(f"{len(shown)} of {len(rows)} mountains, Python {sys.version_info.major}.{sys.version_info.minor}")

unknown = [row["name"] for row in rows if not row["first_ascent"]]
print(f"first ascent unknown: {', '.join(unknown)}", file=sys.stderr)

if route_file := os.environ.get("FASTFLOW_ROUTE_FILE"):
    with open(route_file, "w") as file:
        file.write("complete" if len(shown) == len(rows) else "shortened")
