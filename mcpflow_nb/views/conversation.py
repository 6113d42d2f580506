"""A conversation: what a client of the workflow reads, message by message, each in a frame of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcpflow_nb.masking import Masks
from mcpflow_nb.records.messages import Conversation, Message
from mcpflow_nb.views.html import Safe, badge, code, details, frame, joined, preformatted, short, spaced, tag, word
from mcpflow_nb.views.marks import outcome_mark
from mcpflow_nb.views.plain import COLUMNS, LINES, clip, count, page
from mcpflow_nb.views.resource import MAX_TEXT, content_body, cut_text, is_picture, size_words, type_of
from mcpflow_nb.views.values import text_shown

FIRST: Final = 30
LAST: Final = 15
OPEN_LINES: Final = 16
OPEN_CHARACTERS: Final = 1_200
"""What is read of a message without opening it."""
MAX_FOLDED: Final = 120_000
"""Characters that all folds of one view hold together."""
MOST_LINES: Final = (40, 20, 12, 8, 6, 5, 4, 3, 2, 1)
"""Lines of one message in a text display: as many as let all messages in."""
MOST_LEARNED: Final = 2_000
"""Messages that are looked through for secrets."""
REST: Final = "run.trace.messages"

_KINDS: Final = {"fetch": "next", "call": "next", "result": "ok", "error": "error", "handoff": "handoff"}


def line(told: Conversation) -> str:
    """Return `<Conversation add_task: 9 messages, 1,204 characters, handoff>`."""
    return f"<Conversation {clip(told.workflow, 60)}: {_size(told)}, {outcome_mark(told.outcome).word}>"


def plain(told: Conversation) -> str:
    """Return a block a message: who says what about which step, and the first lines of its text."""
    head = f"Conversation {clip(told.workflow, 40)} — {_size(told)}, {outcome_mark(told.outcome).word}"
    if not told:
        return page([head, "  no messages"], REST)
    masks = _masks(told)
    said = [(message, *_lines(message, masks)) for message in told[:LINES]]
    needed = (1 + sum(1 + min(most, len(lines)) for _, lines, _ in said) for most in MOST_LINES)
    most = next((most for most, total in zip(MOST_LINES, needed, strict=True) if total <= LINES), 1)
    shown = [head]
    for number, (message, lines, left) in enumerate(said, 1):
        block = [f"{number}  {' · '.join(_facts(message))}", *_first(lines, left, most)]
        if len(shown) + len(block) + (number < len(told)) > LINES:
            return page([*shown, f"… {count(len(told) - number + 1, 'more message')}: {REST}"], REST)
        shown += block
    return page(shown, REST)


def html(told: Conversation) -> Safe:
    """Return the messages in order: role, kind, step and length, the text, what is long folded."""
    shown = outcome_mark(told.outcome)
    facts = [badge(f"{shown.icon} {shown.word}", shown.kind), _size(told)]
    return frame("Conversation", code(told.workflow), facts, messages_list(told), foot=(REST,))


def messages_list(told: Conversation) -> Safe:
    """Return an item a message; of many the first and the last."""
    everything = list(enumerate(told))
    left = max(0, len(told) - FIRST - LAST)
    chosen = everything[:FIRST] + everything[-LAST:] if left else everything
    items, budget, pictures, masks = [], MAX_FOLDED, 0, _masks(told)
    for at, message in chosen:
        items.append(_item(at, message, budget, pictures, masks))
        budget -= max(0, min(len(message.text), MAX_TEXT) - OPEN_CHARACTERS)
        pictures += is_picture(_resource(message) or {})
    if left:
        items.insert(FIRST, tag("li", f"… {left:,} more messages: ", tag("code", REST), class_="mf-cut"))
    return tag("ul", items, class_="mf-messages") if items else tag("p", "No messages.")


def _masks(told: Conversation) -> Masks:
    """Return what stands under a secret's name anywhere in it: a later step may be given it by another name."""
    masks = Masks()
    for message in told[:MOST_LEARNED]:
        masks.learn(message.text[:MAX_TEXT])
    return masks


