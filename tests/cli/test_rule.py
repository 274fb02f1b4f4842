"""`kerascope rule`: what a rule says of itself."""

from __future__ import annotations

import json

from kerascope.rules import all_rules


def test_a_rule_is_explained_by_its_code_or_name(kerascope) -> None:
    by_code = kerascope("rule", "KS101", real=True)
    assert by_code.status == 0
    assert by_code.out.startswith("KS101 state-in-unfollowed-object\nKeras 2: warning, Keras 3: warning\n")
    assert "\nExample\n" in by_code.out
    assert "```" not in by_code.out
    for name in ("ks101", "state-in-unfollowed-object"):
        assert kerascope("rule", name, real=True) == by_code


def test_without_an_argument_all_rules_are_listed(kerascope) -> None:
    out = kerascope("rule", real=True).out
    for rule in all_rules():
        assert f"{rule.code}  {rule.name}" in out


def test_json(kerascope) -> None:
    rules = json.loads(kerascope("rule", "--output-format", "json", real=True).out)
    assert [rule["code"] for rule in rules] == [rule.code for rule in all_rules()]
    one = json.loads(kerascope("rule", "KS101", "--output-format", "json", real=True).out)
    assert one == next(rule for rule in rules if rule["code"] == "KS101")
    assert set(one) == {"code", "name", "severity", "summary", "explanation"}


def test_an_unknown_rule(kerascope) -> None:
    ended = kerascope("rule", "KS999", real=True)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("kerascope: there is no rule 'KS999'")
    assert (
        "did you mean state-in-unfollowed-object?" in kerascope("rule", "state-in-unfollowed", real=True).err
    )
