"""What a run may do in its project's storage, and what not: twelve calls each, as a user's program makes them."""
import json
import os
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

with open(os.environ["RIGI_PARAMS"]) as params:
    given = json.load(params)
bucket, _, base = os.environ["RIGI_STORAGE"].removeprefix("s3://").partition("/")
own = os.environ["RIGI_STORAGE_RUN"].removeprefix(f"s3://{bucket}/")
other = f"{base}processes/{given['other']}/"
root = base.removesuffix(f"{os.environ['RIGI_PROJECT']}/")
foreign = f"{root}{given['foreign']}/"
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
MIB = 1 << 20


def body(key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def keys(prefix, **more):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **more)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def put(key, content=b"x", **more):
    s3.put_object(Bucket=bucket, Key=key, Body=content, **more)
    return True


def parts():
    upload = s3.create_multipart_upload(Bucket=bucket, Key=own + "large.bin")["UploadId"]
    told = []
    for number, content in enumerate([b"\1" * 5 * MIB, b"\2" * MIB], 1):
        part = s3.upload_part(Bucket=bucket, Key=own + "large.bin", UploadId=upload, PartNumber=number, Body=content)
        told.append({"ETag": part["ETag"], "PartNumber": number})
    s3.complete_multipart_upload(Bucket=bucket, Key=own + "large.bin", UploadId=upload, MultipartUpload={"Parts": told})
    return body(own + "large.bin") == b"\1" * 5 * MIB + b"\2" * MIB


def given_up():
    upload = s3.create_multipart_upload(Bucket=bucket, Key=own + "none.bin")["UploadId"]
    s3.upload_part(Bucket=bucket, Key=own + "none.bin", UploadId=upload, PartNumber=1, Body=b"x" * MIB)
    s3.abort_multipart_upload(Bucket=bucket, Key=own + "none.bin", UploadId=upload)
    return own + "none.bin" not in keys(own)


def removed():
    put(own + "gone.txt")
    s3.delete_object(Bucket=bucket, Key=own + "gone.txt")
    return own + "gone.txt" not in keys(own)


def signed():
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": base + "uploads/a.csv"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        return answer.read() == b"x,y\n3,4\n"


ALLOWED = {
    "read an upload": lambda: body(base + "uploads/a.csv") == b"x,y\n3,4\n",
    "look at an upload": lambda: s3.head_object(Bucket=bucket, Key=base + "uploads/a.csv")["ContentLength"] == 8,
    "read part of one": lambda: body(base + "uploads/a.csv", Range="bytes=4-6") == b"3,4",
    "read by a signed address": signed,
    "read what another run left for others": lambda: body(other + "datasets/out/table.csv") == b"a,b\n1,2\n",
    "list uploads": lambda: keys(base + "uploads/") == [base + "uploads/a.csv"],
    "list the project": lambda: s3.list_objects_v2(Bucket=bucket, Prefix=base, Delimiter="/")["KeyCount"] > 0,
    "write its own": lambda: put(own + "notes.txt", b"hello") and body(own + "notes.txt") == b"hello",
    "write what others may read": lambda: put(own + "datasets/curve/c.csv"),
    "write in parts": parts,
    "give parts up": given_up,
    "remove its own": removed,
}
REFUSED = {
    "read a stored file": lambda: body(base + "blobs/ab/abcd"),
    "read a log": lambda: body(base + "logs/x"),
    "read what another run has for itself": lambda: body(other + "private.txt"),
    "write another run's": lambda: put(other + "x"),
    "write what another run left for others": lambda: put(other + "datasets/out/table.csv"),
    "remove another run's": lambda: s3.delete_object(Bucket=bucket, Key=other + "private.txt"),
    "write an upload": lambda: put(base + "uploads/b.csv"),
    "remove an upload": lambda: s3.delete_object(Bucket=bucket, Key=base + "uploads/a.csv"),
    "write a stored file": lambda: put(base + "blobs/ab/abcd"),
    "read another project": lambda: body(foreign + "uploads/secret.csv"),
    "list another project": lambda: keys(foreign),
    "list everything": lambda: keys(""),
}


def refusal(call):
    try:
        found = call()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return None if status == 403 else f"{status} {error}"
    return f"it answered {str(found)[:80]}"


wrong = []
for what, call in ALLOWED.items():
    try:
        if call() is not True:
            wrong.append(f"{what}: it came out wrong")
    except ClientError as error:
        wrong.append(f"{what}: {error}")
for what, call in REFUSED.items():
    why = refusal(call)
    if why:
        wrong.append(f"{what}: {why}")
print(f"{len(ALLOWED)} allowed, {len(REFUSED)} refused, {len(wrong)} not as written")
for line in wrong:
    print("wrong:", line)
raise SystemExit(1 if wrong else 0)
