"""What changed since a cassette was recorded, and which bindings of which workflow break."""

import pytest

import mcpflow_nb as mf

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
PERSON = {"type": "object", "properties": {"id": TEXT, "mail": TEXT}, "required": ["id", "mail"]}
HIRE = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
MAIL = {"type": "object", "properties": {"to": TEXT}, "required": ["to"]}
FLOW = (
    mf.SequentialWorkflow("onboard")
    .step("hire", tool="hr.hire", args={"name": "Ada"}, bind="person")
    .step("mail", tool="hr.mail", args={"to": mf.field("person", "mail")}, bind="sent")
)


def hr(hire=HIRE, person=PERSON, mail=MAIL, tools=("hire", "mail")):
    given = {"hire": lambda name="", **_: {"id": "e-1", "mail": "a@x"}, "mail": lambda **_: "sent"}
    schemas = {"hire": hire, "mail": mail}
    return mf.mock(
        {name: given[name] for name in tools}, schemas={name: schemas[name] for name in tools}, outputs={"hire": person} if "hire" in tools else {},
    )  # fmt: skip


@pytest.fixture
def tape(tmp_path):
    with mf.connect(hr=hr()) as servers, servers.record(tmp_path / "hr.json"):
        assert FLOW.start(servers).all().outcome == "completed"
    return mf.Cassette.load(tmp_path / "hr.json")


def now(tape, server, *workflows):
    with mf.connect(hr=server) as servers:
        return tape.check(servers, *workflows)


def changed(report):
    return [(one.tool, one.what, one.recorded, one.now) for one in report.changed]


def broken(report):
    return [(one.workflow, one.step, one.argument, one.bindings) for one in report.broken]


def test_nothing_changed_is_true_and_says_so(tape):
    report = now(tape, hr())
    assert report
    assert (report.headline(), len(report.df), report.workflows) == ("nothing changed", 0, ("onboard",))
    assert "Every tool declares what it declared" in report._repr_html_()


@pytest.mark.row("RM02")
def test_an_output_field_that_is_gone_breaks_the_binding_that_reads_it(tape):
    report = now(tape, hr(person={"type": "object", "properties": {"id": TEXT}, "required": ["id"]}))
    assert not report
    assert changed(report) == [
        ("hire", "output: mail is gone", TEXT, None),
        ("hire", "output: mail is no longer required", True, None),
    ]
    assert broken(report) == [("onboard", "mail", "to", ("person.mail",))]
    assert report.headline() == "1 break, 2 changes"
    assert "person.mail" in report._repr_html_()
    assert "person.mail" in report._repr_mimebundle_()["text/plain"]


def test_a_type_that_changed_breaks_the_binding_that_no_longer_fits(tape):
    person = {**PERSON, "properties": {"id": TEXT, "mail": NUMBER}}
    report = now(tape, hr(person=person))
    assert changed(report) == [("hire", "output: mail.type is changed", "string", "integer")]
    assert broken(report) == [("onboard", "mail", "to", ("person.mail",))]


def test_a_new_required_parameter_breaks_the_step_and_the_recorded_call(tape):
    report = now(
        tape, hr(hire={"type": "object", "properties": {"name": TEXT, "level": NUMBER}, "required": ["name", "level"]})
    )
    assert changed(report) == [
        ("hire", "input: level is new", None, NUMBER),
        ("hire", "input: level is required now", None, True),
    ]
    assert broken(report) == [("onboard", "hire", None, ("person",))]


def test_a_second_field_that_goes_breaks_though_the_first_was_missing_already(tape):
    both = mf.template("{a} {b}", a=mf.field("p", "nope"), b=mf.field("p", "mail"))
    flow = (
        mf.SequentialWorkflow("w")
        .step("hire", tool="hire", args={"name": "x"}, bind="p")
        .step("mail", tool="mail", args={"to": both})
    )
    report = now(tape, hr(person={"type": "object", "properties": {"id": TEXT}, "required": ["id"]}), flow)
    assert broken(report) == [("w", "mail", "to", ("p.nope", "p.mail"))]
    assert (report.broken[0].server, report.broken[0].tool) == ("hr", "mail")


