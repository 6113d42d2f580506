"""Text in which nothing is hidden: control, bidirectional and zero-width characters are written out."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff"
    + "".join(chr(plane << 16 | low) for plane in range(1, 17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
"""Control, bidirectional, zero-width and filler characters, lone surrogates, and code points that are none."""


def visible(text: object, *, lines: bool = False) -> str:
    r"""Return text in which every hidden character is written out; line ends stay only with `lines`.

    >>> visible("a\x1b[2Jb"), visible("a\nb"), visible("a\nb", lines=True) == "a\nb"
    ('a\\x1b[2Jb', 'a\\nb', True)
    """
    plain = str.__str__(text) if isinstance(text, str) else str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    plain = HIDDEN.sub(_written, plain)
    return plain if lines else plain.replace("\n", "\\n").replace("\t", "\\t")


def _written(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
