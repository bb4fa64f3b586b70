"""Large files of which previews are measured (`bench/previews.mjs`): `python bench/previews.py FOLDER [GIB]`, with pyarrow and numpy."""
import sys
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

ROWS = 1 << 20


def parquet(path, size):
    random = numpy.random.default_rng(1)
    names = pyarrow.array([f"station {i % 977}" for i in range(ROWS)])
    writer, number = None, 0
    while writer is None or path.stat().st_size < size:
        columns = {"id": numpy.arange(number * ROWS, (number + 1) * ROWS), "name": names, "flag": random.integers(0, 2, ROWS).astype(bool)}
        columns |= {f"x{i}": random.normal(size=ROWS) for i in range(6)}
        table = pyarrow.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
        number += 1
    writer.close()


def repeated(path, size, head, lines, end=b""):
    block = b"".join(lines)
    with path.open("wb") as file:
        file.write(head)
        while file.tell() < size:
            file.write(block)
        file.write(end)


def main():
    folder, size = Path(sys.argv[1]), int(float(sys.argv[2] if len(sys.argv) > 2 else 4) * 2**30)
    folder.mkdir(parents=True, exist_ok=True)
    parquet(folder / "large.parquet", size)
    rows = (b"%d,station %d,%.6f,2024-05-01T12:%02d:00\n" % (i, i % 977, i / 7, i % 60) for i in range(200_000))
    repeated(folder / "large.csv", size, b"id,name,level,at\n", rows)
    values = (b'{"id":%d,"name":"station %d","values":[1.5,2.5,null],"more":{"a":true}},\n' % (i, i % 977) for i in range(100_000))
    repeated(folder / "large.json", size // 4, b"[\n", values, b'{"id":-1}]\n')


if __name__ == "__main__":
    main()
