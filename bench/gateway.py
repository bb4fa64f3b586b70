#!/usr/bin/env python3
"""The server as a bucket beside MinIO, in turns in one run: large files, small ones, a list of 5,000 keys.

    MINIO="ADDRESS KEY SECRET" RIGI_BIN=BINARY VENV/bin/python bench/gateway.py

VENV is what `tests/storage/run.sh` makes; `tests/minio.sh start` says the rest. Ratios count: machines are noisy.
"""
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "storage"))
from bed import Bed

LARGE = int(os.environ.get("MIB", "256")) << 20
SMALL = 300
KEYS = 5000
ROUNDS = 3


class Place:
    def __init__(self, name, s3, bucket, base):
        self.name, self.s3, self.bucket, self.base = name, s3, bucket, base
        self.seen = {}

    def note(self, what, value):
        self.seen.setdefault(what, []).append(value)

    def large(self, path):
        how = TransferConfig(multipart_chunksize=16 << 20, max_concurrency=4)
        began = time.perf_counter()
        self.s3.upload_file(path, self.bucket, self.base + "large", Config=how)
        self.note("write, MB/s", LARGE / 1e6 / (time.perf_counter() - began))
        began = time.perf_counter()
        body = self.s3.get_object(Bucket=self.bucket, Key=self.base + "large")["Body"]
        while body.read(1 << 20):
            pass
        self.note("read, MB/s", LARGE / 1e6 / (time.perf_counter() - began))

    def small(self):
        for what, call in {
            "write 4 KiB, ms": lambda n: self.s3.put_object(Bucket=self.bucket, Key=f"{self.base}small/{n}", Body=b"x" * 4096),
            "read 4 KiB, ms": lambda n: self.s3.get_object(Bucket=self.bucket, Key=f"{self.base}small/{n}")["Body"].read(),
        }.items():
            times = []
            for number in range(SMALL):
                began = time.perf_counter()
                call(number)
                times.append((time.perf_counter() - began) * 1000)
            self.note(what, statistics.median(times))

    def fill(self):
        put = lambda n: self.s3.put_object(Bucket=self.bucket, Key=f"{self.base}many/{n:05}", Body=b"")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(KEYS)))

    def list(self):
        began = time.perf_counter()
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.base + "many/")
        assert sum(page["KeyCount"] for page in pages) == KEYS
        self.note(f"list {KEYS} keys, ms", (time.perf_counter() - began) * 1000)


def main():
    address, key, secret = os.environ["MINIO"].split()
    minio = boto3.client("s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
    minio.create_bucket(Bucket="bench")
    bed = Bed({"gateway": "on"})
    try:
        places = [Place("MinIO", minio, "bench", "uploads/"), Place("Rigi", bed.s3(bed.key("lab", "bench", "--write")), "rigi", "lab/uploads/")]
        path = bed.root / "large"
        with open(path, "wb") as file:
            for _ in range(LARGE >> 20):
                file.write(os.urandom(1 << 20))
        for place in places:
            place.fill()
        for _ in range(ROUNDS):
            for place in places:
                place.large(str(path))
                place.small()
                place.list()
    finally:
        bed.close()
    other, own = (place.seen for place in places)
    for what in other:
        theirs, ours = statistics.median(other[what]), statistics.median(own[what])
        ratio = ours / theirs if what.endswith("MB/s") else theirs / ours
        print(f"{what:24} MinIO {theirs:8.1f}   Rigi {ours:8.1f}   {ratio:5.2f} of its speed")


if __name__ == "__main__":
    main()
