"""`check=` as data: written in a dict, saved, printed as Python, and checked against the servers before anything runs."""

import pytest

import mcpflow_nb as mf

CHECK = {
    "tool": "m.find",
    "args": {"who": mf.prompt_arg("who"), "deep": {"a": [mf.prompt_arg("who"), 1]}},
    "grace": 2.5,
}


def workflow(check=CHECK, **more):
    return mf.SequentialWorkflow("w").argument("who").step("a", tool="m.t", check=check, repeat=False, **more)


def test_a_check_is_saved_loaded_and_printed_as_it_was_written(tmp_path):
    made = workflow(idempotency_arg="key")
    assert mf.load(made.save(tmp_path / "w.json")) == made
    names = {}
    exec(made.to_python(), names)
    assert names["workflow"] == made
    assert 'check={"tool": "m.find", "args": {"who": mf.prompt_arg("who"), ' in made.to_python().replace(
        "\n", ""
    ).replace("  ", "")


def test_a_dict_with_a_source_tag_in_it_is_a_constant():
    made = workflow({"tool": "m.find", "args": {"x": {"$source": "prompt_arg", "name": "who"}}})
    assert made.steps[0].check.args["x"].value == {"$source": "prompt_arg", "name": "who"}


@pytest.mark.parametrize(
    "wrong",
    ["m.find", {}, {"tool": 3}, {"tool": "t", "args": [1]}, {"tool": "t", "grace": -1}, {"tool": "t", "wait": 1}],
)
def test_what_is_no_check_is_refused_by_the_step(wrong):
    with pytest.raises(mf.DefinitionError, match="step 'a': check"):
        workflow(wrong)


def test_what_a_check_reads_must_be_there_before_its_step():
    report = workflow({"tool": "m.find", "args": {"x": mf.field("mine", "id")}}, bind="mine").check()
    assert [(one.code, one.step, one.argument) for one in report if one.severity == "error"] == [
        ("self-reference", "a", "check.x")
    ]


def test_a_check_that_no_server_offers_is_an_error_and_one_that_is_there_is_none():
    with mf.connect(m=mf.mock({"t": {}, "find": lambda who, deep: {}})) as servers:
        assert not [one for one in workflow().check(servers) if one.severity == "error"]
        codes = [
            [one.code for one in workflow({"tool": name}).check(servers) if one.severity == "error"]
            for name in ("m.fnd", "x.find", "fnd")
        ]
    assert codes == [["unknown-tool"], ["unknown-server"], ["unknown-tool"]]


def test_a_key_is_told_in_a_skill_and_forecast_as_given():
    made = mf.SequentialWorkflow("w").step("a", tool="m.pay", idempotency_arg="key")
    with mf.connect(m=mf.mock({"pay": lambda key: {}})) as servers:
        assert [row.expected for row in made.forecast(servers)] == ["call"]
        assert "`key`: an idempotency key of your own" in made.to_skill(servers).text
        assert [row.will for row in made.start(servers).plan()] == ["call"]
        assert made.start(servers).all().outcome == "completed"
