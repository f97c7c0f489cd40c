"""python -m supply bill [FILE] | licences | audit [--or-say-so]: see docs/audit.md."""

from __future__ import annotations

import sys
from pathlib import Path

from supply.bill import bill_of
from supply.licences import EXCEPTIONS, refused
from supply.locked import locked
from supply.vulnerabilities import NOT_ASKED, audit

OR_SAY_SO = "--or-say-so"


def main(what: str, to: str = "") -> int:
    """Do one of the three; returns the exit code."""
    if what == "bill":
        text = bill_of(locked())
        if to:
            Path(to).write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)
        return 0
    if what == "licences":
        found = locked()
        for one in found:
            why = f"  ({EXCEPTIONS[one.name]})" if one.name in EXCEPTIONS else ""
            print(f"{one.name} {one.version}: {one.licence or '?'}{why}")
        for wrong in refused(found):
            print(f"NOT ALLOWED {wrong}. Replace it, or say in supply/licences.py why it may stay.", file=sys.stderr)
        return 1 if refused(found) else 0
    if what == "audit":
        code, words = audit()
        if code == NOT_ASKED:
            print("NOT AUDITED: whether vulnerabilities are known could not be asked.", file=sys.stderr)
        print(words, file=sys.stderr if code else sys.stdout)
        # Where changes are tested the data may be out of reach: that is said, and is no fault of the change.
        return 0 if code == NOT_ASKED and to == OR_SAY_SO else code
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or [""])))
