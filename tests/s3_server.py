"""An S3-compatible server in this process, for tests: real requests over a socket, buckets that forget nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest

from decisionloop import storage_place

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "not-to-be-told", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a server that has no buckets yet."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def speaking_with(endpoint: str, keys: dict[str, str] = KEYS) -> Iterator[None]:
    """Let this process speak with a server as its environment would, and with another one afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name in KEYS:
            patch.delenv(name, raising=False)
        for name, value in {**keys, "AWS_ENDPOINT_URL_S3": endpoint, "AWS_EC2_METADATA_DISABLED": "true"}.items():
            patch.setenv(name, value)
        _forget_connections()
        try:
            yield
        finally:
            _forget_connections()


def _forget_connections() -> None:
    storage_place._kept.cache_clear()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def make_bucket(name: str, is_versioned: bool) -> None:
    """Make a bucket of this name."""
    s3 = fsspec.filesystem("s3")
    s3.call_s3("create_bucket", Bucket=name)
    if is_versioned:
        s3.call_s3("put_bucket_versioning", Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def versions_of(bucket: str) -> list[tuple[str, bytes]]:
    """Every version of every file that a bucket still gives to whoever asks for it, with its bytes."""
    s3 = fsspec.filesystem("s3")
    listed = s3.call_s3("list_object_versions", Bucket=bucket).get("Versions", [])
    asked = [{"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]} for one in listed]
    return [(one["Key"], _body_of(s3, one)) for one in asked]


def _body_of(s3: fsspec.AbstractFileSystem, asked: dict[str, str]) -> bytes:
    async def read() -> bytes:
        answer = await s3._call_s3("get_object", **asked)
        async with answer["Body"] as body:
            return bytes(await body.read())

    return bytes(fsspec.asyn.sync(s3.loop, read))
