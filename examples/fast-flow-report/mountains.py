"""Reads the mountains that lie beside this file."""

import csv


def read(path="data/mountains.csv"):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return sorted(rows, key=lambda row: int(row["metres"]), reverse=True)
