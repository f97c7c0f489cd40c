"""Where files lie by an fsspec URL: a folder of this machine, or an object store (S3, and what else fsspec reaches).

In an object store a put is atomic and a rename is not, so a file is put under its own name at once. What keeps such a
store from answering is one error, whatever its library calls it. A bucket is never made: a misspelt one is none.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from decisionloop.errors import ConfigurationError, DecisionLoopError
from decisionloop.masking import masked
from decisionloop.private_files import make_private, private_opener, sync

PART_SUFFIX = ".part"
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})
"""Protocols whose folders are but the beginning of a name, and whose first folder is a bucket."""
_VERSIONED = frozenset({"s3", "s3a"})
_AT_HAND = frozenset({"file", "local", "memory"})
_NO_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_NO_VERSIONS = frozenset({"NotImplemented", "MethodNotAllowed", "501"})
"""What S3-compatible servers answer that keep no versions at all."""

_RIGHTS = (
    "s3:ListBucket, s3:ListBucketVersions, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:DeleteObjectVersion "
    "below it"
)


@dataclass(frozen=True)
class StoragePlace:
    """A folder of a file system: paths are whole, as the file system writes them.

    What is not there raises FileNotFoundError. Where the place is not this machine's, whatever keeps it from
    answering raises ConfigurationError with what to do.
    """

    url: str
    filesystem: fsspec.AbstractFileSystem
    root: str
    setting: str

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine, in which files are renamed into their places."""
        return isinstance(self.filesystem, LocalFileSystem)

    @property
    def keeps_versions(self) -> bool:
        """Whether what was replaced or removed may be kept there beside what is: a bucket of S3 with versioning on."""
        if not self._is_of(_VERSIONED):
            return False
        with self._answering(), _unless_unknown():
            told = self.filesystem.call_s3("get_bucket_versioning", Bucket=self._bucket)
            return str(told.get("Status", "")) in {"Enabled", "Suspended"}
        return False

    def exists(self, path: str) -> bool:
        """Whether there is a file of this name. Of a bucket that is not there an object store says no as well."""
        with self._answering():
            return bool(self.filesystem.exists(path))

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        with self._answering():
            return bytes(self.filesystem.cat_file(path))

    def size(self, path: str) -> int:
        """How many bytes a file has."""
        with self._answering():
            return int(self.filesystem.size(path))

    def write(self, path: str, data: bytes) -> None:
        """All of the bytes under this name, or none of them; whatever lay there before is replaced."""
        if self.is_local:
            _write_durably(Path(path), data)
            return
        with self._answering():
            if not self._is_of(_BUCKETS):
                self.filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            try:
                self.filesystem.pipe_file(path, data)
            except FileNotFoundError as error:
                raise ConfigurationError(f"{self._shown} cannot be written to: {error}. {self._make_it}") from error

    def remove(self, path: str) -> None:
        """Let a file go, with all earlier versions of it; killed in between, it is still found."""
        with self._answering():
            versions = self._versions(path) if self._is_of(_VERSIONED) else []
            for one in versions:
                self._remove_version(one)
            if not versions:
                self.filesystem.rm_file(path)

    def forget_versions(self, path: str) -> None:
        """Let go what a bucket with versions has kept of a name besides what lies there now."""
        if self._is_of(_VERSIONED):
            with self._answering():
                for one in self._versions(path):
                    if not one["IsLatest"]:
                        self._remove_version(one)

    def names(self, folder: str) -> list[str]:
        """What lies in a folder; none where there is no such folder."""
        with suppress(FileNotFoundError), self._answering():
            return [str(one) for one in self.filesystem.ls(folder, detail=False)]
        return []

    def files(self) -> list[str]:
        """Every file of the place."""
        with suppress(FileNotFoundError), self._answering():
            return [str(one) for one in self.filesystem.find(self.root)]
        return []

    def reach(self) -> None:
        """Ask the place whether it is there. Raises ConfigurationError, or what a local file system raises."""
        self.names(self.root)

    def url_of(self, path: str) -> str:
        """A path with its protocol."""
        return str(self.filesystem.unstrip_protocol(path))

    @property
    def _shown(self) -> str:
        return f"the store of files {masked(self.url)}"

    @property
    def _make_it(self) -> str:
        return f"Make the bucket, or correct its name in {self.setting}."

    @property
    def _bucket(self) -> str:
        return self.root.partition("/")[0]

    def _is_of(self, protocols: frozenset[str]) -> bool:
        own = self.filesystem.protocol
        return bool(protocols & ({own} if isinstance(own, str) else set(own)))

    def _versions(self, path: str) -> list[dict[str, Any]]:
        """Every version and mark of deletion of a name, as S3 lists them: the latest last."""
        bucket, _, key = path.partition("/")
        with _unless_unknown():
            pages = self.filesystem.call_s3("list_object_versions", Bucket=bucket, Prefix=key)
            found = [*pages.get("Versions", ()), *pages.get("DeleteMarkers", ())]
            return sorted((one for one in found if one["Key"] == key), key=lambda one: bool(one["IsLatest"]))
        return []

    def _remove_version(self, one: dict[str, Any]) -> None:
        self.filesystem.call_s3("delete_object", Bucket=self._bucket, Key=one["Key"], VersionId=one["VersionId"])

    @contextmanager
    def _answering(self) -> Iterator[None]:
        if self.is_local or isinstance(self.filesystem, MemoryFileSystem):
            yield
            return
        try:
            yield
        except DecisionLoopError:
            raise
        except FileNotFoundError as error:
            if _code(error) in _NO_BUCKET:
                raise ConfigurationError(f"{self._shown} has no bucket: {error}. {self._make_it}") from error
            raise
        except Exception as error:  # the library of each kind of store has errors of its own
            said = f"{self._shown} cannot be used ({type(error).__name__}): {error}".rstrip(".")
            raise ConfigurationError(f"{said}. {_remedy(error, self.setting)}") from error


