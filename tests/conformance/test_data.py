"""The cases of PMCP that need no server: typed values, paths, substitution, URIs, constants, validation."""

import json
from pathlib import Path

import pytest

import mcpflow_nb as mf
from mcpflow_nb.arguments import Argument
from mcpflow_nb.errors import MissingValueError
from mcpflow_nb.sources import Scope
from mcpflow_nb.values import filled

CASES = json.loads(Path(__file__).with_name("pmcp.json").read_text(encoding="utf-8"))["cases"]


def of_area(*areas):
    cases = [case for case in CASES if case["area"] in areas]
    assert {case["area"] for case in cases} == set(areas)
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases])


def source(notation):
    ((kind, value),) = notation.items()
    if kind == "field":
        return mf.field(*value)
    return {"arg": mf.prompt_arg, "from": mf.from_step, "const": mf.constant}[kind](value)


def workflow(plan):
    made = mf.SequentialWorkflow(plan["name"], plan["description"])
    types = {"string": str, "integer": int, "number": float, "boolean": bool}
    for argument in plan["arguments"]:
        type_ = types[argument.get("type", "string")]
        made = made.argument(argument["name"], argument["description"], required=argument["required"], type=type_)
    for instruction in plan.get("instructions", []):
        made = made.instruction(instruction["text"])
    for step in plan["steps"]:
        fields = {key: step[key] for key in ("tool", "bind", "guidance", "resources") if key in step}
        for part in ("args", "template"):
            fields[part] = {name: source(notation) for name, notation in step.get(part, {}).items()}
        made = made.step(step["name"], **fields)
    return made


@of_area("typed_value")
def test_text_becomes_the_value_of_the_case(case):
    argument = Argument(name="a", type=case["type"])
    try:
        result = {"value": argument.accept(case["text"])}
    except ValueError:
        result = {"error": True}
    assert (result, type(result.get("value"))) == (case["expect"], type(case["expect"].get("value")))


@of_area("path")
def test_a_path_reads_the_value_of_the_case(case):
    try:
        result = {"value": mf.field("output", case["path"]).resolve(Scope({}, {"output": case["value"]}))}
    except MissingValueError:
        result = {"error": True}
    assert result == case["expect"]


@of_area("substitution")
def test_guidance_is_filled_as_in_the_case(case):
    assert filled(case["template"], case["args"]) == case["expect"]["text"]


@of_area("uri")
def test_a_uri_is_accepted_as_in_the_case(case):
    made = mf.SequentialWorkflow("w").argument("doc_id", "id").step("s", resources=[case["uri"]])
    assert ("bad-uri" not in made.check().codes) == case["expect"]["ok"]


@of_area("constant")
def test_constants_reach_the_call_as_they_were_written(case):
    made = workflow(case["workflow"])
    sent = [{name: arg.resolve(Scope(case["args"], {})) for name, arg in step.args.items()} for step in made.steps]
    assert sent == [call["params"] for call in case["expect"]["calls"]]


@of_area("validation", "constant")
def test_validation_finds_exactly_the_errors_of_the_case(case):
    expected = case["expect"]["validate"]
    report = workflow(case["workflow"]).check()
    assert {problem.code for problem in report.errors} == set([] if expected == "ok" else expected)


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES if "workflow" in c])
def test_every_workflow_of_the_cases_survives_saving(case, tmp_path):
    made = workflow(case["workflow"])
    assert mf.load(made.save(tmp_path / "workflow.json")) == made
