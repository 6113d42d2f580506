"""Recorded sessions with the workflow that made each: the two of the tests, and five with values that mislead.

`session(name)` runs the workflow on mocks and gives its trace, from which `mf.infer` has to find it again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import mcpflow_nb as mf
from tests.clients.workflows import ONBOARD, REVIEW

A, F = mf.prompt_arg, mf.field
EMPLOYEE = {"employee_id": "emp-456", "email": "alice@company.example", "level": 3, "status": "active"}
GAMES = [{"id": "game-00417", "name": "Chess", "active": True}, {"id": "game-00982", "name": "Go", "active": True}]

PROJECT = (  # the same id in every output, under other names, and echoes of what was given
    mf.SequentialWorkflow("project")
    .argument("title").argument("owner_email")
    .step("create_project", tool="pm.create_project", bind="project",
          args={"title": A("title"), "owner": A("owner_email"), "private": True})
    .step("add_board", tool="pm.add_board", bind="board",
          args={"project_id": F("project", "id"), "kind": "kanban"})
    .step("add_task", tool="pm.add_task", bind="task",
          args={"board_id": F("board", "id"), "project_id": F("project", "id"), "title": "Kick off", "priority": 1})
    .step("notify", tool="mail.send", args={"to": A("owner_email"), "link": F("task", "url"), "urgent": False})
)  # fmt: skip
ORDER = (  # small numbers that are equal by chance, big ones that are not, an object handed on whole
    mf.SequentialWorkflow("order")
    .argument("customer_ref").argument("sku").argument("quantity", type=int)
    .step("find_customer", tool="shop.find_customer", bind="customer", args={"ref": A("customer_ref"), "limit": 1})
    .step("get_price", tool="shop.get_price", bind="price", args={"sku": A("sku"), "quantity": A("quantity")})
    .step("place_order", tool="shop.place_order", bind="order", args={
        "customer": F("customer", "profile"), "amount": F("price", "total"), "retries": 2,
        "lines": [{"sku": A("sku"), "quantity": A("quantity")}],
    })
    .step("invoice", tool="bank.invoice", args={
        "order_number": F("order", "number"), "amount": F("order", "amount"), "reminders": 1,
    })
)  # fmt: skip
TOURNAMENT = (  # nested lists, a list put together from several places, words that stand in many outputs
    mf.SequentialWorkflow("tournament")
    .argument("season")
    .step("list_games", tool="club.list_games", bind="games", args={"season": A("season"), "status": "active"})
    .step("get_room", tool="club.get_room", bind="room", args={"game_id": F("games", "list.0.id"), "size": 2})
    .step("pair", tool="club.pair", bind="pairs", args={
        "game_ids": [F("games", "list.0.id"), F("games", "list.1.id")], "room": {"code": F("room", "code"), "floor": 1},
    })
    .step("publish", tool="web.publish", args={
        "pairs": F("pairs", "pairs"), "season": A("season"), "visibility": "public", "heading": F("games", "list.1.name"),
    })
)  # fmt: skip
ACCOUNT = (  # an email that is argument and output, a status by chance equal, a secret
    mf.SequentialWorkflow("account")
    .argument("email").argument("plan")
    .step("sign_up", tool="auth.sign_up", bind="user", args={"email": A("email"), "plan": A("plan")})
    .step("login", tool="auth.login", bind="session", args={"user_id": F("user", "user_id"), "email": A("email")})
    .step("subscribe", tool="pay.subscribe", bind="subscription", args={
        "token": F("session", "access_token"), "plan": A("plan"), "user_id": F("user", "user_id"), "status": "active",
    })
    .step("receipt", tool="mail.send", args={"to": A("email"), "subscription": F("subscription", "subscription_id")})
)  # fmt: skip
DEPLOY = (  # outputs that are text, numbers that are ids, an output handed on whole, a path through a key with a dot
    mf.SequentialWorkflow("deploy")
    .argument("repository").argument("branch")
    .step("resolve", tool="git.resolve", bind="commit", args={"repository": A("repository"), "ref": A("branch")})
    .step("build", tool="ci.build", bind="build", args={"commit": mf.from_step("commit"), "repository": A("repository")})
    .step("scan", tool="ci.scan", bind="scan", args={"build_id": F("build", "id"), "level": "high"})
    .step("release", tool="ci.release", args={
        "build_id": F("build", "id"), "image": mf.from_step("build")["artifacts"]["app.image"],
        "report": mf.from_step("scan"), "environment": "production", "replicas": 3,
    })
)  # fmt: skip
TRAVEL = (  # held out: written after the weights were set, and they were not changed for it
    mf.SequentialWorkflow("travel")
    .argument("traveller").argument("origin").argument("destination").argument("day")
    .step("search", tool="air.search_flights", bind="flights", args={
        "from": A("origin"), "to": A("destination"), "date": A("day"), "adults": 1, "cabin": "economy",
    })
    .step("hold", tool="air.hold_seat", bind="held", args={
        "flight": F("flights", "offers.0.number"), "seat": F("flights", "offers.0.seats.1"), "traveller": A("traveller"),
    })
    .step("hotel", tool="stay.book_room", bind="room", args={
        "city": A("destination"), "check_in": F("flights", "offers.0.arrives"), "nights": 2, "guest": A("traveller"),
    })
    .step("pay", tool="bank.charge", bind="paid", args={
        "amount": F("held", "price"), "currency": F("held", "currency"), "reference": F("held", "locator"),
    })
    .step("itinerary", tool="mail.send", args={
        "subject": "Your trip", "parts": [F("held", "locator"), F("room", "confirmation")], "receipt": mf.from_step("paid"),
    })
)  # fmt: skip
SUPPORT = (  # held out, as above
    mf.SequentialWorkflow("support")
    .argument("ticket", type=int).argument("agent")
    .step("read_ticket", tool="desk.get_ticket", bind="ticket", args={"id": A("ticket")})
    .step("customer", tool="crm.get_customer", bind="customer", args={"id": F("ticket", "requester_id")})
    .step("search", tool="kb.search", bind="hits", args={"query": F("ticket", "subject"), "top": 3, "lang": F("customer", "locale")})
    .step("reply", tool="desk.reply", bind="reply", args={
        "ticket": A("ticket"), "body": F("hits", "articles.0.summary"), "author": A("agent"), "public": True,
    })
    .step("close", tool="desk.close", args={
        "ticket": A("ticket"), "tags": F("ticket", "tags"), "resolution": "answered", "reply_id": F("reply", "id"),
        "csat": {"to": F("customer", "email"), "scale": 5},
    })
)  # fmt: skip


class Session(NamedTuple):
    """A workflow, what its tools answer, and the arguments it was started with."""

    workflow: mf.SequentialWorkflow
    outputs: dict[str, dict[str, Any]]
    arguments: dict[str, Any]


SESSIONS = {
    "onboarding": Session(ONBOARD, {
        "hr": {"create_employee": EMPLOYEE, "create_payroll": {"payroll_id": "pay-emp-456", "status": "active"},
               "send_email": {"sent": True}},
        "it": {"create_github_user": {"username": "alice-engineering", "access_level": "developer"},
               "provision_laptop": {"tracking_number": "FX123456", "eta": "2026-02-01"}},
    }, {"employee_name": "Alice Smith", "department": "engineering", "role": "Senior Engineer",
        "manager_id": "mgr-123", "start_date": "2026-02-01", "level": 3}),
    "code review": Session(REVIEW, {"code": {
        "analyze_code": {"issues_found": 3, "analysis_summary": "Analyzed 10 lines of rust code at depth 2."},
        "review_code": {"recommendations": ["Add error handling", "Use iterators"], "approval_status": "conditional"},
        "format_code": "// formatted",
    }}, {"code": "fn main() { println!(); }", "language": "rust"}),
    "project": Session(PROJECT, {
        "pm": {"create_project": {"id": "prj-81f2", "title": "Apollo relaunch", "owner": "kim@acme.example", "private": True},
               "add_board": {"id": "brd-20c7", "project_id": "prj-81f2", "columns": 3, "private": True},
               "add_task": {"id": "tsk-77", "project_id": "prj-81f2", "board_id": "brd-20c7",
                            "url": "https://pm.example/tsk-77", "priority": 1}},
        "mail": {"send": {"sent": True}},
    }, {"title": "Apollo relaunch", "owner_email": "kim@acme.example"}),
    "order": Session(ORDER, {
        "shop": {"find_customer": {"count": 1, "page": 2, "profile": {"id": 880123, "name": "Ada Byron", "tier": 2}},
                 "get_price": {"unit": 12.5, "quantity": 2, "total": 25.0, "discount": 1},
                 "place_order": {"number": 9000417, "amount": 25.0, "warehouse": 1, "customer_id": 880123}},
        "bank": {"invoice": {"ok": True}},
    }, {"customer_ref": "C-2291", "sku": "SKU-5512-B", "quantity": 2}),
    "tournament": Session(TOURNAMENT, {
        "club": {"list_games": {"list": GAMES, "status": "active", "count": 2},
                 "get_room": {"code": "R-1204", "game_id": "game-00417", "floor": 1, "status": "active"},
                 "pair": {"pairs": [["Ada", "Ben"], ["Cem", "Dee"]], "status": "active"}},
        "web": {"publish": {"url": "https://club.example/1"}},
    }, {"season": "2026-spring"}),
    "account": Session(ACCOUNT, {
        "auth": {"sign_up": {"user_id": "usr-5501", "email": "kim@acme.example", "plan": "team", "status": "active"},
                 "login": {"access_token": "tok-9f8e7d6c5b", "user": {"user_id": "usr-5501", "email": "kim@acme.example"}}},
        "pay": {"subscribe": {"subscription_id": "sub-3310", "user_id": "usr-5501", "plan": "team", "status": "active"}},
        "mail": {"send": {"sent": True, "to": "kim@acme.example"}},
    }, {"email": "kim@acme.example", "plan": "team"}),
    "deploy": Session(DEPLOY, {
        "git": {"resolve": "9fceb02d0ae598e95dc970b74767f19372d61af8"},
        "ci": {"build": {"id": 71234, "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "level": "high",
                         "artifacts": {"app.image": "registry.example/app:71234", "count": 3}},
               "scan": {"build_id": 71234, "findings": [], "level": "high", "score": 3},
               "release": {"url": "https://app.example"}},
    }, {"repository": "acme/app", "branch": "main"}),
    "held out: travel": Session(TRAVEL, {
        "air": {"search_flights": {"count": 2, "currency": "EUR", "offers": [
                    {"number": "OS 87", "arrives": "2026-05-04", "price": 412.5, "seats": ["12A", "14C"]},
                    {"number": "LH 1239", "arrives": "2026-05-05", "price": 388.0, "seats": ["3F"]}]},
                "hold_seat": {"locator": "X7RT2P", "price": 412.5, "currency": "EUR", "seat": "14C", "traveller": "Ada Byron"}},
        "stay": {"book_room": {"confirmation": "H-55102", "city": "VIE", "nights": 2, "guest": "Ada Byron"}},
        "bank": {"charge": {"charge_id": "ch_9981", "amount": 412.5, "currency": "EUR", "status": "paid"}},
        "mail": {"send": {"sent": True}},
    }, {"traveller": "Ada Byron", "origin": "GRZ", "destination": "VIE", "day": "2026-05-04"}),
    "held out: support": Session(SUPPORT, {
        "desk": {"get_ticket": {"id": 48151, "requester_id": 2342, "subject": "Cannot log in", "tags": ["login", "urgent"],
                                "status": "open", "priority": 3},
                 "reply": {"id": 990017, "ticket": 48151, "author": "kim", "public": True},
                 "close": {"status": "closed"}},
        "crm": {"get_customer": {"id": 2342, "email": "lee@shop.example", "locale": "de", "vip": True, "tickets": 5}},
        "kb": {"search": {"total": 3, "articles": [{"id": 12, "summary": "Reset the password first.", "lang": "de"}]}},
    }, {"ticket": 48151, "agent": "kim"}),
}  # fmt: skip


def recorded(session: Session) -> mf.Trace:
    """Return the trace of a run on mocks."""
    with mf.connect({server: mf.mock(tools) for server, tools in session.outputs.items()}) as servers:
        run = session.workflow.start(servers, session.arguments).all()
    assert run.outcome == "completed", run.reason
    return run.trace
