#!/usr/bin/env python3
"""What runs and people may do with a project's files on each kind of storage, by the tools that people have.

RIGI_BIN names the binary; MINIO has address, key and secret of a MinIO; without it, only a folder is looked at.
"""
import os
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bed import ENV, Bed


def bucket_of(variable, name):
    """A fresh bucket, as keys of `[storage]`."""
    endpoint, key, secret = os.environ[variable].split()
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
    s3.create_bucket(Bucket=name)
    return {"url": f"s3://{name}/some/prefix", "endpoint": endpoint, "access_key_id": key, "secret_access_key": secret}


class Rights:
    """Twelve calls that are allowed and twelve that are refused, from inside a real run."""

    storage = {}

    def test_a_run_may_what_is_written_and_nothing_else(self):
        bed = Bed(self.storage | {"gateway": self.gateway})
        self.addCleanup(bed.close)
        bed.fill()
        left, other, log = bed.run("leave")
        self.assertTrue(left, log)
        well, _, log = bed.run("rights", "-p", f"other={other}", "-p", "foreign=other")
        self.assertIn("12 allowed, 12 refused, 0 not as written", log)
        self.assertTrue(well, log)
        checked = bed.rigi("storage", "check")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


class Folder(Rights, unittest.TestCase):
    gateway = "on"


@unittest.skipUnless("MINIO" in os.environ, "no MinIO")
class Gateway(Rights, unittest.TestCase):
    gateway = "always"

    @classmethod
    def setUpClass(cls):
        cls.storage = bucket_of("MINIO", "gateway")


@unittest.skipUnless("MINIO" in os.environ, "no MinIO")
class Sts(Rights, unittest.TestCase):
    gateway = "on"

    @classmethod
    def setUpClass(cls):
        cls.storage = bucket_of("MINIO", "sts")


