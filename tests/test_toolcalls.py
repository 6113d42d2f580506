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


def test_a_check_that_no_server_offers_says_once_what_there_is():
    with mf.connect(m=mf.mock({"t": {}}), n=mf.mock({"u": {}, "v": {}})) as servers:
        said = [
            next(one.text() for one in workflow({"tool": name}).check(servers) if one.severity == "error")
            for name in ("m.zzz", "m.tt", "x.t")
        ]
    assert [one.split(": ", 1)[1].split("\n")[0] for one in said] == [
        "check= 'm.zzz': server 'm' has no tool 'zzz'; known: 't' [unknown-tool]",
        "check= 'm.tt': server 'm' has no tool 'tt'; did you mean 't'? [unknown-tool]",
        "check= 'x.t': there is no server 'x'; known: 'm', 'n' [unknown-server]",
    ]


def test_a_breakpoint_on_what_is_no_argument_of_its_step_is_refused_and_names_the_nearest(tmp_path):
    made = (
        mf.SequentialWorkflow("w")
        .step("p", tool="m.p", args={"amount": 1}, idempotency_arg="key")
        .step("q", tool="m.q")
    )
    with pytest.raises(mf.DefinitionError, match="'p': the step has no argument 'amuont'; did you mean 'amount'"):
        made.breakpoint("p", when={"amuont": 4})
    with pytest.raises(mf.DefinitionError, match="'q': the step has no argument 'zz', nor any other"):
        made.breakpoint("q", when={"zz": 4})
    held = made.breakpoint("p", when={"amount": 1, "key": "k"}).breakpoint("q", when=lambda call: "zz" in call.sent)
    assert [one.step for one in held.breakpoints] == ["p", "q"]
    saved = (
        made.breakpoint("p", when={"amount": 1})
        .to_json()
        .replace('"when": {\n        "amount"', '"when": {\n        "zz"')
    )
    (tmp_path / "w.json").write_text(saved, "utf-8")
    assert mf.load(tmp_path / "w.json").breakpoints[0].when.value == {"zz": 1}  # what was saved before still loads
