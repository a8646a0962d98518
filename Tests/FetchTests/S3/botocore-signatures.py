#!/usr/bin/env python3
"""Prints the requests that botocore would send for a table of objects, one JSON object a line.

    .build/test-venv/bin/python Tests/FetchTests/S3/botocore-signatures.py \
        > Tests/FetchTests/S3/botocore-signatures.jsonl

Nothing is sent: each request is taken from botocore when it has been signed. The Swift tests make
the same requests and compare URL, fields and signature.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
from unittest import mock
from urllib.parse import urlsplit, urlunsplit

import botocore.auth
import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}
KEYS["AWS_SECRET_ACCESS_KEY"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = {"AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="}
AT = 1_700_000_000
PARAMETERS = {"Range": "Range", "If-None-Match": "IfNoneMatch", "If-Match": "IfMatch"}
# One for all sessions: it keeps the service's description, which takes longest to read.
LOADER = botocore.session.get_session().get_component("data_loader")
# What botocore sends beside, and neither S3 nor the signature of this program's requests needs.
NOT_OURS = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request"}


def row(bucket, key, fields=(), at=AT, token=False, keys=None, **environment):
    return {
        "url": f"s3://{bucket}/{key}",
        "environment": {**(keys or KEYS), **(TOKEN if token else {}), **environment},
        "fields": [list(field) for field in fields],
        "at": at,
    }


def table():
    odd_keys = [
        "package.apkg",
        "agents/4a8c/1.0.0/package.apkg",
        "with blank.apkg",
        " blanks at both ends ",
        "plus+plus.apkg",
        "tilde~dash-dot.under_score",
        "percent%41%2F%.apkg",
        "a//b///c",
        "/leading",
        "//two",
        "trailing/",
        "./dot/../dotdot/.",
        "..",
        "...",
        "question?versionId=1&x=y",
        "hash#fragment",
        "at@sign:colon;semicolon,comma",
        "quotes'single\"double`back",
        "brackets[]{}()<>",
        "dollar$amp&equals=star*bang!",
        "back\\slash|pipe^caret",
        "ünïcödé/日本語/emoji🎉.apkg",
        "e\u0301 decomposed and \u00e9 composed",
        "\u202eright to left",
        "x" * 1024,
        "日" * 341,
        "UPPER/lower/0123456789",
        "s3://inner/url",
        "key=value&key2=value 2",
        "arn:aws:s3:::bucket/key",
    ]
    for key in odd_keys:
        yield row("my-bucket", key, AWS_REGION="us-east-2")
        yield row("my-bucket", key, AWS_ENDPOINT_URL_S3="http://127.0.0.1:9000", token=True)
    for fields in [
        [("Range", "bytes=0-")],
        [("Range", "bytes=1048576-")],
        [("Range", "bytes=5-9"), ("If-Match", '"9a0364b9e99bb480dd25e1f0284c8555"')],
        [("If-None-Match", '"9a0364b9e99bb480dd25e1f0284c8555-12"')],
        [("If-Match", '"x"'), ("If-None-Match", "*")],
        [("Range", "bytes=7-"), ("If-Range", '"etag"')],
        [("If-Range", '"several   blanks"'), ("Range", "bytes=1-")],
    ]:
        yield row("my-bucket", "package.apkg", fields, AWS_REGION="eu-central-1")
        yield row("my-bucket", "package.apkg", fields, AWS_REGION="eu-central-1", token=True)
    for region in ["us-east-1", "us-west-2", "ap-southeast-5", "us-gov-west-1", "cn-north-1"]:
        yield row("my-bucket", "k", AWS_REGION=region)
    yield row("my-bucket", "k")
    yield row("my-bucket", "k", AWS_DEFAULT_REGION="sa-east-1")
    yield row("my-bucket", "k", AWS_REGION="us-west-1", AWS_DEFAULT_REGION="sa-east-1")
    for bucket in [
        "my.bucket",
        "My_Old.Bucket",
        "under_score",
        "UPPER",
        "ab1",
        "a" * 63,
        "a" * 64,
        "b" * 255,
        "127.0.0.1",
        "xn--puny",
        "two--dashes",
        "alias-s3alias",
        "1starts-with-digit",
        "ends-with-dash-",
    ]:
        yield row(bucket, "folder/k", AWS_REGION="us-west-2")
        yield row(bucket, "folder/k", AWS_REGION="us-west-2", AWS_ENDPOINT_URL="https://s.example")
    for endpoint in [
        "http://localhost:4566",
        "http://127.0.0.1:9000/",
        "https://storage.example.com",
        "https://storage.example.com/base/",
        "https://storage.example.com/base/deeper",
        "https://Storage.Example.COM",
        "https://storage.example.com:443",
        "http://storage.example.com:80/",
        "http://storage.example.com:443",
        "http://[::1]:9000",
        "http://10.1.2.3",
        "https://s3.us-west-2.amazonaws.com",
        "https://account.r2.cloudflarestorage.com",
    ]:
        yield row("my-bucket", "a b/c", AWS_ENDPOINT_URL_S3=endpoint, AWS_REGION="eu-west-1")
    first = {"AWS_ENDPOINT_URL_S3": "http://first:1", "AWS_ENDPOINT_URL": "http://second:2"}
    yield row("my-bucket", "k", **first)
    yield row("my-bucket", "k", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", **first)
    yield row("my-bucket", "k", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="TRUE", **first)
    yield row("my-bucket", "k", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="1", **first)
    yield row("my-bucket", "k", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="false", **first)
    for at in [0, 951_782_399, 1_709_164_800, 1_735_689_599, 4_102_444_800]:
        yield row("my-bucket", "k", at=at)
    for secret in ["k", "0123456789abcdef" * 4, "x" * 60, "x" * 61, "+/=" * 30]:
        keys = {"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": secret}
        yield row("my-bucket", "k", keys=keys)
    yield row("my-bucket", "k", AWS_NO_SIGN_REQUEST="true")
    yield row("my-bucket", "a b+c", [("Range", "bytes=3-")], AWS_NO_SIGN_REQUEST="true")
    yield row("my.bucket", "k", AWS_NO_SIGN_REQUEST="true", AWS_ENDPOINT_URL_S3="http://h:1")


class Nothing:
    """A body without bytes."""

    def stream(self, *_):
        return iter([b""])

    def read(self, *_):
        return b""


def sent(line):
    """The request that botocore would send."""
    environment = line["environment"]
    switches = {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        # The regional endpoint for us-east-1 too, as all newer SDKs have it.
        "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }
    now = datetime.datetime.fromtimestamp(line["at"], datetime.timezone.utc).replace(tzinfo=None)
    bucket, key = line["url"].removeprefix("s3://").split("/", 1)
    extra = {name: value for name, value in line["fields"] if name not in PARAMETERS}
    taken = []

    def sign(request, **_):
        for name, value in extra.items():
            request.headers[name] = value

    def take(request, **_):
        taken.append(request)
        return AWSResponse(request.url, 200, {"content-length": "0"}, Nothing())

    with (
        mock.patch.dict(os.environ, {**environment, **switches}, clear=True),
        mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: now),
    ):
        # botocore has no variable for it.
        is_unsigned = "AWS_NO_SIGN_REQUEST" in environment
        session = botocore.session.get_session()
        session.register_component("data_loader", LOADER)
        client = session.create_client(
            "s3",
            # botocore alone does not read AWS_REGION; the other SDKs let it win.
            region_name=environment.get("AWS_REGION")
            or environment.get("AWS_DEFAULT_REGION")
            or "us-east-1",
            config=Config(signature_version=UNSIGNED) if is_unsigned else None,
        )
        client.meta.events.register("request-created.s3.GetObject", sign)
        client.meta.events.register("before-send.s3.GetObject", take)
        parameters = {PARAMETERS[n]: v for n, v in line["fields"] if n in PARAMETERS}
        client.get_object(Bucket=bucket, Key=key, **parameters)
    request = taken[0]
    fields = {}
    for name, value in request.headers.items():
        if name.lower() not in NOT_OURS:
            fields[name.lower()] = value.decode() if isinstance(value, bytes) else value
    return {"url": plain(request.url), "fields": fields}


def plain(url):
    """With a lower-case host and without the scheme's own port, as clients send `Host`."""
    parts = urlsplit(url)
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return urlunsplit(parts._replace(netloc=parts.netloc.lower().removesuffix(default)))


def main():
    for line in table():
        print(json.dumps({**line, "sent": sent(line)}, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    sys.exit(main())