def open_place(url: str, setting: str = "DECISIONLOOP_SNAPSHOTS_URL") -> StoragePlace:
    """The place of a URL that a setting holds; nothing is asked of it yet.

    Raises ConfigurationError where no package knows its kind.
    """
    protocol = url.partition("://")[0] if "://" in url else "file"
    goes_with_the_folder = protocol == "file" and not os.path.isabs(url.removeprefix("file://"))
    return (_made if goes_with_the_folder else _kept)(url, protocol, setting, os.getpid())


@functools.lru_cache(maxsize=16)
def _kept(url: str, protocol: str, setting: str, _process: int) -> StoragePlace:
    """With its connections, for all threads of one process: into a fork they do not go."""
    return _made(url, protocol, setting, _process)


def _made(url: str, protocol: str, setting: str, _process: int) -> StoragePlace:
    # Another process writes as well: what a listing said before is not to be remembered.
    options = {} if protocol in _AT_HAND else {"use_listings_cache": False}
    try:
        filesystem, root = fsspec.core.url_to_fs(url, **options)
    except (ImportError, ValueError, OSError) as error:  # some connect at once
        extra = " S3 needs decisionloop[s3]." if protocol in _VERSIONED and isinstance(error, ImportError) else ""
        raise ConfigurationError(f"{masked(url)} cannot be opened: {error}.{extra} Check {setting}.") from error
    return StoragePlace(url, filesystem, str(root).rstrip("/"), setting)


@contextmanager
def _unless_unknown() -> Iterator[None]:
    """What a server does not know at all ends the block; it has none of it."""
    try:
        yield
    except OSError as error:
        if _code(error) not in _NO_VERSIONS:
            raise


def _code(error: BaseException) -> str:
    """What S3 calls an error, "" for others."""
    answer = getattr(error.__cause__, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


def _remedy(error: Exception, setting: str) -> str:
    name = type(error).__name__
    if "Credential" in name or "Token" in name:
        return "Give the process credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role."
    if isinstance(error, PermissionError):
        return f"Check the credentials, and grant them {_RIGHTS}."
    return f"Check {setting}, the network and the store's own settings (of S3 AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION)."


def _write_durably(path: Path, data: bytes) -> None:
    """All of the bytes under this name, on disk, or no file of this name."""
    make_private(path.parent)
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}{PART_SUFFIX}")
    try:
        with open(temporary, "wb", opener=private_opener) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    sync(path.parent.parent)
