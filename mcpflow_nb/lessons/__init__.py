"""Lessons that check themselves: `from mcpflow_nb.lessons import check, hint, solution, predict, quiz`.

What a lesson asks is data, one file a lesson (`lesson_03.py`); the rest of this folder is the machinery. To add one:
CONTRIBUTING.md, "A lesson".
"""

from mcpflow_nb.lessons.desk import check, hint, predict, quiz, solution

__all__ = ["check", "hint", "predict", "quiz", "solution"]
