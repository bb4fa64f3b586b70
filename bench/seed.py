#!/usr/bin/env python3
"""Fills a database with very many ended runs, so that what grows can be measured in a minute instead of an hour.

    bench/seed.py DATABASE COUNT     DATABASE is the file of SQLite, or postgres://…

The database holds ended runs already: real ones, of a server that is stopped. Each is copied in turn, with an id and times of
its own, over the month before the first of them; its attempts, logs, events, labels and files go with it. So what is made is
as varied as what was run, and refers to nothing that is not there. Indexes are dropped meanwhile and built anew.
"""

import os
import sqlite3
import subprocess
import sys
import time

ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SPAN = 30 * 86_400_000_000
#: How far apart the events of two runs are numbered: no run of a bench has more.
EVENTS = 64
#: A vacuum finds what is left free at the end of each page, and the next rows go there: into another page each, which
#: PostgreSQL writes to its log as a whole. A server that has grown for a month has filled those places long ago, but for
#: those since the last vacuum. So the last tenth of the rows is made after one.
VACUUM = "COMMIT; VACUUM; BEGIN"


def ids(first, step, count):
    """Ids of runs from a time on (microseconds), `step` apart, each with its time."""
    table = bytes(ALPHABET[n % 32] for n in range(256))
    tails = os.urandom(16 * count).translate(table).decode()
    head, known = None, None
    for n in range(count):
        at = first + n * step
        millis = at // 1000
        if millis != known:
            known = millis
            head = "run_" + bytes(ALPHABET[millis >> shift & 31] for shift in range(45, -1, -5)).decode()
        yield n, head + tails[16 * n : 16 * n + 16], at


def texts(tables, indexes, first_event, parts, between=None):
    """The same statements for both databases. `seeds` holds number, id and time of what is to be made; `parts` of it are
    made one after the other, with a statement `between` them."""
    yield (
        "CREATE TEMPORARY TABLE templates AS SELECT row_number() OVER (ORDER BY id) - 1 AS place, id, created_at "
        "FROM runs WHERE ended_at IS NOT NULL"
    )
    yield (
        "CREATE TEMPORARY TABLE copies AS SELECT s.n, s.id, t.id AS template, s.at - t.created_at AS later "
        "FROM seeds s JOIN templates t ON t.place = s.n % (SELECT COUNT(*) FROM templates)"
    )
    for table, names in tables.items():
        key = key_of(table)
        turn = f"row_number() OVER (PARTITION BY {key} ORDER BY {names[0]}) AS turn"
        yield f"CREATE TEMPORARY TABLE of_{table} AS SELECT *, {turn} FROM {table} WHERE {key} IN (SELECT id FROM templates)"
        yield f"CREATE INDEX of_{table}_by_run ON of_{table} ({key})"
    yield from (f"DROP INDEX {name}" for name, _ in indexes)
    for low, high in parts:
        for table, names in tables.items():
            key = key_of(table)
            values = ", ".join(value(table, name, first_event) for name in names)
            yield (
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "
                f"FROM copies c CROSS JOIN of_{table} o WHERE o.{key} = c.template AND c.n >= {low} AND c.n < {high}"
            )
        if high < parts[-1][1]:
            yield between
    yield from (sql for _, sql in indexes)


def key_of(table):
    return "id" if table == "runs" else "run"


def value(table, name, first_event):
    if name == key_of(table):
        return "c.id"
    if table == "events" and name == "id":
        return f"{first_event} + c.n * {EVENTS} + o.turn"
    if name == "at" or name.endswith("_at"):
        return f"o.{name} + c.later"
    return f"o.{name}"


def of_run(tables):
    """Those that belong to runs, each with its columns; what others refer to comes first."""
    return {"runs": tables["runs"]} | {table: names for table, names in tables.items() if "run" in names}


def first_of(oldest, count):
    step = SPAN // count
    return oldest - step * (count + 1), step


def seed_sqlite(file, count):
    db = sqlite3.connect(file, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -262144", "temp_store = MEMORY", "foreign_keys = OFF"):
        db.execute(f"PRAGMA {pragma}")
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = {name: [column for (column,) in db.execute("SELECT name FROM pragma_table_info(?)", (name,))] for name in names}
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN (%s)" % ", ".join(f"'{name}'" for name in of_run(tables)))
    indexes = indexes.fetchall()
    oldest, first_event = db.execute("SELECT (SELECT MIN(created_at) FROM runs WHERE ended_at IS NOT NULL), (SELECT COALESCE(MAX(id), 0) + 1 FROM events)").fetchone()
    first, step = first_of(oldest, count)
    db.execute("BEGIN")
    db.execute("CREATE TEMPORARY TABLE seeds (n INTEGER PRIMARY KEY, id TEXT, at INTEGER)")
    db.executemany("INSERT INTO seeds VALUES (?, ?, ?)", ids(first, step, count))
    for text in texts(of_run(tables), indexes, first_event, [(0, count)]):
        db.execute(text)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def seed_postgres(url, count):
    url, _, schema = url.partition("?schema=")
    schema = schema or "public"

    def ask(sql):
        out = subprocess.run(["psql", url, "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", f'SET search_path = "{schema}"', "-c", sql], check=True, capture_output=True, text=True)
        return [line.split("\t") for line in out.stdout.splitlines()]

    tables = {}
    for table, column in ask(f"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = '{schema}' ORDER BY table_name, ordinal_position"):
        tables.setdefault(table, []).append(column)
    wanted = ", ".join(f"'{name}'" for name in of_run(tables))
    indexes = ask(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = '%s' AND tablename IN (%s) "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)" % (schema, wanted)
    )
    ((oldest, first_event),) = ask("SELECT (SELECT MIN(created_at) FROM runs WHERE ended_at IS NOT NULL), (SELECT COALESCE(MAX(id), 0) + 1 FROM events)")
    first, step = first_of(int(oldest), count)
    psql = subprocess.Popen(["psql", url, "-Xq", "-v", "ON_ERROR_STOP=1"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    say = psql.stdin.write
    # References are right by construction; checking each of some million rows would take longer than writing them.
    say(f"SET search_path = \"{schema}\"; SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'; SET work_mem = '128MB';\nBEGIN;\n")
    say("CREATE TEMPORARY TABLE seeds (n BIGINT PRIMARY KEY, id TEXT, at BIGINT);\nCOPY seeds FROM STDIN;\n")
    for seed in ids(first, step, count):
        say("%d\t%s\t%d\n" % seed)
    say("\\.\n")
    for text in texts(of_run(tables), indexes, int(first_event), [(0, count * 9 // 10), (count * 9 // 10, count)], VACUUM):
        say(f"{text};\n")
    say("COMMIT;\nVACUUM ANALYZE;\nCHECKPOINT;\n")
    psql.stdin.close()
    if psql.wait() != 0:
        raise RuntimeError("the rows cannot be written into PostgreSQL")


def seed(database, count):
    """Returns the seconds that it took."""
    begin = time.monotonic()
    (seed_postgres if "://" in str(database) else seed_sqlite)(str(database), count)
    return time.monotonic() - begin


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(f"{int(sys.argv[2]):,} runs in {seed(sys.argv[1], int(sys.argv[2])):.0f} s")