def _size(told: Conversation) -> str:
    return f"{count(len(told), 'message')}, {count(told.characters, 'character')}"


def _facts(message: Message) -> list[str]:
    """Return role, kind, step and length as words."""
    step = [f"step {short(message.step, 60)}"] if message.step is not None else []
    return [message.role, message.kind, *step, _length(message)]


def _length(message: Message) -> str:
    inner = _resource(message)
    if inner is None or "text" in inner:
        return count(len(message), "character")
    return f"{count(len(message), 'character')} of base64"


def _resource(message: Message) -> Mapping[str, Any] | None:
    inner = message.content.get("resource")
    return inner if isinstance(inner, Mapping) else None


def _served(message: Message) -> str:
    """Return who served a resource, and its type and size."""
    inner = _resource(message) or {}
    server = message.content.get("_meta", {}).get("mcpflow/server")
    of = [f"server {short(server, 60)}" if server else "", short(type_of(inner), 60), size_words(inner)]
    return ", ".join(part for part in of if part)


def _lines(message: Message, masks: Masks) -> tuple[list[str], int]:
    """Return the lines it begins with, secrets masked, and how many more there are; a resource is headed by its URI."""
    shown = str(masks.by_value(text_shown(message.text[:MAX_TEXT], lists=_has_lists(message))))
    lines = shown.split("\n") if shown else []
    inner = _resource(message)
    if inner is not None:
        lines.insert(0, f"{text_shown(str(inner.get('uri', '')))} ({_served(message)})")
    return lines, message.text.count("\n", MAX_TEXT)


def _first(lines: list[str], left: int, most: int) -> list[str]:
    """Return so many lines, the last with how many more there are; where one is all, the text runs on in it."""
    if most == 1 and len(lines) > 1:
        return [f"   {clip(' '.join(' '.join(lines).split()) + (' …' if left else ''), COLUMNS - 3)}"]
    kept = [f"   {clip(one, COLUMNS - 3)}" for one in lines[:most]]
    if left := left + len(lines) - len(kept):
        kept[-1] = f"{clip(kept[-1], COLUMNS - 25).rstrip('…')} … {count(left, 'more line')}"
    return kept


def _has_lists(message: Message) -> bool:
    """Whether it lists arguments, a line each, whose values may go on over several lines."""
    return message.kind in ("intent", "handoff")


def _item(at: int, message: Message, budget: int, pictures: int, masks: Masks) -> Safe:
    step = word("step ", code(message.step, 60)) if message.step is not None else None
    head = spaced(
        str(at + 1), joined(badge(message.role), " ", badge(message.kind, _KINDS.get(message.kind, "plain"))),
        step, _length(message),
    )  # fmt: skip
    inner = _resource(message)
    uri = str(inner.get("uri", "")) if inner is not None else ""
    named = tag("p", "Resource ", code(text_shown(uri)), " · ", _served(message)) if inner is not None else None
    if inner is None or "text" in inner:
        body = _text(at, message, budget, masks)
    else:
        body = content_body(inner, uri, f"{REST}[{at}].content['resource']", pictures)
    return tag("li", tag("p", head), named, body, class_=f"mf-message mf-{message.role}")


def _text(at: int, message: Message, budget: int, masks: Masks) -> Safe:
    """Return the first lines of a text, and all of it folded where it is longer."""
    text, rest = message.text, f"{REST}[{at}].text"
    shown = str(masks.by_value(text_shown(text[:MAX_TEXT], lists=_has_lists(message))))
    first = "\n".join(shown[:OPEN_CHARACTERS].split("\n")[:OPEN_LINES])
    if len(first) == len(shown) and len(text) <= MAX_TEXT:
        return preformatted(first)
    if budget < len(shown):
        return joined(preformatted(first + " …"), tag("p", "all of it: ", tag("code", rest), class_="mf-cut"))
    whole = cut_text(str(masks.by_value(text)), MAX_TEXT, rest, lists=_has_lists(message))
    words = (
        f"All {count(len(text), 'character')}" if len(text) <= MAX_TEXT else f"More of {count(len(text), 'character')}"
    )
    return joined(preformatted(first + " …"), details(words, whole))
