"""The databases that are measured: SQLite, and PostgreSQL where there is one. Each server gets an empty database."""

import itertools
import os
import shutil
import subprocess

from server import Server


class Place:
    def __init__(self, name, url=None):
        self.name, self.url = name, url
        self.numbers = itertools.count(1)
        #: No-op runs a second on an empty database, once they are measured.
        self.rate = None

    def server(self, bench, **more):
        return Server(bench.binary, bench.pipelines, database=self.schema(), **more)

    def schema(self):
        """The URL of an empty database; `None` for a file of the server's own."""
        return self.url and f"{self.url}?schema=bench{os.getpid()}_{next(self.numbers)}"

    def ask(self, sql):
        """The first field of what PostgreSQL answers."""
        out = subprocess.run(["psql", self.url, "-XAtqc", sql], check=True, capture_output=True, text=True)
        return out.stdout.strip()


def find_places(root):
    """The places, and the folder of a PostgreSQL that was started for this. RIGI_BENCH_POSTGRES names another one."""
    places, cluster, url = [Place("SQLite")], None, os.environ.get("RIGI_BENCH_POSTGRES")
    if not url and shutil.which("psql"):
        # As it comes from the box: commits are as durable as SQLite's.
        said = subprocess.run([root / "tests" / "postgres.sh", "start"], capture_output=True, text=True)
        if said.returncode == 0:
            cluster, url = said.stdout.split()[-2:]
    if url:
        places.append(Place("PostgreSQL", url))
    return places, cluster


def on_each(measure):
    """A measure that is taken once per database."""

    def on_all(bench):
        for place in bench.places:
            measure(bench, place)
        if len(bench.places) == 1:
            bench.figures.missing(f"{measure.__name__}, PostgreSQL", "no server: RIGI_BENCH_POSTGRES, or install postgresql")

    on_all.__name__ = measure.__name__
    return on_all
