"""What a fault makes a later step ask otherwise: of a tool, of the client, of a resource; and what cannot be told."""

import itertools

import pytest

import mcpflow_nb as mf

F = mf.field


def hired(**more):
    """A tool that gives another id each time, and one that is sent it with a text that stays."""
    ids = itertools.count(1)
    create = {"create": lambda: {"id": f"emp-{next(ids)}", "email": "ada@x.example", "tags": [f"t-{next(ids)}", "hr"]}}
    flow = mf.SequentialWorkflow("hire").step("c", tool="hr.create", bind="e")
    flow = flow.step(
        "s", tool="mail.send", args={"id": F("e", "id"), "to": F("e", "email"), "tags": F("e", "tags")}, **more
    )
    return flow, mf.connect(hr=mf.mock(create), mail=mf.mock({"send": lambda **_: {"sent": True}}))


def tries(drill, step, fault):
    return {one.at: (one.verdict, one.why) for one in drill[step, fault].tries}


def test_beside_an_argument_that_varies_the_others_are_compared_and_of_it_the_type_is():
    flow, servers = hired()
    with servers:
        drill = mf.drill(flow, servers)
    assert tries(drill, "c", "null") == {
        "id": ("silently wrong", "step 's' was sent another id"),
        "email": ("silently wrong", "step 's' was sent another to"),
        "tags.0": ("silently wrong", "step 's' was sent another tags"),
        "tags.1": ("silently wrong", "step 's' was sent another tags"),
    }
    assert {one.verdict for one in drill["c", "empty list"].tries} == {"silently wrong"}
    assert {one.verdict for one in drill["s", "null"].tries} == {"unharmed"}


def test_where_only_the_value_varies_the_try_says_so():
    counted = itertools.count(1)
    flow = mf.SequentialWorkflow("w").step("a", tool="m.a", bind="a").step("b", tool="m.b", bind="b")
    flow = flow.step("c", tool="m.c", args={"n": F("a", "n"), "text": mf.template("say {x}", x=F("b", "x"))})
    tools = {"a": lambda: {"n": next(counted)}, "b": lambda: {"x": next(counted)}, "c": lambda **_: {"ok": True}}
    with mf.connect(m=mf.mock(tools)) as servers:
        drill = mf.drill(flow, servers)
    said = "differs from run to run, and only its type was compared"
    assert tries(drill, "b", "null")["x"] == (
        "unharmed", f"every later call was as without the fault; step 'c': 'n' {said}; step 'c': 'text' {said}",
    )  # fmt: skip
    assert drill["a", "wrong type"].verdict == "silently wrong"


def test_the_idempotency_key_of_a_step_hides_nothing():
    flow = mf.SequentialWorkflow("w").step("a", tool="m.a", bind="a")
    flow = flow.step("b", tool="m.b", args={"id": F("a", "id")}, idempotency_arg="key")
    with mf.connect(m=mf.mock({"a": {"id": "x"}, "b": lambda id, key: {"ok": True}})) as servers:
        drill = mf.drill(flow, servers)
    assert tries(drill, "a", "null") == {"id": ("silently wrong", "step 'b' was sent another id")}
    assert tries(drill, "b", "null") == {"ok": ("unharmed", "every later call was as without the fault")}


@pytest.mark.parametrize("own", [False, True])
def test_a_resource_that_is_read_with_another_uri_is_silently_wrong(own):
    reads = {"resources": ["doc://{i}"], "template": {"i": F("g", "id")}}
    flow = mf.SequentialWorkflow("w").step("g", tool="m.get", bind="g", **(reads if own else {}))
    flow = flow if own else flow.step("r", **reads)
    with mf.connect(m=mf.mock({"get": {"id": "a"}}, resources={"doc://{i}": "text"})) as servers:
        drill = mf.drill(flow, servers)
    step = "g" if own else "r"
    assert tries(drill, "g", "wrong type")["id"] == (
        "silently wrong", f"step {step!r} read another resource, 'doc://12345'",
    )  # fmt: skip
    assert drill["g", "null"].verdict == "stopped"  # a mark that nothing fills
    assert drill["g", "isError"].verdict == "stopped"


def test_a_resource_that_is_not_there_stops_the_run():
    flow = mf.SequentialWorkflow("w").step("g", tool="m.get", bind="g")
    flow = flow.step("r", resources=["doc://{i}"], template={"i": F("g", "id")})
    with mf.connect(m=mf.mock({"get": {"id": "a"}}, resources={"doc://a": "text"})) as servers:
        assert mf.drill(flow, servers)["g", "wrong type"].verdict == "stopped"


def test_a_handoff_that_gives_the_client_another_value_is_silently_wrong():
    flow = mf.SequentialWorkflow("w").step("g", tool="m.get", bind="g")
    flow = flow.step("h", tool="m.send", args={"to": F("g", "id"), "cc": F("g", "cc")}, handoff=True)
    with mf.connect(m=mf.mock({"get": {"id": "a", "cc": "b", "n": 1}, "send": lambda to, cc: {}})) as servers:
        drill = mf.drill(flow, servers)
    assert tries(drill, "g", "null") == {
        "id": ("silently wrong", "step 'h' handed the client another to"),
        "cc": ("silently wrong", "step 'h' handed the client another cc"),
    }
    assert drill["g", "missing field"].verdict == "stopped"
    assert drill["g", "slow"].verdict == "stopped"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"workflow": None}, "workflow: give a SequentialWorkflow, not NoneType"),
        ({"servers": None}, r"servers: give what mf.connect\(...\) returned, not NoneType"),
        *(({"seconds": bad}, "seconds: .* a number above 0, not") for bad in (-1, 0, "1", True, float("nan"), float("inf"))),
    ],
)  # fmt: skip
def test_what_cannot_be_drilled_is_refused(change, words):
    flow, servers = hired()
    with servers, pytest.raises(mf.DefinitionError, match=rf"^mf\.drill\(workflow, servers\): {words}"):
        mf.drill(change.get("workflow", flow), change.get("servers", servers), seconds=change.get("seconds", 0.3))
