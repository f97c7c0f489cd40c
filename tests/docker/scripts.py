"""The scripts of docker/, which is no package: each is run by its path, and loaded here in the same way."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from tests.architecture.code import ROOT


def _loaded(name: str) -> ModuleType:
    spec = spec_from_file_location(f"docker_{name}", ROOT / "docker" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_secrets = _loaded("make_secrets")
resolve_digests = _loaded("resolve_digests")
with_secrets = _loaded("with_secrets")