class Tools(unittest.TestCase):
    """People's own tools, with a key."""

    @classmethod
    def setUpClass(cls):
        cls.bed = Bed({"gateway": "on"})
        cls.bed.fill()
        cls.key = cls.bed.key("lab", "tools", "--write")
        cls.reader = cls.bed.key("lab", "reader")

    @classmethod
    def tearDownClass(cls):
        cls.bed.close()

    def aws(self, *words, key=None):
        env = ENV | (key or self.key)
        command = [sys.executable, "-m", "awscli", "s3", *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)

    def test_aws_s3_copies_synchronises_moves_and_removes(self):
        folder = self.bed.root / "tree"
        (folder / "a b").mkdir(parents=True)
        (folder / "a b" / "ü.txt").write_text("one")
        (folder / "large.bin").write_bytes(os.urandom(20 << 20))
        sent = self.aws("sync", str(folder), "s3://rigi/lab/uploads/tree")
        self.assertEqual(sent.returncode, 0, sent.stderr)
        again = self.aws("sync", str(folder), "s3://rigi/lab/uploads/tree")
        self.assertEqual((again.returncode, again.stdout), (0, ""))
        back = self.bed.root / "back"
        self.assertEqual(self.aws("sync", "s3://rigi/lab/uploads/tree", str(back)).returncode, 0)
        self.assertEqual((back / "large.bin").read_bytes(), (folder / "large.bin").read_bytes())
        self.assertEqual((back / "a b" / "ü.txt").read_text(), "one")
        moved = self.aws("mv", "s3://rigi/lab/uploads/tree/large.bin", "s3://rigi/lab/uploads/moved.bin")
        self.assertEqual(moved.returncode, 0, moved.stderr)
        listed = self.aws("ls", "--recursive", "s3://rigi/lab/uploads/")
        self.assertIn("uploads/moved.bin", listed.stdout)
        self.assertNotIn("tree/large.bin", listed.stdout)
        self.assertEqual(self.aws("rm", "--recursive", "s3://rigi/lab/uploads/tree").returncode, 0)
        self.assertEqual(self.aws("ls", "s3://rigi/lab/uploads/tree/").returncode, 1)
        refused = self.aws("cp", "s3://rigi/lab/uploads/moved.bin", "s3://rigi/lab/blobs/x")
        self.assertIn("AccessDenied", refused.stderr)
        self.assertIn("this key reads", refused.stderr)

    def test_a_reader_writes_nothing_and_a_key_that_is_taken_back_opens_nothing(self):
        s3 = self.bed.s3(self.reader)
        self.assertEqual(s3.get_object(Bucket="rigi", Key="lab/uploads/a.csv")["Body"].read(), b"x,y\n3,4\n")
        with self.assertRaises(ClientError) as refused:
            s3.put_object(Bucket="rigi", Key="lab/uploads/b.csv", Body=b"x")
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDenied")
        link = s3.generate_presigned_url("get_object", Params={"Bucket": "rigi", "Key": "lab/uploads/a.csv"}, ExpiresIn=60)
        with urllib.request.urlopen(link) as answer:
            self.assertEqual(answer.read(), b"x,y\n3,4\n")
        gone = self.bed.key("lab", "gone")
        self.assertEqual(self.bed.rigi("storage", "key", "remove", "gone", "--project", "lab").returncode, 0)
        with self.assertRaises(ClientError) as refused:
            self.bed.s3(gone).list_objects_v2(Bucket="rigi", Prefix="lab/")
        self.assertEqual(refused.exception.response["Error"]["Code"], "InvalidAccessKeyId")

    def test_pyarrow_and_fsspec_read_and_write_tables(self):
        import pyarrow
        import pyarrow.fs
        import pyarrow.parquet
        import s3fs

        table = pyarrow.table({"n": list(range(1000)), "t": [f"row {n}" for n in range(1000)]})
        key = self.key
        arrow = pyarrow.fs.S3FileSystem(
            access_key=key["AWS_ACCESS_KEY_ID"], secret_key=key["AWS_SECRET_ACCESS_KEY"], region=key["AWS_REGION"],
            endpoint_override=key["AWS_ENDPOINT_URL"].removeprefix("http://"), scheme="http",
        )
        pyarrow.parquet.write_table(table, "rigi/lab/uploads/tables/t.parquet", filesystem=arrow)
        fs = s3fs.S3FileSystem(
            key=key["AWS_ACCESS_KEY_ID"], secret=key["AWS_SECRET_ACCESS_KEY"],
            client_kwargs={"endpoint_url": key["AWS_ENDPOINT_URL"], "region_name": key["AWS_REGION"]},
        )
        with fs.open("rigi/lab/uploads/tables/t.parquet", "rb") as file:
            self.assertTrue(pyarrow.parquet.read_table(file).equals(table))
        names = [info.path for info in arrow.get_file_info(pyarrow.fs.FileSelector("rigi/lab/uploads", recursive=True))]
        self.assertIn("rigi/lab/uploads/tables/t.parquet", names)

    def test_datasets_are_folders_to_read(self):
        folder = self.bed.root / "sea"
        (folder / "2024").mkdir(parents=True)
        (folder / "2024" / "a.csv").write_text("level\n1\n")
        (folder / "b.csv").write_text("level\n2\n")
        put = self.bed.rigi("data", "put", "sea/level", str(folder), "--project", "lab")
        self.assertEqual(put.returncode, 0, put.stderr)
        s3 = self.bed.s3(self.reader)
        base = "lab/datasets/sea/level@1/"
        self.assertEqual(s3.get_object(Bucket="rigi", Key=base + "2024/a.csv")["Body"].read(), b"level\n1\n")
        found = s3.list_objects_v2(Bucket="rigi", Prefix=base)["Contents"]
        self.assertEqual([one["Key"].removeprefix(base) for one in found], ["2024/a.csv", "b.csv"])
        above = s3.list_objects_v2(Bucket="rigi", Prefix="lab/", Delimiter="/")["CommonPrefixes"]
        self.assertEqual([one["Prefix"] for one in above], ["lab/datasets/", "lab/uploads/"])
        inner = s3.list_objects_v2(Bucket="rigi", Prefix="lab/datasets/sea/", Delimiter="/")["CommonPrefixes"]
        self.assertEqual([one["Prefix"] for one in inner], [base])
        with self.assertRaises(ClientError) as refused:
            self.bed.s3(self.key).put_object(Bucket="rigi", Key=base + "c.csv", Body=b"x")
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDenied")

    def test_pages_of_a_long_list_and_bad_keys(self):
        s3 = self.bed.s3(self.key)
        for number in range(25):
            s3.put_object(Bucket="rigi", Key=f"lab/uploads/many/{number:03}", Body=b"")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="rigi", Prefix="lab/uploads/many/", PaginationConfig={"PageSize": 10})
        pages = [[one["Key"][-3:] for one in page["Contents"]] for page in pages]
        self.assertEqual([len(page) for page in pages], [10, 10, 5])
        self.assertEqual(sum(pages, []), [f"{number:03}" for number in range(25)])
        for key in ["lab/uploads/../x", "lab/uploads//x", "lab/uploads/x/", "lab/uploads/" + "n" * 300, "lab/uploads/a.csv/below"]:
            with self.subTest(key), self.assertRaises(ClientError) as refused:
                s3.put_object(Bucket="rigi", Key=key, Body=b"x")
            self.assertIn(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], (400, 403))
        with self.assertRaises(ClientError) as refused:
            s3.put_object(Bucket="rigi", Key="lab/uploads/sum", Body=b"x", ChecksumSHA256="A" * 43 + "=")
        self.assertEqual(refused.exception.response["Error"]["Code"], "BadDigest")
        s3.put_object(Bucket="rigi", Key="lab/uploads/said", Body=b"x", Metadata={"who": "me"}, ContentType="text/x-own")
        said = s3.head_object(Bucket="rigi", Key="lab/uploads/said")
        self.assertEqual((said["Metadata"], said["ContentType"]), ({"who": "me"}, "text/x-own"))
        with self.assertRaises(ClientError) as refused:
            s3.put_object(Bucket="rigi", Key="lab/uploads/said", Body=b"y", IfNoneMatch="*")
        self.assertEqual(refused.exception.response["Error"]["Code"], "PreconditionFailed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
