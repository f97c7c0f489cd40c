"""What a form sends: plain fields, each once."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from decisionloop.service.page.refusals import Refused
from decisionloop.service.request_body import whole_body

KIND = "application/x-www-form-urlencoded"
MOST_FIELDS, LONGEST = 20, 1_000


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, without blanks around them.

    Raises Refused with 415 for any other body, 422 for a field that is too long or given twice, or that is no text.
    """
    body = await whole_body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != KIND:
        raise Refused(415, f"Send a form, as {KIND}.")
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused(422, "What was sent is no form.") from None
    form = {name: value.strip() for name, value in fields}
    if len(form) < len(fields) or any(len(value) > LONGEST or "\0" in value for value in form.values()):
        raise Refused(422, f"A field is given twice, is longer than {LONGEST} characters, or is no text.")
    return form


def required(form: Mapping[str, str], name: str, told: str) -> str:
    """A field that must say something. Raises Refused with 422, which says what it is."""
    if not form.get(name, ""):
        raise Refused(422, f"Say {told}. Nothing was done; go back and try again.")
    return form[name]