def test_a_tool_that_is_gone_breaks_its_binding(tape):
    report = now(tape, hr(tools=("hire",)))
    assert changed(report) == [("mail", "the tool is gone", None, None)]
    assert broken(report) == [("onboard", "mail", None, ("sent",))]
    assert report.broken[0].server == "hr"


def test_a_server_that_is_gone_breaks_every_step_of_it(tape):
    with mf.connect(other=mf.mock({"x": 1})) as servers:
        report = tape.check(servers)
    assert [(one.server, one.what) for one in report.changed] == [("hr", "the server is gone")]
    assert [one[1] for one in broken(report)] == ["hire", "mail"]


@pytest.mark.row("RM02")
def test_a_recorded_call_of_no_workflow_breaks_where_it_would_be_refused_now(tmp_path):
    with mf.connect(hr=hr()) as servers, servers.record(tmp_path / "a.json") as tape:
        servers.call("hr.hire", {"name": "Ada"})
        servers.call("hr.hire", {"name": "Bob"})
        servers.call("hr.mail", {"to": "a@x"})
    report = now(tape, hr(hire={**HIRE, "properties": {"name": NUMBER}}, tools=("hire",)))
    assert [(one.tool, one.what) for one in report.broken] == [
        ("hire", 'a recorded call would be refused: [\'name\']: "Ada" is not of type "integer"'),
        ("hire", 'a recorded call would be refused: [\'name\']: "Bob" is not of type "integer"'),
        ("mail", "it was called, and is not offered now"),
    ]
    assert "recorded call of hr.mail" in report._repr_html_()


def test_what_only_widens_changes_and_breaks_nothing(tape):
    wider = {"type": "object", "properties": {"name": TEXT, "level": NUMBER}, "required": ["name"]}
    report = now(tape, hr(hire=wider))
    assert report
    assert changed(report) == [("hire", "input: level is new", None, NUMBER)]
    assert report.headline() == "1 change, nothing breaks"
    assert list(report.df["kind"]) == ["changed"]


def test_a_workflow_that_is_given_is_looked_at_in_place_of_the_recorded(tape):
    reads_id = mf.SequentialWorkflow("other").step("hire", tool="hr.hire", args={"name": "x"}, bind="p")
    reads_id = reads_id.step("mail", tool="hr.mail", args={"to": mf.field("p", "id")})
    person = {"type": "object", "properties": {"id": TEXT}, "required": ["id"]}
    report = now(tape, hr(person=person), reads_id)
    assert report
    assert report.workflows == ("other",)


def test_what_was_wrong_already_is_no_break(tape):
    wrong = mf.SequentialWorkflow("wrong").step("a", tool="hr.nope").step("b", tool="hr.hire", args={"nam": "x"})
    assert now(tape, hr(), wrong)


def test_a_description_alone_is_a_change_with_both_texts(tmp_path):
    def described(words):
        def hire():
            return 1

        hire.__doc__ = words
        return mf.mock({"hire": hire})

    with mf.connect(hr=described("one")) as servers, servers.record(tmp_path / "a.json") as tape:
        servers.call("hr.hire")
    report = now(tape, described("two"))
    assert changed(report) == [("hire", "description is changed", "one", "two")]
    assert report


def test_a_check_against_what_are_no_servers_or_no_workflow_says_what_to_give(tape):
    with pytest.raises(mf.DefinitionError, match=r"servers: give what mf.connect.* returned, not dict"):
        tape.check({"h": 1})
    with mf.connect(hr=hr()) as servers, pytest.raises(mf.DefinitionError, match="give workflows, not str"):
        tape.check(servers, "onboard")
