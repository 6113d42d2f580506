"""A workflow as the Python that makes it again: a chain of `mf.` words, as a reader would write it.

What is printed is also done here, verb by verb, so that a workflow which these words cannot make is an error and
never other code. How a source is written is the source's own answer, `source.code`.
"""

from __future__ import annotations

import ast
import keyword
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mcpflow_nb.errors import DefinitionError
from mcpflow_nb.workflows.arguments import Argument
from mcpflow_nb.workflows.breakpoints import Breakpoint
from mcpflow_nb.workflows.layout import WIDTH, Expression, Group, flat, laid_out, literal, named, parsed, plain
from mcpflow_nb.workflows.sources import Source
from mcpflow_nb.workflows.steps import WorkflowStep
from mcpflow_nb.workflows.workflow import SequentialWorkflow

IMPORT: Final = "import mcpflow_nb as mf\n\n"
LONGEST_CHAIN: Final = 300
"""Verbs in one statement: Python itself refuses a chain of some thousands."""
DEEPEST: Final = 30
"""Nesting of a constant beyond which it is written as `mf.constant(...)`, which reaches deeper."""
TYPES: Final = {"integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict"}


class Word(str):
    """A name in the code, written as it is."""

    __slots__ = ()


class Verb(NamedTuple):
    """One link of the chain, done and printed from the same parts."""

    name: str
    positional: tuple[Any, ...]
    fields: dict[str, Any]
    step: str | None = None


