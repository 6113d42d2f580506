"""Why a value is what it is, what can be read from it, and how two runs or two workflows differ."""

import pytest

import mcpflow_nb as mf


@pytest.fixture
def servers():
    tools = {
        "create": lambda name: {"id": f"e-{name}", "email": f"{name}@x"},
        "pay": lambda id: {"paid": id},
        "mail": lambda to: {"sent": to},
    }
    with mf.connect(m=mf.mock(tools)) as opened:
        yield opened


def flow():
    return (
        mf.SequentialWorkflow("onboard", "Onboard")
        .argument("name")
        .step("create", tool="m.create", args={"name": mf.prompt_arg("name")}, bind="person")
        .step("pay", tool="m.pay", args={"id": mf.field("person", "id")}, bind="paid")
        .step("mail", tool="m.mail", args={"to": mf.field("person", "email")}, bind="mailed")
    )


def test_why_leads_back_to_arguments_constants_edits_and_mocks(servers):
    run = flow().start(servers, name="Ada").all()
    assert [(link.depth, link.value, link.source) for link in run.why("pay", "id").links] == [
        (0, "e-Ada", "binding"), (1, {"id": "e-Ada", "email": "Ada@x"}, "mock"), (2, "Ada", "argument"), (3, "Ada", "argument"),
    ]  # fmt: skip
    run.edit("pay", id="e-1")
    run.rerun("pay")
    assert [(link.value, link.source) for link in run.why("pay", "id").links] == [("e-1", "edited")]
    with pytest.raises(mf.RunError, match="sent no argument 'ids'; did you mean 'id'"):
        run.why("pay", "ids")


def test_paths_give_the_expression_that_binds_each(servers):
    run = flow().start(servers, name="Ada").all()
    assert [(row.path, row.code) for row in run.paths("person")] == [
        ((), 'mf.from_step("person")'), (("id",), 'mf.field("person", "id")'), (("email",), 'mf.field("person", "email")'),
    ]  # fmt: skip


def test_two_runs_differ_first_where_their_calls_do(servers):
    one, two = (flow().start(servers, name=name).all() for name in ("Ada", "Ada"))
    assert (bool(mf.diff(one, two)), mf.diff(one, two).headline()) == (False, "the same")
    three = flow().start(servers, name="Ada")
    three.step()
    three.edit("pay", id="e-1").all()
    found = mf.diff(one, three)
    assert [(row.step, row.mark) for row in found.rows] == [("create", "="), ("pay", "≠"), ("mail", "=")]
    assert [(c.what, c.left, c.right) for c in found.first.changes] == [
        ("sent.id", "e-Ada", "e-1"), ("value.paid", "e-Ada", "e-1"),
    ]  # fmt: skip
    assert found.headline() == "first difference at step 2, 'pay': sent.id, value.paid"


def test_two_workflows_differ_by_step_and_around(servers):
    changed = flow().step("more", tool="m.pay")
    found = mf.diff(flow(), changed)
    assert [(row.step, row.mark) for row in found.rows][-1] == ("more", "+")
    with pytest.raises(mf.DefinitionError, match="two runs"):
        mf.diff(flow(), 3)


def test_a_secret_is_masked_by_where_it_came_from_and_the_headline_counts_what_it_does_not_name(servers):
    workflow = mf.SequentialWorkflow("w").argument("password").step("s", tool="m.create", bind="token",
                                                                     args={"name": mf.prompt_arg("password")})  # fmt: skip
    one, two = (workflow.start(servers, password=word).all() for word in ("hunter2", "hunter3"))
    found = mf.diff(one, two)
    shown = found._repr_mimebundle_()
    assert "hunter" not in shown["text/plain"] + shown["text/html"]
    assert [(c.what, c.origin) for c in found.first.changes] == [
        ("sent.name", "argument password"), ("value.id", "token"), ("value.email", "token"),
    ]  # fmt: skip
    changed = flow().argument("first").instruction("x")
    assert [one.what for one in mf.diff(flow(), changed).around] == ["arguments.first", "instructions"]


def test_why_asks_the_next_call_where_the_run_went_back(servers):
    run = flow().start(servers, name="Ada").all()
    run.pin("create", {"id": "e-1", "email": "new@x"})
    run.back("mail")
    assert run.why("mail", "to").links[0].value == run.next.sent["to"] == "new@x"
