"""A contract is read whole or refused with every fault, each with its path, value and remedy."""

from __future__ import annotations

import pytest
import yaml

from decisionloop.contract import load_use_case, parse_use_case
from decisionloop.contract.retired import retired_findings
from decisionloop.contract.written import read_yaml
from decisionloop.errors import ContractError, UsageError


def test_a_valid_contract_is_read(contract):
    assert contract.action_names == ("wait", "offer")
    assert contract.feature_names == ("spend", "orders", "channel")
    assert contract.default_action == 0
    assert contract.revealing == (False, True)
    assert contract.is_value_known == (True, False)
    assert contract.monitors.retrain_every_days == 91
    with pytest.raises(Exception, match="frozen"):
        contract.name = "other"


def test_every_fault_is_reported_not_only_the_first(contract_text):
    content = yaml.safe_load(contract_text)
    del content["title"]
    content["features"][0]["type"] = "float"
    content["policy"]["exploration"] = {"kind": "uniform", "share": 0.9}
    content["surprise"] = 1
    with pytest.raises(ContractError) as raised:
        parse_use_case(yaml.safe_dump(content), "usecase.yaml")
    found = {fault.path: fault for fault in raised.value.faults}
    assert set(found) == {"title", "features.spend.type", "policy.exploration.share", "surprise"}
    assert all(fault.remedy and fault.value for fault in raised.value.faults)
    assert found["title"].value == "nothing"
    assert "0.9" in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("key", "value", "instead"), [("confidence", 0.9, "yearly_error"), ("shadow_batches", 3, "longest_comparison")]
)
def test_a_key_that_says_nothing_any_more_is_read_and_found(contract_text, key, value, instead):
    content = yaml.safe_load(contract_text)
    content["gate"] = {key: value}
    assert parse_use_case(yaml.safe_dump(content), "usecase.yaml") == parse_use_case(contract_text, "usecase.yaml")
    (found,) = retired_findings(read_yaml(yaml.safe_dump(content)).content)
    assert found.startswith(f"gate.{key} says nothing any more")
    assert instead in found
    assert not list(retired_findings(read_yaml(contract_text).content))


def test_contradictions_are_all_reported(contract_text):
    content = yaml.safe_load(contract_text)
    content["outcome"]["maturity_days"] = 1
    content["protected"][0]["reference"] = "3"
    content["economics"]["value"]["offer"] = "profit * outcome"
    with pytest.raises(ContractError) as raised:
        parse_use_case(yaml.safe_dump(content), "usecase.yaml")
    assert {fault.path for fault in raised.value.faults} == {
        "outcome.maturity_days",
        "protected.sex.reference",
        "economics.value.offer",
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "Credit Line"),
        ("version", 0),
        ("entity.key", "client id"),
        ("features", []),
        ("features.0.range", [0]),
        ("actions", []),
        ("model.action_as", "both"),
        ("model.candidates", ["forest"]),
        ("policy.holdout_share", -0.1),
        ("data_quality.ranges", "fatal"),
        ("data_quality.rows", [1]),
        ("actuator.kind", "pigeon"),
        ("source.kind", "magic"),
        ("approval.approvers", []),
    ],
)
def test_a_wrong_value_is_named_with_its_path(faults, path, value):
    found = faults(path, value)
    named = path.replace("features.0", "features.spend")
    nearest = [fault for name, fault in found.items() if name.startswith(named.rsplit(".", 1)[0])]
    assert nearest
    assert nearest[0].remedy


@pytest.mark.parametrize("text", ["a: [1, 2", "\t: 3", "- 1\n- 2", "", "just words"])
def test_text_that_is_no_contract_is_refused(text):
    with pytest.raises(ContractError, match=r"usecase\.yaml"):
        parse_use_case(text, "usecase.yaml")


def test_broken_yaml_is_named_by_line():
    with pytest.raises(ContractError, match="line 3"):
        parse_use_case("name: x\nversion: 1\n  title: y\n", "usecase.yaml")


def test_a_table_is_in_one_place(faults):
    table = {"path": "a.csv", "url": "sqlite:///a.db", "time": "t"}
    source = {"kind": "tables", "history": table, "outcomes": table, "outcome_columns": {"outcome_time": "t"}}
    messages = " ".join(str(fault) for fault in faults("source", source).values())
    assert "either path or url" in messages


def test_the_digest_is_of_the_content_not_of_its_layout(contract, contract_text, changed):
    laid_out = yaml.safe_dump(yaml.safe_load(contract_text), sort_keys=True, indent=7)
    assert parse_use_case(laid_out, "elsewhere.yaml").digest == contract.digest
    assert changed("version", 2).digest != contract.digest
    assert changed("economics.constants.margin", 0.3).digest != contract.digest


def test_a_folder_is_loaded_by_its_name(tmp_path, contract_text):
    with pytest.raises(UsageError, match=r"usecase\.yaml"):
        load_use_case(tmp_path / "parcels")
    for name in ("parcels", "letters"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "usecase.yaml").write_text(contract_text)
    assert load_use_case(tmp_path / "parcels").use_case.name == "parcels"
    with pytest.raises(ContractError, match="differs from the folder's name"):
        load_use_case(tmp_path / "letters")


def test_numbers_where_text_is_meant_are_taken_as_text(changed):
    use_case = changed("protected.0", {"name": "sex", "groups": {1: "men", 2: "women"}, "reference": 1})
    assert use_case.protected[0].groups == {"1": "men", "2": "women"}
    assert changed("economics.value.wait", 0).economics.value["wait"] == "0"


