"""Who holds a run: a process is told from every other one, also from a later one with its number."""

import dataclasses
import os
import subprocess
import sys

from mcpflow_nb.exact import loads
from mcpflow_nb.journal.owner import Owner, this_process


def test_this_process_lives_and_comes_back_from_its_text():
    me = this_process()
    assert (me.pid, me.is_dead()) == (os.getpid(), False)
    assert Owner(**loads(me.text)) == me
    assert me.words == f"process {os.getpid()} on {me.host}"


def test_a_process_that_ended_or_another_one_with_its_number_or_another_start_of_the_machine_is_dead():
    me = this_process()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert dataclasses.replace(me, pid=ended.pid).is_dead()
    assert dataclasses.replace(me, started=me.started - 60).is_dead()
    assert dataclasses.replace(me, boot="another").is_dead()


def test_of_another_machine_nothing_is_certain():
    assert not dataclasses.replace(this_process(), host="elsewhere", boot="another", pid=1).is_dead()


def test_another_process_is_another_owner():
    code = "from mcpflow_nb.journal.owner import this_process; print(this_process().text)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    other = Owner(**loads(done.stdout))
    assert (other.host, other.boot) == (this_process().host, this_process().boot)
    assert other != this_process()
    assert other.is_dead()
