"""Verify that a decision was logged as a proof says: python verify_proof.py PROOF.json PUBLIC_KEY.pem

It needs Python and `cryptography`, and nothing of decisionloop. Exit code 0: proven; 1: not.
"""

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def sha256(data):
    return hashlib.sha256(data).digest()


def written(content):
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def field(value):
    """A value as the leaf holds it: its length, a colon, itself; null is -."""
    if value is None:
        return b"-"
    if isinstance(value, bool):
        text = str(int(value))
    elif isinstance(value, dict) and "microseconds" in value:
        text = str(value["microseconds"])
    elif isinstance(value, dict):
        text = str(struct.unpack(">q", struct.pack(">d", value["number"]))[0])
    else:
        text = str(value)
    said = text.encode()
    return str(len(said)).encode() + b":" + said


def root_of(leaf, place, size, path):
    """RFC 9162: the root that the path leads to."""
    path = list(path)
    while size > 1:
        if place ^ 1 < size:
            sibling = bytes.fromhex(path.pop(0))
            leaf = sha256(b"\x01" + (sibling + leaf if place & 1 else leaf + sibling))
        place, size = place // 2, (size + 1) // 2
    return b"" if path else leaf


def fault_of(proof, key):
    """What is wrong with a proof, or None."""
    links, checkpoint = proof["links"], dict(proof["checkpoint"])
    leaf = sha256(b"\x00" + bytes.fromhex(proof["salt"]) + b"".join(field(value) for value in proof["values"]))
    layout = json.loads(links[0]["layout"])
    if any(block[1] != proof["columns"] for block in layout):
        return "the columns are not those that were chained"
    if dict(zip(proof["columns"], proof["values"])).get("decision_id") != proof["decision_id"]:  # noqa: B905
        return "it is of another decision"
    if not 0 <= proof["leaf"] < proof["leaves"] == links[0]["leaves"]:
        return "its leaf is none of the batch"
    if root_of(leaf, proof["leaf"], proof["leaves"], proof["path"]).hex() != links[0]["root"]:
        return "what it says of the decision does not lead to the root of its batch"
    for before, link in zip([None, *links], links):  # noqa: B905
        content = {name: value for name, value in link.items() if name != "hash"}
        if hashlib.sha256(written({"format": proof["chain_format"], **content})).hexdigest() != link["hash"]:
            return f"link {link['seq']} says something else than its hash"
        if before is not None and (link["previous"], link["seq"]) != (before["hash"], before["seq"] + 1):
            return f"link {link['seq']} does not follow the one before it"
    if (checkpoint["seq"], checkpoint["hash"]) != (links[-1]["seq"], links[-1]["hash"]):
        return "the checkpoint is of another link"
    signature = base64.b64decode(checkpoint.pop("signature"))
    try:
        key.verify(signature, written(checkpoint))
    except InvalidSignature:
        return "the checkpoint was not signed by this key"
    return None


def main(proof_file, key_file):
    proof = json.loads(Path(proof_file).read_text(encoding="utf-8"))
    fault = fault_of(proof, load_pem_public_key(Path(key_file).read_bytes()))
    if fault:
        print(f"NOT PROVEN: {fault}")
        return 1
    print(f"proven: decision {proof['decision_id']} stood so when {proof['checkpoint']['at']} was signed")
    for name, value in zip(proof["columns"], proof["values"]):  # noqa: B905
        print(f"  {name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
