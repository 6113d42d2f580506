"""The options of a new run: where it is kept and what it is called; a workflow's own argument of that name comes first."""

import pytest
from mcp.server import MCPServer

import mcpflow_nb as mf

WORKFLOW = mf.SequentialWorkflow("w").step("a", tool="m.t", bind="x")


@pytest.fixture
def servers():
    with mf.connect(m=mf.mock({"t": {"n": 1}, "say": lambda journal: {"said": journal}})) as opened:
        yield opened


def test_outside_a_notebook_no_run_is_kept_unless_it_is_asked_for(servers, tmp_path, monkeypatch):
    monkeypatch.setenv("MCPFLOW_DATA", str(tmp_path / "own"))
    assert WORKFLOW.start(servers).all().outcome == "completed"
    assert len(mf.runs()) == 0


@pytest.mark.parametrize("nowhere", [None, False])
def test_a_run_that_is_not_kept_writes_nothing(servers, nowhere, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    WORKFLOW.start(servers, journal=nowhere).all()
    assert list(tmp_path.iterdir()) == []


def test_true_is_the_journal_of_this_user(servers, tmp_path, monkeypatch):
    monkeypatch.setenv("MCPFLOW_DATA", str(tmp_path / "own"))
    run = WORKFLOW.start(servers, journal=True)
    assert [one.run_id for one in mf.runs()] == [run.id]
    assert f"mf.resume({run.id!r}, servers)" in mf.runs()._repr_mimebundle_()["text/plain"]
    assert mf.resume(run.id, servers).all().outcome == "completed"
    assert (tmp_path / "own" / "runs.db").exists()


def test_an_argument_of_that_name_is_the_workflows_own_and_the_mapping_makes_room_for_the_option(servers, tmp_path):
    said = (
        mf.SequentialWorkflow("w")
        .argument("journal")
        .step("a", tool="m.say", args={"journal": mf.prompt_arg("journal")})
    )
    assert said.start(servers, journal="news").all().trace[0].value == {"said": "news"}
    run = said.start(servers, {"journal": "news"}, journal=tmp_path / "r.db").all()
    assert (run.trace[0].value, len(mf.runs(journal=tmp_path / "r.db"))) == ({"said": "news"}, 1)


def test_a_run_id_without_a_journal_is_refused(servers):
    with pytest.raises(mf.DefinitionError, match="run_id names a run in a journal"):
        WORKFLOW.start(servers, run_id="r")


@pytest.mark.parametrize("wrong", [3, "", b"r"])
def test_a_run_id_that_is_no_name_is_refused(servers, wrong, tmp_path):
    with pytest.raises(mf.DefinitionError, match="run_id is the name of a run"):
        WORKFLOW.start(servers, run_id=wrong, journal=tmp_path / "r.db")


@pytest.mark.parametrize("wrong", [3, "", b"r", 0])
def test_a_journal_that_is_no_place_is_refused_before_anything_is_called(servers, wrong):
    with pytest.raises(mf.JournalError, match="give a path, True for the journal of this user, or None"):
        WORKFLOW.start(servers, journal=wrong)


def test_a_workflow_with_errors_is_refused_before_the_journal_is_made(servers, tmp_path):
    with pytest.raises(mf.CheckError):
        mf.SequentialWorkflow("w").step("a", tool="m.nope").start(servers, journal=tmp_path / "r.db")
    assert not (tmp_path / "r.db").exists()


def test_a_workflow_that_was_valid_is_checked_again_where_a_server_offers_something_else():
    server = MCPServer("m", log_level="ERROR")

    @server.tool()
    def t() -> dict[str, int]:
        return {"n": 1}

    with mf.connect(m=server) as servers:
        WORKFLOW.start(servers)
        server.remove_tool("t")
        WORKFLOW.start(servers)  # nobody has looked since
        servers.refresh()
        with pytest.raises(mf.CheckError, match="unknown-tool"):
            WORKFLOW.start(servers)
    with mf.connect(m=mf.mock({"other": 1})) as servers, pytest.raises(mf.CheckError, match="unknown-tool"):
        WORKFLOW.start(servers)


def test_a_workflow_that_reads_the_environment_is_checked_each_time(servers, monkeypatch):
    reads = mf.SequentialWorkflow("w").step("a", tool="m.say", args={"journal": mf.env("STARTING_KEY")})
    monkeypatch.setenv("STARTING_KEY", "value-5512")
    reads.start(servers)
    monkeypatch.delenv("STARTING_KEY")
    with pytest.raises(mf.CheckError, match="missing-variable"):
        reads.start(servers)
