"""What a request for decisions may say: a model made of the contract, which the service's OpenAPI page shows."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic.alias_generators import to_pascal

from decisionloop.contract import UseCase
from decisionloop.contract.problem import Feature
from decisionloop.ledger.schema import utc_now
from decisionloop.stream.asked import Asked, AskedRow

MOST_ROWS = 1_000
LONGEST_TEXT = 1_000
FROM_NOW = timedelta(minutes=5)
"""How far a caller's clock may be ahead."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_Strict = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


def _moment(given: datetime) -> datetime:
    try:
        moment = given.astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError("is no time that can be told in UTC") from None
    if not _BEGINNING <= moment <= utc_now() + FROM_NOW:
        raise ValueError("lies before 1970, or is still to come")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Entity = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
DecidedAt = Annotated[Moment | None, Field(description="As of when it is decided, with a zone; null: now.")]


class OneRow(BaseModel):
    """One entity; the models of use cases say which features and protected attributes there are."""

    model_config = _Strict
    entity: Entity
    features: BaseModel | None = None
    protected: BaseModel | None = None

    @model_validator(mode="after")
    def _is_looked_up_whole(self) -> Self:
        if self.features is None and self.protected is not None:
            raise ValueError("without features everything is looked up: leave protected out")
        return self

    def row(self) -> AskedRow:
        """What is asked of it."""
        if self.features is None:
            return AskedRow(self.entity, None)
        protected = {} if self.protected is None else self.protected.model_dump(by_alias=True)
        return AskedRow(self.entity, protected | self.features.model_dump(by_alias=True))


class DecisionBodies:
    """How the body of a request about one use case is read: one entity, or ``decisions`` of up to 1,000 of them."""

    def __init__(self, use_case: UseCase) -> None:
        name = to_pascal(use_case.name)
        self._waited_for = timedelta(days=use_case.outcome.window_days + use_case.outcome.maturity_days)
        row = _row_model(use_case, name)
        decided_at: Any = (DecidedAt, None)
        many: Any = (Annotated[list[row], Field(min_length=1, max_length=MOST_ROWS)], ...)  # type: ignore[valid-type]
        self.one: type[BaseModel] = create_model(f"{name}Decision", __base__=row, decided_at=decided_at)
        self.many: type[BaseModel] = create_model(
            f"{name}Decisions", __config__=_Strict, decisions=many, decided_at=decided_at
        )

    def asked(self, body: bytes, is_many: bool, key: str | None) -> Asked:
        """What a body asks for. Raises ValidationError, and ValueError where an entity is there twice."""
        told: Any = (self.many if is_many else self.one).model_validate_json(body)
        rows = [one.row() for one in (told.decisions if is_many else [told])]
        if len({row.entity for row in rows}) < len(rows):
            raise ValueError("an entity is there twice; ask for it in another request")
        return self._asked(body, rows, told.decided_at, key)

    def asked_plainly(self, body: bytes, key: str | None) -> Asked | None:
        """What a body about one entity asks for, where one look shows that every reader understands it alike.

        None where only :func:`bodies.read_object` can tell: the model reads the last of two equal keys, and texts that
        an escape may put beyond Unicode. A body of known keys, as many as have colons, gives none twice.
        """
        if b"\\" in body or b'"decisions"' in body:
            return None
        try:
            told: Any = self.one.model_validate_json(body)
        except ValidationError:
            return None
        if body.count(b":") != _keys_of(told):
            return None
        return self._asked(body, [told.row()], told.decided_at, key)

    def _asked(self, body: bytes, rows: list[AskedRow], decided_at: datetime | None, key: str | None) -> Asked:
        digest = "" if key is None else hashlib.sha256(body).hexdigest()
        return Asked(rows, decided_at, key, digest, utc_now() - self._waited_for)

    def schemas(self) -> dict[str, Any]:
        """The schemas of both bodies and of their parts, by name, as an OpenAPI page refers to them."""
        return schemas_of(self.one) | schemas_of(self.many)


def _keys_of(told: Any) -> int:
    """How many different keys a body about one entity has."""
    parts = (told, told.features, told.protected)
    return sum(len(one.model_fields_set) for one in parts if one is not None)


def schemas_of(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model and those of its parts, by name, as an OpenAPI page refers to them."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = schema.pop("$defs", {})
    return {**parts, model.__name__: schema}


def _row_model(use_case: UseCase, name: str) -> type[OneRow]:
    # A feature may be called like something that every model has, such as `copy`: what is sent is an alias.
    features: dict[str, Any] = {f"v{i}": (_type_of(one), _field(one)) for i, one in enumerate(use_case.features)}
    apart = [one for one in use_case.protected if one.name not in use_case.feature_names]
    parts: dict[str, Any] = {
        "entity": (Entity, Field(description=f"The {use_case.entity.noun}: its {use_case.entity.key}, as text.")),
        "features": (
            create_model(f"{name}Features", __config__=_Strict, **features) | None,
            Field(None, description="What is known of it; null: the service looks all of it up in the source."),
        ),
    }
    groups: dict[str, Any] = {
        f"v{i}": (Text | None, Field(None, alias=one.name, description=f"One of {', '.join(one.groups)}."))
        for i, one in enumerate(apart)
    }
    # Also of nothing: then {} is all that it admits.
    parts["protected"] = (create_model(f"{name}Protected", __config__=_Strict, **groups) | None, None)
    return create_model(f"{name}Row", __base__=OneRow, **parts)


def _type_of(feature: Feature) -> Any:
    """What may be sent; whether it is within the contract is the row's business, which the rules decide then."""
    kinds: dict[str, Any] = {"category": Text, "boolean": bool}
    return kinds.get(feature.type, float) | None


def _field(feature: Feature) -> Any:
    told = [f"{feature.wording}{f', in {feature.unit}' if feature.unit else ''}."]
    if feature.range is not None:
        told.append(f"From {feature.range[0]:g} to {feature.range[1]:g}.")
    if feature.categories:
        told.append(f"One of {', '.join(feature.categories)}.")
    told.append(
        "May be missing."
        if feature.is_nullable
        else "Without it no model decides: the rules do, or it is the default action where they read it."
    )
    extra: dict[str, Any] = {"x-type": feature.type, "x-unit": feature.unit}
    if feature.range is not None:
        extra["x-range"] = list(feature.range)
    if feature.categories:
        extra["x-categories"] = list(feature.categories)
    return Field(None, alias=feature.name, title=feature.name, description=" ".join(told), json_schema_extra=extra)