def to_python(
    workflow: SequentialWorkflow, name: str = "workflow", notes: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Return the code that makes a workflow; `notes` are comments before a step, by its name.

    Raises
    ------
    DefinitionError
        When `name` is no name of Python, or no words make this workflow.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name == "mf":
        raise DefinitionError(f"to_python: {name!r} is no name that Python can give to a workflow")
    verbs = tuple(_verbs(workflow))
    _require_same(workflow, verbs)
    how = (named("on_failure=", plain(workflow.on_failure)),) if workflow.on_failure != "stop" else ()
    begun = Group("mf.SequentialWorkflow(", (*map(plain, _named(workflow)), *how), ")")
    lines, chains = [f"    {laid_out(begun, 4, 4)}"], []
    for at, verb in enumerate(verbs):
        if at and at % LONGEST_CHAIN == 0:
            chains.append(lines)
            lines = [f"    {name}"]
        lines += [line for note in (notes or {}).get(verb.step or "", ()) for line in _comment(note)]
        lines.append(f"    {laid_out(_printed(verb), 4, 4)}")
    return IMPORT + "".join(f"{name} = (\n{chr(10).join(lines)}\n)\n" for lines in [*chains, lines])


def _comment(note: str) -> list[str]:
    """Return a note as lines of comment; whatever is in it, no line of it is code."""
    begin = "    # "
    words = repr(note)[1:-1] if not note.isprintable() else note
    return textwrap.wrap(words, WIDTH, initial_indent=begin, subsequent_indent=f"{begin}  ", break_on_hyphens=False)


def _named(workflow: SequentialWorkflow) -> tuple[str, ...]:
    return (workflow.name, workflow.description) if workflow.description else (workflow.name,)


def _verbs(workflow: SequentialWorkflow) -> Iterator[Verb]:
    yield from map(_argument, workflow.arguments)
    yield from (Verb("instruction", (text,), {}) for text in workflow.instructions)
    yield from map(_step, workflow.steps)
    yield from map(_breakpoint, workflow.breakpoints)
    if workflow.side_by_side:
        yield Verb("parallel", (), {})


def _argument(argument: Argument) -> Verb:
    has_default = argument.default is not None
    fields: dict[str, Any] = {}
    if argument.type in TYPES:
        fields["type"] = Word(TYPES[argument.type])
    if argument.required == has_default:
        fields["required"] = argument.required
    if argument.default is not None:
        fields["default"] = argument.default.value
    if argument.choices:
        fields["choices"] = [choice.value for choice in argument.choices]
    if argument.json_schema is not None:
        fields["schema"] = argument.json_schema.value
    described = (argument.description,) if argument.description else ()
    return Verb("argument", (argument.name, *described), fields)


def _step(step: WorkflowStep) -> Verb:
    fields = {
        "tool": step.tool, "server": step.server, "bind": step.binding, "args": dict(step.args) or None,
        "guidance": step.guidance, "resources": list(step.resources) or None, "template": dict(step.template) or None,
        "timeout": step.timeout, "secret": list(step.secret) or None, "handoff": step.handoff or None, "parse": step.parse,
        "repeat": step.repeat, "check": step.check.written() if step.check is not None else None,
        "retry": {"attempts": step.retry.attempts, **step.retry.saved()} if step.retry is not None else None,
        "undo": step.undo.written() if step.undo is not None else None, "approve": step.approve or None,
        "on_error": step.on_error if step.on_error != "fail" else None, "fail_if": _alternatives(step),
    }  # fmt: skip
    return Verb("step", (step.name,), {key: value for key, value in fields.items() if value is not None}, step.name)


def _alternatives(step: WorkflowStep) -> Any:
    found = [{path: wanted.value for path, wanted in one.items()} for one in step.fail_if]
    return found[0] if len(found) == 1 else found or None


def _breakpoint(one: Breakpoint) -> Verb:
    if one.is_function:
        raise DefinitionError(f"breakpoint {one.step!r}: its condition is a function, which no code here can repeat")
    return Verb("breakpoint", (one.step,), {} if one.when is None else {"when": one.when.value})


def _require_same(workflow: SequentialWorkflow, verbs: Sequence[Verb]) -> None:
    made = SequentialWorkflow(*_named(workflow), on_failure=workflow.on_failure)
    for verb in verbs:
        given = {key: _PYTHON[value] if isinstance(value, Word) else value for key, value in verb.fields.items()}
        made = getattr(made, verb.name)(*verb.positional, **given)
    for part in ("arguments", "instructions", "steps", "breakpoints"):
        before, after = getattr(workflow, part), getattr(made, part)
        if differing := [one for one, other in zip(before, after, strict=False) if one != other]:
            shown = getattr(differing[0], "name", getattr(differing[0], "step", differing[0]))
            raise DefinitionError(
                f"to_python: of the {part}, {shown!r} is as no verb makes it; save it as JSON instead"
            )
        if len(before) != len(after):
            raise DefinitionError(f"to_python: two of the {part} have one name; save it as JSON instead")


_PYTHON: Final = {kind.__name__: kind for kind in (int, float, bool, list, dict)}


def _printed(verb: Verb) -> Group:
    items = (*map(plain, verb.positional), *(named(f"{key}=", _value(value)) for key, value in verb.fields.items()))
    return Group(f".{verb.name}(", items, ")")


def _value(value: Any) -> Expression:
    if isinstance(value, Word):
        return str.__str__(value)
    if isinstance(value, Source):
        return written(value)
    if isinstance(value, dict) and any(isinstance(item, Source | dict) for item in value.values()):
        return Group("{", tuple(named(f"{literal(key)}: ", _value(item)) for key, item in value.items()), "}")
    return plain(value)


def written(source: Source) -> Expression:
    """Return a source as it is written with `mf.` words; a constant is its plain value.

    Raises
    ------
    DefinitionError
        For an object or a list of no sources, which the words make a constant of.
    """
    return _of_source(parsed(source.code))


def code_of(source: Source) -> str:
    """Return a source on one line of code, as `written`.

    >>> from mcpflow_nb.workflows.dsl import field, template
    >>> code_of(template("Hi {who}", who=field("person", "name")))
    'mf.template("Hi {who}", who=mf.field("person", "name"))'
    """
    return flat(written(source))


def _of_source(node: ast.expr, *, bare: bool = True) -> Expression:
    if isinstance(node, ast.Subscript):
        inner, key = _of_source(node.value), f"[{flat(plain(ast.literal_eval(node.slice)))}]"
        return Group(inner.opened, inner.items, inner.closed + key) if isinstance(inner, Group) else flat(inner) + key
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _of_call(node.func.id, node, bare=bare)
    if isinstance(node, ast.Dict | ast.List):
        return _of_composed(node)
    raise DefinitionError(f"no words make {ast.unparse(node)!r}")


def _of_call(word: str, node: ast.Call, *, bare: bool) -> Expression:
    takes_source = word == "optional"
    first = [_of_source(item) if takes_source else plain(ast.literal_eval(item)) for item in node.args]
    if word == "constant" and bare and _depth(node.args[0]) <= DEEPEST:
        return first[0]
    more: list[Expression] = []
    for given in node.keywords:
        if given.arg is None:  # names of a template that are no names in Python
            more.append(named("**", _value_of_names(given.value)))
        elif word == "template":
            more.append(named(f"{given.arg}=", _of_source(given.value)))
        else:
            more.append(named(f"{given.arg}=", plain(ast.literal_eval(given.value))))
    return Group(f"mf.{word}(", (*first, *more), ")")


def _value_of_names(node: ast.expr) -> Expression:
    assert isinstance(node, ast.Dict)
    pairs = zip(node.keys, node.values, strict=True)
    items = (named(f"{literal(ast.literal_eval(key))}: ", _of_source(item)) for key, item in pairs if key is not None)
    return Group("{", tuple(items), "}")


def _of_composed(node: ast.Dict | ast.List) -> Group:
    parts = node.values if isinstance(node, ast.Dict) else node.elts
    if not parts:
        raise DefinitionError("an object or list of sources without any: no words make it; write a constant")
    # One part must be a source in the code too, or the words would make a constant of the whole.
    all_constant = all(isinstance(part, ast.Call) and ast.unparse(part.func) == "constant" for part in parts)
    items = tuple(_of_source(part, bare=at > 0 or not all_constant) for at, part in enumerate(parts))
    if isinstance(node, ast.List):
        return Group("[", items, "]")
    names = [literal(ast.literal_eval(key)) for key in node.keys if key is not None]
    return Group("{", tuple(named(f"{name}: ", item) for name, item in zip(names, items, strict=True)), "}")


def _depth(node: ast.AST) -> int:
    return 1 + max((_depth(child) for child in ast.iter_child_nodes(node)), default=0)
