"""Lesson 12: real servers. The checks run on mocks of them, with another day and another repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import mcpflow_nb as mf
from mcpflow_nb.connecting.config import spec
from mcpflow_nb.errors import ConfigError
from mcpflow_nb.lessons.attempt import Attempt, NotJudged
from mcpflow_nb.lessons.criteria import calls, declares, ends, fits, sends, valid
from mcpflow_nb.lessons.lesson import Criterion, Exercise, Lesson, Question, Reason

STATUS: Final = "On branch at-Tuesday\nChanges to be committed:\n\tmodified:   plans.md"
WORDS: Final = ("-m", "mcp_server_time", "--local-timezone", "Europe/Berlin")


def _servers() -> Mapping[str, mf.Mock]:
    def get_current_time(timezone: str) -> Any:
        return {
            "timezone": timezone,
            "datetime": "2027-03-30T08:00:00+02:00",
            "day_of_week": "Tuesday" if timezone == "Europe/Rome" else "Wednesday",
            "is_dst": True,
        }

    def git_create_branch(repo_path: str, branch_name: str) -> Any:
        return f"Created branch '{branch_name}'"

    def git_status(repo_path: str) -> Any:
        return STATUS if repo_path == "/srv/plans" else "On branch main\nnothing to commit"

    def git_commit(repo_path: str, message: str) -> Any:
        return "Changes committed successfully with hash 731"

    git = {"git_create_branch": git_create_branch, "git_status": git_status, "git_commit": git_commit}
    return {"time": mf.mock({"get_current_time": get_current_time}), "git": mf.mock(git)}


def _command(attempt: Attempt) -> tuple[str, ...]:
    """Return the command of the server `clock` in the configuration that was given."""
    value = attempt.value
    if not isinstance(value, dict) or not isinstance(value.get("mcpServers"), dict):
        raise NotJudged('give a dict with "mcpServers", and in it a dict of servers by name')
    if list(value["mcpServers"]) != ["clock"]:
        raise NotJudged(f"its one server is 'clock'; it has: {', '.join(map(str, value['mcpServers'])) or 'none'}")
    clock = value["mcpServers"]["clock"]
    if not isinstance(clock, dict) or not isinstance(clock.get("command", ""), str):
        raise NotJudged(
            '\'clock\' is a dict with "command", a text of one word, and "args", a list of the words after it'
        )
    try:
        return spec("clock", clock).command
    except ConfigError as error:
        raise NotJudged(str(error)) from None


def _is_started_by_python(attempt: Attempt) -> Reason:
    command = _command(attempt)
    program = re.split(r"[\\/]", command[0])[-1] if command else ""
    if re.fullmatch(r"python[\d.]*(\.exe)?", program):
        return None
    return f"it would start {command[0]!r}, which is one word" if command else "it would start nothing"


def _has_the_words(attempt: Attempt) -> Reason:
    found = _command(attempt)[1:]
    return None if found == WORDS else f"it is started with {list(found)!r}, not {list(WORDS)!r}"


CONFIG: Final = Exercise(
    "12.1",
    "A server in a configuration",
    criteria=(
        Criterion("the server 'clock' is started by python", _is_started_by_python),
        Criterion("it gets four words, in this order", _has_the_words),
    ),
    hints=(
        "Idea 1 shows such a configuration for the git server. Yours has another name, another module and two words more.",
        'A server has a `"command"`, which is one word, and `"args"`, a list of the words after it.',
        '`{"mcpServers": {"clock": {"command": "python", "args": ["-m", "mcp_server_time", "--local-timezone", ...]}}}`',
    ),
    wrong="""config = {"mcpServers": {"clock": {
    "command": "python", "args": ["-m", "mcp_server_time", "--local-timezone Europe/Berlin"],
}}}""",
)

BY_DAY: Final = Exercise(
    "12.2",
    "A branch that has the name of the day",
    criteria=(
        valid(),
        declares("repo"),
        declares("timezone"),
        calls("time.get_current_time", "git.git_create_branch"),
        sends("time.get_current_time", "timezone", "Europe/Rome", "the argument 'timezone'"),
        sends("git.git_create_branch", "repo_path", "/srv/plans", "the argument 'repo'"),
        sends("git.git_create_branch", "branch_name", "at-Tuesday", "'at-' and the day of the week"),
        fits({"repo": "/srv/logs", "timezone": "Asia/Tokyo"}, ("time.get_current_time", {"timezone": "Asia/Tokyo"}),
             ("git.git_create_branch", {"repo_path": "/srv/logs", "branch_name": "at-Wednesday"})),
        ends(),
    ),
    hints=(
        "The first two steps of `diary` do nearly this. What is a constant there is an argument here.",
        "`mf.template` takes a text with a name in braces, and a source for that name.",
        '`mf.template("at-{day}", day=mf.field("now", ...))` is the name of the branch; the tool calls it `branch_name`, and the folder '
        "`repo_path`.",
    ),
    wrong="""by_day = (
    mf.SequentialWorkflow("by_day", "A branch").argument("repo", "Folder").argument("timezone", "Where")
    .step("ask_time", tool="time.get_current_time", bind="now", args={"timezone": "Etc/UTC"})
    .step("branch_off", tool="git.git_create_branch", bind="made",
          args={"repo_path": mf.prompt_arg("repo"),
                "branch_name": mf.template("at-{day}", day=mf.field("now", "day_of_week"))})
)""",
    mocks=_servers,
    given={"repo": "/srv/plans", "timezone": "Europe/Rome"},
)  # fmt: skip

BREAK_IT: Final = Exercise(
    "12.3",
    "Break it: a workflow to repair",
    criteria=(
        valid(),
        calls("git.git_status", "git.git_commit"),
        sends("git.git_status", "repo_path", "/srv/plans", "the argument 'repo'"),
        sends("git.git_commit", "repo_path", "/srv/plans", "the argument 'repo'"),
        sends("git.git_commit", "message", STATUS, "the whole text of the status"),
        fits({"repo": "/srv/logs"}, ("git.git_status", {"repo_path": "/srv/logs"}),
             ("git.git_commit", {"repo_path": "/srv/logs", "message": "On branch main\nnothing to commit"})),
        ends(),
    ),
    hints=(
        "The report names a tool that its server does not have. Mend that and check again: then it names a field of which nothing is known. "
        "Then compare the folders.",
        "Text has no fields: `mf.from_step` reads the whole output. Which repository is committed in, and which one was asked for?",
        'The three places: `tool="git.git_status"`, `mf.from_step("status")`, and `"repo_path": mf.prompt_arg("repo")` in the second '
        "step.",
    ),
    wrong="""mended = (
    mf.SequentialWorkflow("commit_status", "Commit").argument("repo", "Folder of the repository")
    .step("look", tool="git.git_status", args={"repo_path": mf.prompt_arg("repo")}, bind="status")
    .step("commit", tool="git.git_commit", bind="committed",
          args={"repo_path": mf.prompt_arg("repo"), "message": mf.field("status", "text")})
)""",
    mocks=_servers,
    given={"repo": "/srv/plans"},
)  # fmt: skip

PREDICTIONS: Final = (
    Question(
        "12.1",
        "c",
        {
            "a": "It is said, so that you know where to look when a run stops there.",
            "b": "There is no schema that could say which fields there are; so there is none to compare with either.",
            "c": "A tool without output schema may answer anything. The check says that it cannot know.",
        },
    ),
    Question(
        "12.2",
        "b",
        {
            "a": "A value that is not there is never replaced by null.",
            "b": "There is text and no field `hash`. The record says so, and the call is not made.",
            "c": "A run hands over where nothing was to give a value. Here something was, and it failed.",
        },
    ),
    Question(
        "12.3",
        "a",
        {
            "a": "The five calls before `commit` were made, and git did what they said.",
            "b": "Each call is made when its step comes; none waits for the end.",
            "c": "`to` stops before the step that it names.",
        },
    ),
)

QUESTIONS: Final = (
    Question(
        "12.1",
        "b",
        {
            "a": "The server is a program of its own. It could be written in any language.",
            "b": "The list is a command. What the process writes and reads are MCP messages.",
            "c": "That would be a URL. This process is on your machine.",
        },
    ),
    Question(
        "12.2",
        "a",
        {
            "a": "The server does not say what it answers, so a field of the answer may be there or not.",
            "b": "It was run, and this is what it found.",
            "c": "What is known to be wrong is an error.",
        },
    ),
    Question(
        "12.3",
        "c",
        {
            "a": "Then each run of a cell would leave processes behind. That does not happen.",
            "b": "They are started by `connect`, which asks them for their tools.",
            "c": "A name owns its connection: connecting it again closes the old process first.",
        },
    ),
    Question(
        "12.4",
        "b",
        {
            "a": "Nothing is tried out. What is shown is what the server tells of its tool.",
            "b": "Such words are called annotations. A server can be wrong, or lie.",
            "c": "The specification knows the words, and no tool.",
        },
    ),
    Question(
        "12.5",
        "a",
        {
            "a": "So two servers of the same kind can be told apart, and another one can take its place.",
            "b": "The package stands in the command alone.",
            "c": "What a server calls itself may change, or be the same for two of them.",
        },
    ),
)

LESSON: Final = Lesson(
    number="12",
    notebook="12_real_servers.ipynb",
    exercises=(CONFIG, BY_DAY, BREAK_IT),
    predictions=PREDICTIONS,
    questions=QUESTIONS,
)
