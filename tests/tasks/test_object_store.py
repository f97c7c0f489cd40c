"""Snapshots in an object store: written, read, erased, removed, backed up as in a folder; faults say what to do.

The server is one of this machine and the requests are real.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from decisionloop.audit.checkpoints import make_keys
from decisionloop.backup.taking import take_backup
from decisionloop.cli.doctor import _snapshots
from decisionloop.custody.checkpoints import checkpoints_at, export_checkpoint
from decisionloop.custody.erase import Asked, erase
from decisionloop.custody.snapshot_files import verify_snapshots
from decisionloop.errors import ConfigurationError, IntegrityError
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import verify
from decisionloop.ledger.personal_data import decisions_about
from decisionloop.settings import Settings
from decisionloop.snapshots import SnapshotStore, StoredFile
from tests.s3_server import KEYS, make_bucket, s3_server, speaking_with, versions_of
from tests.tasks.conftest import Restored

pytestmark = pytest.mark.xdist_group("loop")
TABLE = pa.table({"client": ["a", "b"], "months": [1, 2]})


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server without buckets."""
    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new bucket, that keeps versions if it is told so."""
    name = f"test-{abs(hash(request.node.name))}"
    with speaking_with(endpoint):
        make_bucket(name, getattr(request, "param", False))
        yield name


@pytest.mark.parametrize("bucket", [False, True], indirect=True, ids=["plain", "versioned"])
def test_a_file_is_written_once_read_rewritten_and_gone_with_its_versions(bucket: str) -> None:
    store = SnapshotStore(f"s3://{bucket}/deep/prefix")
    ref, other = store.put_table(TABLE), store.put_bytes(b"{}", ".json")
    assert store.put_table(TABLE) == ref
    assert ref.uri == f"s3://{bucket}/deep/prefix/{ref.digest[:2]}/{ref.digest}.parquet"
    assert store.get_table(ref.digest).equals(TABLE)
    assert store.bytes_of(ref.digest) == ref.bytes
    assert len(versions_of(bucket)) == 2  # what is there already is not written again
    assert set(store.stored()) == {StoredFile(ref.digest, ".parquet"), StoredFile(other.digest, ".json")}

    store.rewrite_table(ref.digest, TABLE.slice(1))

    assert store.get_table(ref.digest).equals(TABLE.slice(1))
    held = [pyarrow.parquet.read_table(io.BytesIO(data)) for name, data in versions_of(bucket) if "parquet" in name]
    assert held == [TABLE.slice(1)]
    assert store.remove(ref.digest)
    assert not store.remove(ref.digest)
    assert [name for name, _ in versions_of(bucket)] == [f"deep/prefix/{other.digest[:2]}/{other.digest}.json"]
    with pytest.raises(IntegrityError, match=f"snapshot {ref.digest} is not in s3://{bucket}"):
        store.get_table(ref.digest)


def test_a_damaged_file_is_refused_and_put_right_by_storing_again(bucket: str) -> None:
    store = SnapshotStore(f"s3://{bucket}")
    ref = store.put_table(TABLE)
    fsspec.filesystem("s3").pipe_file(ref.uri, b"PAR1")
    with pytest.raises(IntegrityError, match="Restore it from a backup"):
        store.get_table(ref)
    store.put_table(TABLE)
    assert store.get_table(ref).equals(TABLE)


def test_a_bucket_that_is_not_there_is_not_made(bucket: str) -> None:
    store = SnapshotStore("s3://misspelt-bucket/decisionloop")
    for use in (store.reach, store.stored, lambda: store.get_bytes("ab" * 32), lambda: store.put_table(TABLE)):
        with pytest.raises(ConfigurationError, match=r"misspelt-bucket.* Make the bucket, or correct its name"):
            use()
    assert "misspelt-bucket" not in fsspec.filesystem("s3").ls("")


@pytest.mark.parametrize(
    ("keys", "is_there", "remedy"),
    [({}, True, "Give the process credentials"), (KEYS, False, "Check DECISIONLOOP_SNAPSHOTS_URL, the network")],
    ids=["no credentials", "no server"],
)
def test_a_store_that_does_not_answer_says_what_to_do(
    keys: dict[str, str], is_there: bool, remedy: str, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    for name, value in {"AWS_MAX_ATTEMPTS": "1", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    settings = Settings(home=tmp_path, snapshots_url="s3://somewhere/decisionloop")
    with speaking_with(endpoint if is_there else "http://127.0.0.1:9", keys):
        with pytest.raises(ConfigurationError, match=remedy) as raised:
            [*_snapshots(settings)]
        with pytest.raises(ConfigurationError, match=remedy):
            SnapshotStore(settings.snapshots_url).put_table(TABLE)
    assert raised.value.exit_code == 4
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in str(raised.value)


@pytest.mark.parametrize("bucket", [True], indirect=True)
def test_a_loop_lives_there_forgets_a_person_and_is_backed_up(
    bucket: str, restored: Restored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"s3://{bucket}/loop"
    with restored("begun") as life:
        monkeypatch.setenv("DECISIONLOOP_SNAPSHOTS_URL", url)
        home = life.folder / "home"
        fsspec.filesystem("s3").put(f"{home}/snapshots/", f"{url}/", recursive=True)
        (home / "snapshots").rename(home / "before")
        life.predict(1)
        life.act(1)
        assert life.state(1) == "complete"
        assert not (home / "snapshots").exists()
        settings, ledger = life.workspace.settings, life.ledger
        entity = str(life.decisions(1)["entity_id"].iloc[5])
        names = {entity, *(one.decision_id for one in decisions_about(ledger, "small", entity))}
        assert _tables_that_hold(bucket, names)

        erase(settings, ledger, "small", entity, Asked("asked", "the officer"))

        assert not _tables_that_hold(bucket, names)
        seal(ledger)
        assert verify(ledger).is_whole
        assert verify_snapshots(settings, ledger).faults == ()
        files = take_backup(settings, ledger, tmp_path / "backup").below("snapshots")
        assert {one.path.removeprefix("snapshots/") for one in files} == {
            one.path for one in SnapshotStore(url).stored()
        }
        assert "keeps versions" in next(iter(_snapshots(settings))).seen


def test_checkpoints_lie_where_nothing_may_be_removed(bucket: str, restored: Restored, monkeypatch) -> None:
    """A put is all that an object store with a lock on its files allows."""
    monkeypatch.setattr("s3fs.core.S3FileSystem._rm_file", None)
    monkeypatch.setenv("DECISIONLOOP_AUDIT_CHECKPOINTS_URL", f"s3://{bucket}/checkpoints")
    with restored("begun") as life:
        seal(life.ledger)
        settings = life.workspace.settings
        key = make_keys(settings.resolved_audit_keys())
        file = export_checkpoint(settings, life.ledger)
        assert file == export_checkpoint(settings, life.ledger)
        found = checkpoints_at(f"s3://{bucket}/checkpoints", key)
        assert [one.seq for one in found] == [json.loads(fsspec.filesystem("s3").cat_file(file))["seq"]]


def _tables_that_hold(bucket: str, names: set[str]) -> list[str]:
    """Files of which any version holds one of the names as a text."""
    found = []
    for path, data in versions_of(bucket):
        if path.endswith(".parquet"):
            columns = pyarrow.parquet.read_table(io.BytesIO(data)).columns
            if any(value in names for column in columns for value in column.to_pylist() if isinstance(value, str)):
                found.append(path)
    return found
