"""The widget without a browser: its messages reach the controller, views of one run stay in step, closing is clean."""

import pytest

import mcpflow_nb as mf
from mcpflow_nb.stepper.controller import Controller
from mcpflow_nb.stepper.widget import controller_of, stepper


@pytest.fixture
def run():
    mocked = mf.mock({"one": {"a": 1}, "two": {"b": 2}})
    with mf.connect(m=mocked) as servers:
        yield mf.SequentialWorkflow("w").step("one", tool="m.one").step("two", tool="m.two").start(servers)


def send(widget, **command):
    widget._handle_custom_msg(command, [])
    assert widget.controller.wait(20)


def test_its_repr_is_one_line(run):
    assert repr(stepper(run)) == "<Stepper of <Run w: paused before step 1 of 2>>"


def test_a_message_is_a_press_and_two_views_of_a_run_stay_in_step(run):
    one, two = stepper(run), stepper(run)
    assert one.controller is two.controller is controller_of(run)
    send(one, cmd="step", version=one.view["version"])
    assert one.view == two.view == one.controller.view()
    assert run.position == 1
    send(two, cmd="fork", version=two.view["version"])
    assert one.run is two.run is not run
    assert controller_of(run) is not one.controller


@pytest.mark.parametrize("message", ["text", None, 7, [], {"cmd": ["x"]}, {}])
def test_a_message_that_makes_no_sense_changes_nothing(run, message):
    widget = stepper(run)
    widget._handle_custom_msg(message, [])
    assert widget.controller.wait(20)
    assert run.position == 0


def test_a_closed_widget_hears_and_says_nothing(run):
    widget = stepper(run)
    controller = widget.controller
    widget.close()
    widget.close()
    send(widget, cmd="step")
    assert (run.position, controller.listeners) == (0, [])


def test_outside_a_notebook_the_run_is_shown(run, capsys):
    stepper(run)._ipython_display_()
    assert "paused before step 1 of 2" in capsys.readouterr().out


def test_a_selection_is_answered_by_its_echo_also_where_nothing_changes(run):
    controller = Controller(run)
    heard = []
    controller.listeners.append(heard.append)
    controller.do({"cmd": "select", "step": 0, "echo": "page-1"})
    controller.do({"cmd": "select", "step": 0, "echo": "page-2"})
    assert [(view["selected"], view["echo"]) for view in heard] == [(0, "page-1"), (0, "page-2")]