def test_faults_of_form_of_values_and_between_sections_are_told_together(contract_text):
    text = contract_text.replace("wording: money spent, ", "").replace("maturity_days: 14", "maturity_days: 1")
    text = text.replace("margin * amount", "margni * amount").replace("cron: 0 6 * * 1", "cron: rm -rf /")
    text += "surprise: 1\nsurprise: 2\n"
    with pytest.raises(ContractError) as raised:
        parse_use_case(text, "usecase.yaml", "letters")
    assert [fault.path for fault in raised.value.faults] == [
        "surprise",  # given twice
        "features.spend.wording",
        "surprise",  # not known
        "outcome.maturity_days",
        "economics.value.offer",
        "schedule.cron",
        "name",
    ]
    lines = text.splitlines()
    for fault in raised.value.faults:
        assert fault.line
        assert fault.path.split(".")[-1].replace("wording", "spend") in lines[fault.line - 1]


def test_a_section_with_a_fault_is_not_held_against_others(contract_text):
    text = contract_text.replace("type: integer", "type: whole").replace("1 + 0.01 * spend", "nobody")
    with pytest.raises(ContractError) as raised:
        parse_use_case(text, "usecase.yaml")
    assert [fault.path for fault in raised.value.faults] == ["features.orders.type"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("policy.exploration.share", float("nan")),
        ("features.0.range", [float("-inf"), 400]),
        ("features.0.range", [float("nan"), 400]),
        ("outcome.window_days", float("inf")),
        ("outcome.maturity_days", 1e300),
        ("schedule.covers_days", float("inf")),
        ("schedule.covers_days", 1e9),
        ("schedule.cron", "rm -rf /"),
        ("schedule.timezone", "../../etc/passwd"),
        ("schedule.timezone", "Mars/Base"),
        ("economics.constants.margin", float("inf")),
        ("economics.constants.margin", 1e300),
        ("economics.constants.where", 5),
        ("economics.constants.outcome", 5),
        ("economics.constants.amount", 5),
        ("economics.constants.a b", 5),
        ("data_quality.rows", [-10, 1]),
        ("features.0.name", "lambda"),
        ("features.0.name", "where"),
        ("features.0.name", "x; drop table decision"),
        ("features.2.categories", ["", "web"]),
        ("features.2.categories", [None, "web"]),
        ("entity.key", "k" * 5000),
        ("version", int("9" * 23)),
        ("version", 1.5),
        ("economics.value.offer", "channel"),
        ("economics.value.offer", "where(channel > 3, 1, 0)"),
        ("economics.value.offer", "9" * 5000),
        ("economics.value.offer", "-" * 3000 + "1"),
        ("economics.value.offer", "10**400 * 1e400"),
    ],
)
def test_what_nobody_can_mean_is_refused(faults, path, value):
    assert faults(path, value)


@pytest.mark.parametrize("categories", ["[1, 2.0, 007, yes, no, true, NA, 1e5, '~']"])
def test_categories_are_text_as_written(contract_text, categories):
    use_case = parse_use_case(contract_text.replace("[web, shop]", categories), "usecase.yaml")
    assert use_case.features[2].categories == ("1", "2.0", "007", "yes", "no", "true", "NA", "1e5", "~")


def test_a_space_in_a_category_is_a_space(changed):
    assert changed("features.2.categories", ["web", " web "]).features[2].categories == ("web", " web ")


def test_options_of_a_source_of_ones_own_keep_their_types(contract_text):
    options = "{a: 8_000, b: true, c: stationary, d: '8', e: 0.5, f: 2024-01-01}"
    use_case = parse_use_case(contract_text.replace("{kind: custom}", f"{{kind: custom, options: {options}}}"), "x")
    assert use_case.source.options == {"a": 8000, "b": True, "c": "stationary", "d": "8", "e": 0.5, "f": "2024-01-01"}


def test_a_file_that_is_not_utf_8_is_refused(tmp_path, contract_text):
    (tmp_path / "parcels").mkdir()
    (tmp_path / "parcels" / "usecase.yaml").write_bytes(contract_text.replace("money", "gr\xf6\xdfe").encode("latin-1"))
    with pytest.raises(ContractError, match="not UTF-8"):
        load_use_case(tmp_path / "parcels")


@pytest.mark.parametrize(
    ("section", "where"),
    [
        ({"actuator": {"kind": "http", "url": "https://u:S3cret@host/a"}}, "actuator.url"),
        ({"actuator": {"kind": "http", "url": "https://host/a?token=S3cret"}}, "actuator.url"),
        ({"actuator": {"kind": "http", "url": "htps://u:S3cret@host/a"}}, "actuator.url"),
        (
            {
                "source": {
                    "kind": "tables",
                    "history": {"url": "postgresql://b:S3cret@wh/db", "table": "t", "time": "at"},
                }
            },
            "history",
        ),
    ],
)
def test_a_contract_holds_nothing_that_opens_a_place_nor_is_it_told(contract_text, section, where):
    content = yaml.safe_load(contract_text) | section
    with pytest.raises(ContractError) as caught:
        parse_use_case(yaml.safe_dump(content), "usecase.yaml")
    told = str(caught.value)
    assert where in told
    assert "S3cret" not in told
