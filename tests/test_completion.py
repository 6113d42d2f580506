"""Tab after `[` offers the names that there are: of servers, steps, bindings and records."""

from IPython.core.completer import IPCompleter, provisionalcompleter

import mcpflow_nb as mf


def test_tab_offers_what_there_is(request):
    servers = mf.connect(hr=mf.mock({"create": {"id": 1}}), mail=mf.mock({"send": {"sent": True}}))
    request.addfinalizer(servers.close)
    flow = mf.SequentialWorkflow("onboard").step("make", tool="hr.create", bind="made").step("tell", tool="mail.send")
    run = flow.start(servers)
    run.step()
    names = {"servers": servers, "flow": flow, "run": run, "trace": run.trace, "tools": servers["hr"].tools}
    completer = IPCompleter(namespace=names, use_jedi=False)
    offered = {}
    with provisionalcompleter():
        for name in names:
            text = f'{name}["'
            offered[name] = [found.text for found in completer.completions(text, len(text))]
    assert offered == {
        "servers": ["hr", "mail"], "flow": ["make", "tell"], "run": ["made"], "trace": ["make"], "tools": ["create"],
    }  # fmt: skip
