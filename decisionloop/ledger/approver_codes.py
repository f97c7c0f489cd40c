"""Codes of approvers: each proves once who gives it. The ledger keeps salted hashes; a code is shown when it is made.

A code counts once because it may be read where it is given: in a shell's history, or in the parameters of a run in
Prefect's interface.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.schema import approval_answer, approval_code, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

MOST_CODES = 100
_SECRET_BYTES = 15  # 120 random bits: nobody guesses it, so that the hash need not be slow
_KIND: Final = "approver_codes"


@dataclass(frozen=True)
class _Code:
    code_id: str
    use_case: str
    approver: str
    salt: str
    digest: str
    made_at: datetime


def make_codes(ledger: Ledger, use_case: str, approver: str, count: int, approvers: Sequence[str]) -> tuple[str, ...]:
    """Make codes for an approver and return them, for they cannot be read again; people are told that there are new.

    Raises UsageError for somebody whom ``approvers`` does not name.
    """
    if approver not in approvers:
        raise UsageError(f"{approver!r} is no approver of {use_case}: approval.approvers names {', '.join(approvers)}.")
    made, codes, now = [], [], utc_now()
    for _ in range(count):
        code_id, salt, secret = secrets.token_hex(4), secrets.token_hex(16), secrets.token_urlsafe(_SECRET_BYTES)
        made.append(_Code(code_id, use_case, approver, salt, _digest(salt, secret), now))
        codes.append(f"{code_id}.{secret}")
    with ledger.begin() as connection:
        facts.add(connection, approval_code, made)
        message = f"{count} codes were made for {approver}, who may approve releases of {use_case}."
        remedy = "Where that was not you, take this approver out of the contract until it is clear who it was."
        append_alert(connection, use_case, NewAlert("warning", _KIND, message, remedy, occasion=made[0].code_id))
    return tuple(codes)


def unused_codes(source: Ledger | Connection, use_case: str, approver: str) -> int:
    """How many codes of an approver have not been used."""
    return len(_codes(source, use_case, approver)) - len(_used(source, use_case, approver))


def has_codes(source: Ledger | Connection, use_case: str, approver: str) -> bool:
    """Whether codes were ever made for an approver: from then on a bare name is not taken any more."""
    return bool(_codes(source, use_case, approver))


def proven(source: Ledger | Connection, use_case: str, approver: str, code: str) -> str:
    """The id of the code that proves who gives it. Raises UsageError for one that proves nothing, or was used."""
    code_id, _, secret = code.strip().partition(".")
    known = next((one for one in _codes(source, use_case, approver) if one.code_id == code_id), None)
    is_right = known is not None and hmac.compare_digest(_digest(known.salt, secret), known.digest)
    if known is None or not is_right:
        raise UsageError(
            f"this is no code of {approver}. `decisionloop approvers codes {use_case} NAME` makes new ones."
        )
    if code_id in _used(source, use_case, approver):
        raise UsageError(f"this code of {approver} was used, and counts once. Give another one.")
    return code_id


def _codes(source: Ledger | Connection, use_case: str, approver: str) -> tuple[_Code, ...]:
    table = approval_code.c
    return facts.every(source, _Code, approval_code, table.use_case == use_case, table.approver == approver)


def _used(source: Ledger | Connection, use_case: str, approver: str) -> set[str]:
    own = (approval_code.c.use_case == use_case, approval_code.c.approver == approver)
    used = select(approval_code.c.code_id).join(approval_answer, approval_answer.c.code_id == approval_code.c.code_id)
    with facts.reading(source) as connection:
        return set(connection.execute(used.where(*own)).scalars())


def _digest(salt: str, secret: str) -> str:
    return hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), n=2**12, r=8, p=1).hex()
