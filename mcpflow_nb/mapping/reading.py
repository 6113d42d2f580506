"""A table as rows: the arguments of each by name, read as for one run, and what is wrong with each row that is refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcpflow_nb.checking.inputs import read_arguments
from mcpflow_nb.checking.problems import Problem
from mcpflow_nb.errors import ArgumentsError, DefinitionError, did_you_mean, listed, nearest
from mcpflow_nb.exact import dumps
from mcpflow_nb.workflows.workflow import SequentialWorkflow


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its label in the table, the key of its run, its arguments as they were read, or why they were refused."""

    label: Hashable
    key: str
    arguments: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, and the columns that no argument reads."""

    rows: tuple[TableRow, ...]
    ignored: tuple[str, ...]

    @property
    def refused(self) -> tuple[TableRow, ...]:
        """The rows that cannot start."""
        return tuple(row for row in self.rows if row.problems)


def read_table(
    workflow: SequentialWorkflow, table: Any, columns: Mapping[str, str] | None = None, key: str | None = None
) -> Table:
    """Return the rows of a DataFrame, or of any sequence of mappings; each is read, whatever becomes of the others.

    An argument reads the column of its name, or the one that `columns` gives. A cell without a value is not given. Rows
    are called what the table's index calls them, by position where that says the same twice. `key` is the column that
    tells rows apart; else their arguments do.

    Raises
    ------
    DefinitionError
        When this is no table, an argument has no column, a column none like it, or a key is missing or there twice.
    """
    labels, cells = _cells(table)
    names = list(dict.fromkeys(name for one in cells for name in one))
    read = _columns(workflow, names, columns or {})
    if key is not None and key not in names:
        raise DefinitionError(f"map: no column {key!r} to tell rows apart{did_you_mean(key, names)}")
    rows, seen = [], Counter[str]()
    for label, one in zip(labels, cells, strict=True):
        given = {argument: one[column] for argument, column in read.items() if column in one}
        arguments, problems = _read(workflow, given)
        name = _key_of(label, one, key) if key is not None else _digest(given if problems else arguments)
        seen[name] += 1
        if key is not None and seen[name] > 1:
            raise DefinitionError(f"map: the key {name!r} is there twice in column {key!r}; a key names one row")
        rows.append(TableRow(label, name if seen[name] == 1 else f"{name}-{seen[name]}", arguments, problems))
    return Table(tuple(rows), tuple(name for name in names if name not in {*read.values(), key}))


def _cells(table: Any) -> tuple[Sequence[Hashable], list[dict[str, Any]]]:
    """Return the labels of the rows, and of each row its columns that have a value."""
    if hasattr(table, "itertuples") and hasattr(table, "columns"):
        columns = [str(name) for name in table.columns]
        if twice := [name for name, times in Counter(columns).items() if times > 1]:
            raise DefinitionError(f"map: column {twice[0]!r} is there twice")
        there = table.notna().itertuples(index=False, name=None)
        rows = [
            {name: cell for name, cell, has in zip(columns, row, is_there, strict=True) if has}
            for row, is_there in zip(table.itertuples(index=False, name=None), there, strict=True)
        ]
        return (list(table.index) if table.index.is_unique else range(len(rows))), rows
    if isinstance(table, str | Mapping) or not isinstance(table, Iterable):
        raise DefinitionError(f"map: give a DataFrame or a list of mappings, a row each, not {type(table).__name__}")
    found = list(table)
    if wrong := [at for at, one in enumerate(found) if not isinstance(one, Mapping)]:
        raise DefinitionError(
            f"map: row {wrong[0]} is no mapping of columns to values: {type(found[wrong[0]]).__name__}"
        )
    return range(len(found)), [{str(name): cell for name, cell in one.items() if cell is not None} for one in found]


def _columns(workflow: SequentialWorkflow, names: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each argument that has one; what was probably meant otherwise is refused."""
    declared = {one.name: one for one in workflow.arguments}
    for argument, column in columns.items():
        if argument not in declared:
            raise DefinitionError(
                f"map: {workflow.name!r} has no argument {argument!r}{did_you_mean(argument, declared)}"
            )
        if names and column not in names:
            raise DefinitionError(f"map: argument {argument!r}: no column {column!r}{did_you_mean(column, names)}")
    read = {name: columns.get(name, name) for name in declared if name in columns or name in names}
    left = [name for name in names if name not in read.values()]
    for one in workflow.arguments if names else ():
        name = one.name
        close = nearest(name, left) if name not in read else None
        if name not in read and (close or (one.required and one.default is None)):
            hint = f"; is it {close!r}? say so, or rename the column" if close else f"; there are {listed(left)}"
            raise DefinitionError(
                f"map: argument {name!r} has no column{hint}: arguments={{{name!r}: {close or '...'!r}}}"
            )
    return read


def _read(workflow: SequentialWorkflow, given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    whole = {one.name for one in workflow.arguments if one.type == "integer"}
    asked = {  # in a column with an empty cell pandas keeps whole numbers as floats
        name: int(cell) if name in whole and isinstance(cell, float) and cell.is_integer() else cell
        for name, cell in given.items()
    }
    try:
        return read_arguments(workflow, asked), ()
    except ArgumentsError as error:
        return {}, error.problems


def _key_of(label: Hashable, cells: Mapping[str, Any], key: str) -> str:
    if key not in cells or not str(cells[key]).strip():
        raise DefinitionError(f"map: row {label!r} has no value in the key column {key!r}")
    return str(cells[key])


def _digest(arguments: Mapping[str, Any]) -> str:
    try:
        text = dumps(dict(sorted(arguments.items())))
    except (TypeError, ValueError):  # a row that is refused may hold anything
        text = repr(sorted(arguments))
    return hashlib.sha256(text.encode()).hexdigest()[:20]
