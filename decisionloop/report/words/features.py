"""What a review of the features found, in sentences, a line a feature for the terminal, and markdown."""

from __future__ import annotations

from decisionloop.report.record.claims import Claimed, Said
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.features import FeatureFigures, ReviewedFeatures
from decisionloop.report.words.figures import (
    EN_DASH,
    capital,
    count,
    count_of,
    day,
    fine_money,
    listed,
    money,
    percent,
    period_label,
)

CANNOT_TELL = "cannot be told"
NONE_SURE = "Of no feature can the data tell that it would earn less without it."
ONLY_ONE = "It is the only feature that a model can learn from, so what it is worth cannot be told."


def features_sentences(review: ReviewedFeatures, currency: str) -> tuple[str, ...]:
    """What was reviewed, which features surely earn, which have earned nothing twice, and what removing them saves."""
    said = (_reviewed(review), _earning(review), *_idle(review, currency))
    return tuple(one for one in said if one)


def feature_in_brief(line: FeatureFigures, currency: str) -> str:
    """One feature for a terminal."""
    claims: dict[str, Claimed] = {f"feature.worth[{line.name}]": line.worth}
    told = [
        f"{line.name}: {worth_words(line.worth, currency)}",
        *_known("of the leading reasons", line.reasons),
        *_known("missing", line.missing),
        *_known("moved", line.drift),
        *([] if line.age_days is None else [f"records {age_words(line.age_days)} old"]),
        *([] if line.since is None else [f"since {line.since.isoformat()}"]),
        *(["earns nothing, twice in a row"] if line.is_idle else []),
    ]
    return Said("; ".join(told), claims)


def worth_words(worth: Estimate, currency: str) -> str:
    """Money of 1,000 decisions with its interval."""
    if worth.value is None:
        return CANNOT_TELL
    told = money(worth.value, currency, is_signed=True)
    if worth.low is None or worth.high is None:
        return told
    return f"{told} ({money(worth.low, currency, is_signed=True)} to {money(worth.high, currency, is_signed=True)})"


def age_words(days: float) -> str:
    """An age in days: 4 days, 0.5 days."""
    return f"{days:.0f} days" if days >= 10 or days == int(days) else f"{days:.1f} days"


def features_markdown(review: ReviewedFeatures, title: str, currency: str) -> str:
    """The review as an artifact of Prefect's."""
    rows = [
        f"| {one.wording} | `{one.name}` | {worth_words(one.worth, currency)} | {_cell(one.reasons)} | "
        f"{_cell(one.missing)} | {_cell(one.drift)} | "
        f"{EN_DASH if one.age_days is None else age_words(one.age_days)} | {one.since or EN_DASH} |"
        for one in review.lines
    ]
    lines = [
        f"# {title}: what each feature earns",
        "",
        " ".join(features_sentences(review, currency)),
        "",
        "| in words | feature | 1,000 decisions would earn less without it | of leading reasons | missing | moved | "
        "records old | since |",
        "|---|---|---:|---:|---:|---:|---:|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _reviewed(review: ReviewedFeatures) -> str:
    told = (
        f"On {day(review.as_of.date())} {review.model} was fitted again without each feature, and valued on "
        f"{count_of(review.decisions, 'decision')} up to {period_label(review.cohort)}."
    )
    if not review.is_deciding:
        told += " The rules decided then: it is the model that would be trained."
    return Said(told, {"features.decisions": review.decisions})


def _earning(review: ReviewedFeatures) -> str:
    claims: dict[str, Claimed] = {f"feature.worth[{one.name}]": one.worth for one in review.lines}
    if len(review.lines) == 1 and not review.lines[0].worth.is_known:
        return Said(ONLY_ONE, claims)
    sure = _without([one for one in review.lines if one.worth.sign > 0], "less")
    harmful = _without([one for one in review.lines if one.worth.sign < 0], "more")
    return Said(f"{sure or NONE_SURE}{' ' if harmful else ''}{harmful}", claims)


def _without(lines: list[FeatureFigures], word: str) -> str:
    if not lines:
        return ""
    each = ", each by itself," if len(lines) > 1 else ""
    return f"Without {_quoted(lines)}{each} it would surely earn {word}."


def _idle(review: ReviewedFeatures, currency: str) -> list[str]:
    """What has earned nothing twice, each with what removing it would save."""
    if not review.idle:
        if review.reviews == 1:
            return ["It is the first review; what earns nothing is named when one with newer outcomes says so again."]
        return ["No feature has earned nothing in two reviews in a row."]
    return [*(_named(one, currency) for one in review.idle), _alone(review, currency)]


def _named(line: FeatureFigures, currency: str) -> str:
    """That it earns nothing, what it could earn all the same, and what removing it would save."""
    told, most = f"“{capital(line.wording)}” has earned nothing in two reviews in a row", line.worth.high
    if most is not None and most > 0:
        told += f", though up to {money(most, currency)} for 1,000 decisions is left open"
    return f"{told}. {_saved(line, currency)}"


def _saved(line: FeatureFigures, currency: str) -> str:
    saved = []
    if line.saved_lookups is not None and line.saved_lookups > 0:
        price = "" if line.saved_money is None else f" ({fine_money(line.saved_money, currency)} for 1,000 decisions)"
        saved.append(f"{count(line.saved_lookups)} look-ups a decision{price}")
    if line.to_rules:
        saved.append(f"{percent(line.to_rules)} of the last batch that its faults sent to the rules")
    if line.missing:
        saved.append(f"a column that is missing in {percent(line.missing)} of the last batch")
    if not saved:
        return "Leaving it out would save no work in serving; a source to keep and to watch it would."
    return f"Leaving it out would save {listed(saved)}, and a source to keep and to watch."


def _alone(review: ReviewedFeatures, currency: str) -> str:
    if len(review.idle) == 1:
        return "It may be left out alone: beside another that says the same, either is worth nothing."
    told = (
        "Each of them may be left out alone; it does not follow that all may, for of two that say the same each is "
        "worth nothing beside the other."
    )
    together = review.together
    if together is None or together.value is None:
        return f"{told} What leaving out all of them would cost cannot be told. Leave out one, and review again."
    words = worth_words(together, currency)
    return Said(
        f"{told} Leaving out all of them would cost {words} for 1,000 decisions. Leave out one, and review again.",
        {"features.together": together},
    )


def _quoted(lines: list[FeatureFigures] | tuple[FeatureFigures, ...]) -> str:
    return listed([f"“{one.wording}”" for one in lines])


def _known(what: str, share: float | None) -> list[str]:
    return [] if share is None else [f"{percent(share)} {what}"]


def _cell(share: float | None) -> str:
    return EN_DASH if share is None else percent(share)
