// The stepper's face: draws `view`, sends commands. Text only goes in by textContent; no markup is ever parsed.
// Keys: JupyterLab obeys stopPropagation, Notebook 7 only the attribute on the element that has the focus.

const BUTTONS = [
  // command, label, key, what it does
  ["step", "▶ Step", "n", "Run the next step"],
  ["all", "▶▶ Continue", "c", "Run to the end, a breakpoint or a handoff"],
  ["to", "⇥ To here", "t", "Run until the selected step is next"],
  ["approve", "☑ Approve", "y", "Allow the call that waits, as it is shown"],
  ["cancel", "■ Stop", "x", "Cancel the call that is under way, or end the run"],
  null,
  ["back", "◀ Back", "p", "Back to the state before the last step; undoes nothing on a server"],
  ["retry", "⟲ Call once more", "u", "Call the step of unknown outcome once more; it may have run"],
  ["rollback", "↶ Undo run", "z", "Take back what the run did, last first, by the undo of each step"],
  ["rerun", "↻ Rerun from here", "r", "Call again from the selected step on"],
  null,
  ["breakpoint", "● Breakpoint", "b", "Set or take away a pause before the selected step"],
  ["edit", "✎ Edit arguments", "e", "Give arguments of the selected step by hand"],
  ["pin", "⚲ Edit result", "v", "Give the value of the selected step by hand"],
  ["fail", "⚑ Fail here", "f", "Let the next call of the selected step fail, where its server is mocked; again takes it back"],
  null,
  ["fork", "Fork", "o", "Go on in a copy of this run"],
  ["diff", "≠ Diff", "d", "What differs from the run this one was forked from"],
  ["graph", "Graph", "g", "Show or hide the graph of the run"],
  ["help", "?", "?", "The keys"],
];
const ON_STEP = new Set(["to", "rerun", "breakpoint", "edit", "pin", "fail"]);
const TABS = [["call", "Call"], ["result", "Result"], ["messages", "Messages"], ["raw", "Raw"]];
const KEYS = [
  ["↑ ↓ j k Home End", "select a step"], ["1 – 4, m", "tabs, messages"], ["a", "to the fields of a form, or of a handoff"],
  ["Ctrl+Enter", "apply what was typed"], ["Esc", "close what is open, then leave the stepper"],
];
let count = 0;

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Whatever can have the focus keeps its keys from the notebook.
function focusable(tag, attributes = {}, ...children) {
  return make(tag, { ...attributes, "data-lm-suppress-shortcuts": "true" }, ...children);
}

function button(label, attributes, pressed) {
  const made = focusable("button", { type: "button", text: label, ...attributes });
  made.addEventListener("click", pressed);
  return made;
}

function table(caption, heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col", text })));
  const body = rows.map((cells) =>
    make("tr", {}, ...cells.map((text, at) => make(at ? "td" : "th", at ? { text } : { scope: "row", text }))));
  return make("table", {}, make("caption", { text: caption }), make("thead", {}, head), make("tbody", {}, ...body));
}

function note(kind, text) {
  return text ? make("p", { class: `mfs-${kind}`, text }) : null;
}

// A labelled control for a field of a form; what is typed is a text, and blank means not given.
function control(field, id) {
  const attributes = { id, "aria-describedby": `${id}d`, spellcheck: "false", autocomplete: "off" };
  if (field.choices.length) {
    const options = [...(field.choices.includes(field.text) ? [] : [""]), ...field.choices];
    const made = focusable("select", attributes, ...options.map((text) => make("option", { value: text, text: text || "—" })));
    made.value = field.text;
    return made;
  }
  const made = field.long ? focusable("textarea", { ...attributes, rows: 3 })
    : focusable("input", { ...attributes, type: field.secret ? "password" : "text" });
  made.value = field.text;
  return made;
}

function tree(node, open) {
  if (!node.items) return make("code", { text: node.text });
  const items = node.items.map(([key, item]) => make("li", {}, make("b", { text: key }), ": ", tree(item, node.items.length < 8)));
  return make("details", { open }, focusable("summary", { text: node.text }), make("ul", {}, ...items));
}

function render({ model, el }) {
  const id = `mfs-${++count}-`;
  let view = model.get("view");
  let wanted = null; // {step, echo}: the selection that was asked for; the view that answers it carries the echo
  let waiting = null; // {name, step}: what was pressed for that step meanwhile
  const here = Math.random().toString(36).slice(2); // no other page, and not this one before it was opened again, has it
  let asked = 0;
  let tab = "call";
  let editor = null; // {kind, step, version}: what is being typed
  let checking = 0;
  let shownDetail = "";

  const title = make("div", { class: "mfs-title" });
  const bar = make("div", { role: "toolbar", "aria-label": "Stepper controls", class: "mfs-bar" });
  const list = focusable("ul", { role: "listbox", "aria-label": "Steps", class: "mfs-steps", tabindex: "0" });
  const tabs = make("div", { role: "tablist", "aria-label": "Of the selected step", class: "mfs-tabs" });
  const panel = focusable("div", { role: "tabpanel", id: `${id}panel`, class: "mfs-panel", tabindex: "0" });
  const heading = make("h4", { class: "mfs-heading" });
  const asking = make("div", { class: "mfs-asking" });
  const graph = make("div", { class: "mfs-graph", hidden: true });
  const extra = make("div", { class: "mfs-extra" });
  const typing = make("div", { class: "mfs-editor", hidden: true });
  const bound = make("div", { class: "mfs-bindings" });
  const problem = make("div", { role: "alert", class: "mfs-problem", hidden: true });
  const status = make("span", { role: "status", "aria-live": "polite", class: "mfs-status" });
  const line = make("code", { class: "mfs-line" });
  const help = make("div", { class: "mfs-help", hidden: true });
  const copy = button("Copy", { class: "mfs-copy", "aria-label": "Copy the Python line" }, () => copied(line.textContent));
  const detail = make("div", { class: "mfs-detail" }, heading, tabs, panel);
  const foot = make("div", { class: "mfs-foot" }, status, make("span", { class: "mfs-python" }, line, copy));
  const root = focusable("section", { role: "region", class: "mfs", tabindex: "-1" }, title, bar, help, problem, asking, extra, typing, graph,
    make("div", { class: "mfs-main" }, list, detail), bound, foot);

  const presses = {};
  for (const entry of BUTTONS) {
    if (entry === null) { bar.append(make("span", { class: "mfs-gap", "aria-hidden": "true" })); continue; }
    const [name, label, key, what] = entry;
    presses[name] = button(label, { title: `${what} (${key})`, "aria-label": label.replace(/^\W+/, "") || "Keys",
      "aria-keyshortcuts": key, tabindex: "-1", "data-cmd": name }, () => press(name));
    bar.append(presses[name]);
  }
  const order = Object.values(presses);
  order[0].tabIndex = 0;
  help.append(table("Keys, while the focus is in the stepper", ["key", "does"],
    [...BUTTONS.filter(Boolean).map((entry) => [entry[2], entry[3]]), ...KEYS]));
  const switched = button("", { "data-cmd": "shortcuts" }, () => { model.set("shortcuts", !model.get("shortcuts")); model.save_changes(); });
  help.append(switched);
  TABS.forEach(([name, label], at) => tabs.append(button(label, {
    role: "tab", id: id + name, "aria-controls": `${id}panel`, "aria-keyshortcuts": at + 1, "data-tab": name,
  }, () => turn(name))));

  const selected = () => (wanted === null ? view.selected : wanted.step);
  const send = (cmd, more = {}) => model.send({ cmd, version: view.version, ...more });

  function copied(text) {
    navigator.clipboard?.writeText(text).then(() => { copy.textContent = "Copied"; }, () => { copy.textContent = "Select it"; });
  }

  function press(name) {
    if (name === "help") { help.hidden = !help.hidden; return; }
    if (wanted !== null && ON_STEP.has(name)) { waiting = { name, step: wanted.step }; return; }
    if (!view.enabled?.[name]) { status.textContent = `${name} is not possible now: ${view.place ?? ""}`; return; }
    if (name === "edit" || name === "pin") { edit(name); return; }
    send(name, ON_STEP.has(name) ? { step: selected() } : {});
  }

  function select(at) {
    const total = view.steps?.length ?? 0;
    if (!total) return;
    wanted = { step: Math.max(0, Math.min(total - 1, at)), echo: `${here}-${++asked}` };
    send("select", wanted);
  }

  function turn(name) { tab = name; drawDetail(true); }

  function edit(kind) {
    const text = kind === "answer" ? view.handoff?.text : view.detail?.[kind === "pin" ? "pin" : "edit"];
    if (typeof text !== "string") { status.textContent = "too long to change here; change it in a cell"; return; }
    const names = { edit: "Arguments", pin: "Result", answer: "Answer as the client" };
    const step = kind === "answer" ? view.steps.findIndex((row) => row.is_next) : selected();
    editor = { kind, step, version: view.version };
    const area = focusable("textarea", { rows: Math.min(14, text.split("\n").length + 1), spellcheck: "false",
      "aria-label": `${names[kind]} of step ${step + 1} as JSON`, "aria-describedby": `${id}check` });
    area.value = text;
    area.addEventListener("input", () => {
      clearTimeout(checking);
      checking = setTimeout(() => editor && send("check", { kind, step, text: area.value }), 300);
    });
    const said = make("p", { id: `${id}check`, class: "mfs-check", "aria-live": "polite" });
    typing.replaceChildren(make("b", { text: `${names[kind]} of ${step + 1} ${view.steps[step]?.name ?? ""} (JSON)` }), area, said,
      button("Apply", { class: "mfs-apply", title: "Ctrl+Enter", "aria-keyshortcuts": "Control+Enter" }, apply),
      button("Cancel", { title: "Esc", "aria-keyshortcuts": "Escape" }, closeEditor));
    typing.hidden = false;
    drawAsking();
    area.focus();
  }

  function apply() {
    if (!editor) return;
    editor.sent = true;
    send(editor.kind, { step: editor.step, text: typing.querySelector("textarea").value });
  }

  function closeEditor() {
    clearTimeout(checking);
    const had = typing.contains(document.activeElement);
    editor = null;
    typing.hidden = true;
    typing.replaceChildren();
    drawAsking();
    if (had) list.focus();
  }

  // The fields of the workflow's arguments, or of what is missing at a handoff; drawn anew only where they are others.
  function drawAsking() {
    const asked = view.form ? ["start", view.form] : view.handoff ? ["answer", view.handoff.fields] : null;
    const now = JSON.stringify([asked, view.handoff?.reason]);
    if (asking.drawn !== now) {
      asking.drawn = now;
      const had = asking.contains(document.activeElement);
      asking.replaceChildren(...(asked ? [form(...asked)] : []));
      if (had) list.focus();
    }
    const said = asking.querySelector(".mfs-check");
    if (!said || !asked) return;
    said.textContent = view.check?.kind === asked[0] && !editor ? checked(view.check) : "";
    asking.firstChild.hidden = editor?.kind === "answer";
  }

  const checked = (check) => check.problem || `✔ it would be taken: ${check.line}`;

  function form(kind, fields) {
    const controls = fields.map((field, at) => control(field, `${id}f${at}`));
    const texts = () => controls.map((one) => one.value);
    const rows = fields.flatMap((field, at) => [
      make("label", { for: `${id}f${at}`, text: `${field.name}${field.required ? " *" : ""}` }), controls[at],
      make("span", { id: `${id}f${at}d`, class: "mfs-said", text: [field.type, field.said].filter(Boolean).join(" · ") })]);
    for (const one of controls) {
      one.addEventListener("input", () => {
        clearTimeout(checking);
        checking = setTimeout(() => send("check", { kind, texts: texts() }), 300);
      });
    }
    const go = () => { clearTimeout(checking); send(kind, { texts: texts() }); };
    const isStart = kind === "start";
    const made = make("div", { class: isStart ? "mfs-form" : "mfs-client", role: "group", "aria-label": isStart ? "Arguments" : "Handoff" },
      make("p", {}, make("b", { text: isStart ? "Arguments of the workflow " : "⇢ The client takes over here. " }), isStart ? "(* required)" : view.handoff.reason),
      make("div", { class: "mfs-fields" }, ...rows), make("p", { class: "mfs-check", "aria-live": "polite" }),
      button(isStart ? "▶ Begin" : "⇢ Answer as the client", { "data-cmd": kind, "aria-label": isStart ? "Begin" : "Answer as the client" }, go),
      isStart ? null : button("As JSON", { "data-cmd": "json" }, () => edit("answer")));
    made.addEventListener("keydown", (event) => {
      const isLong = event.target.tagName === "TEXTAREA";
      if (event.key === "Enter" && (isLong ? event.ctrlKey || event.metaKey : event.target.tagName === "INPUT")) { go(); event.preventDefault(); }
    });
    return made;
  }

  function drawGraph() {
    const now = view.graph ? view.graph.src + view.graph.note : null;
    if (graph.drawn === now) return;
    graph.drawn = now;
    graph.hidden = !view.graph;
    const isOurs = view.graph?.src.startsWith("data:image/svg+xml;base64,");
    graph.replaceChildren(...(isOurs ? [make("img", { src: view.graph.src, alt: view.graph.alt })] : [note("empty", view.graph?.note)]).filter(Boolean));
  }

  function drawTitle() {
    const servers = (view.servers ?? []).map(([name, source]) => `${name} ${source}`).join(" · ");
    title.replaceChildren(make("b", { text: view.title ?? "" }), `${view.run ? ` · run ${view.run}` : ""} · ${view.place ?? ""}`,
      make("span", { class: "mfs-servers", text: servers }));
    root.setAttribute("aria-label", `Stepper of ${view.title ?? "a run"}`);
  }

  function drawSteps() {
    const rows = view.steps ?? [];
    while (list.children.length > rows.length) list.lastChild.remove();
    rows.forEach((row, at) => {
      let item = list.children[at];
      if (!item) {
        item = make("li", { role: "option", id: `${id}s${at}` });
        item.addEventListener("click", () => { select(at); list.focus(); });
        list.append(item);
      }
      const is = at === selected();
      const key = JSON.stringify(row) + is;
      if (item.drawn === key) return;
      item.drawn = key;
      item.className = `mfs-step mfs-${row.kind ?? "pending"}`;
      item.setAttribute("aria-selected", String(is));
      if (row.is_next) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
      const stop = row.has_breakpoint ? (row.has_breakpoint === "if" ? "◐ breakpoint if" : "● breakpoint") : "";
      item.replaceChildren(
        make("span", { class: "mfs-sign", "aria-hidden": "true", text: row.sign }), make("span", { class: "mfs-name", text: `${at + 1} ${row.name}` }),
        make("span", { class: "mfs-word", text: row.word }), make("span", { class: "mfs-source", text: row.source ?? "" }),
        make("span", { class: "mfs-time", text: row.seconds ?? "" }), make("span", { class: "mfs-will", text: row.will ? `→ ${row.will}` : "" }), make("span", { class: "mfs-stop", text: row.fails ? "⚑ will fail" : "" }), make("span", { class: "mfs-stop", text: row.is_stale ? "↻ stale" : "" }), make("span", { class: "mfs-stop", text: stop }));
    });
    list.setAttribute("aria-activedescendant", `${id}s${selected()}`);
    const item = list.children[selected()];
    if (item && root.contains(document.activeElement)) keepInSight(item);
  }

  function keepInSight(item) {
    const top = item.offsetTop - list.offsetTop;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + item.offsetHeight - list.clientHeight;
  }

  function drawDetail(force) {
    const d = view.detail;
    const now = JSON.stringify([d, tab]);
    if (!d || (now === shownDetail && !force)) return;
    shownDetail = now;
    heading.textContent = `Step ${d.at + 1} ${d.name}${d.word ? ` — ${d.word}` : ""}`;
    for (const one of tabs.children) {
      const is = one.dataset.tab === tab;
      one.setAttribute("aria-selected", String(is));
      one.tabIndex = is ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", id + tab);
    panel.replaceChildren(...panels[tab](d).filter(Boolean));
  }

  const panels = {
    call: (d) => [
      make("p", { text: [d.tool, d.effects, d.source].filter(Boolean).join(" · ") }),
      note("will", d.will),
      d.arguments.length ? table("Arguments", ["argument", "value", "from"],
        d.arguments.map((one) => [one.name, one.value, one.origin])) : null,
      d.later.length ? table("Arguments to come", ["argument", "from"], d.later) : null,
      note("missing", d.missing.length ? `missing: ${d.missing.join(", ")}` : ""),
      note("bad", d.problem), note("bad", d.error), note("guidance", d.guidance),
    ],
    result: (d) => [note("bad", d.error), d.result ? tree(d.result, true) : note("empty", d.error ? "" : "No result yet.")],
    messages: (d) => (d.messages?.length ? d.messages.map(([who, text]) =>
      make("div", { class: "mfs-message" }, make("b", { text: who }), make("pre", { text }))) : [note("empty", "No messages yet.")]),
    raw: (d) => [d.raw ? make("pre", { text: d.raw }) : note("empty", "Nothing came from a server yet.")],
  };

  function drawExtra() {
    const parts = [];
    if (view.confirm) {
      parts.push(make("div", { class: "mfs-confirm", role: "group", "aria-label": "Confirm" }, make("p", { text: view.confirm.words }),
        button(view.confirm.many ? "Call them" : "Call it", { class: "mfs-yes" }, () => { send("confirm"); list.focus(); }),
        button("Do not", {}, () => { send("dismiss"); list.focus(); })));
    }
    if (view.diff) {
      parts.push(make("div", { class: "mfs-diff" }, make("p", { text: view.diff.headline }),
        view.diff.rows.length ? table("From the parent to this run", ["step", "", "what", "parent", "this run"], view.diff.rows) : null,
        button("Close", {}, () => { send("dismiss"); list.focus(); })));
    }
    const now = JSON.stringify([view.confirm, view.diff]);
    if (extra.drawn === now) return;
    const isNew = view.confirm && !extra.querySelector(".mfs-confirm") && root.contains(document.activeElement);
    const had = extra.contains(document.activeElement);
    extra.drawn = now;
    extra.replaceChildren(...parts);
    if (isNew) extra.querySelector(".mfs-yes").focus();
    else if (had) list.focus();
  }

  function drawEditor() {
    if (!editor) return;
    const said = typing.querySelector(".mfs-check");
    if (said && view.check?.kind === editor.kind) said.textContent = checked(view.check);
    if (editor.sent && !view.error && !view.running && view.version !== editor.version && !view.confirm) closeEditor();
    else if (editor.sent && view.error) { editor.sent = false; said.textContent = view.error; }
  }

  function draw() {
    view = model.get("view") ?? {};
    if (wanted !== null && (wanted.echo === view.echo || view.running)) wanted = null;
    drawTitle();
    drawSteps();
    drawDetail(false);
    drawEditor();
    drawAsking();
    drawExtra();
    drawGraph();
    switched.textContent = model.get("shortcuts") ? "Turn the keys of one letter off" : "Turn the keys of one letter on";
    for (const [name, one] of Object.entries(presses)) {
      one.setAttribute("aria-disabled", String(name !== "help" && !view.enabled?.[name]));
    }
    problem.textContent = view.error ?? "";
    problem.hidden = !view.error;
    if (status.textContent !== view.status) status.textContent = view.status ?? "";
    if (line.textContent !== view.code) { line.textContent = view.code ?? ""; copy.textContent = "Copy"; }
    line.parentNode.hidden = !view.code;
    const pairs = (view.bindings ?? []).map(([name, value]) => make("span", {}, make("b", { text: name }), ` = ${value}`));
    bound.replaceChildren(...pairs);
    root.setAttribute("aria-busy", String(Boolean(view.running)));
    root.dataset.version = view.version;
    root.dataset.selected = view.selected;
    if (waiting !== null && wanted === null) {
      const { name, step } = waiting;
      waiting = null;
      if (step === view.selected) press(name);
    }
  }

  const keys = {
    ArrowDown: () => select(selected() + 1), j: () => select(selected() + 1),
    ArrowUp: () => select(selected() - 1), k: () => select(selected() - 1),
    Home: () => select(0), End: () => select((view.steps?.length ?? 1) - 1),
    m: () => turn("messages"), a: () => asking.querySelector("input, select, textarea, button")?.focus(),
    ...Object.fromEntries(TABS.map(([name], at) => [String(at + 1), () => turn(name)])),
    ...Object.fromEntries(BUTTONS.filter(Boolean).map(([name, , key]) => [key, () => press(name)])),
  };

  function roving(event, items) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return false;
    const next = items[(items.indexOf(event.target) + step + items.length) % items.length];
    for (const one of items) one.tabIndex = one === next ? 0 : -1;
    next.focus();
    if (next.dataset.tab) turn(next.dataset.tab);
    return true;
  }

  function leave() {
    const notebook = root.closest(".jp-Notebook");
    document.activeElement?.blur();
    notebook?.focus();
  }

  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const isText = ["TEXTAREA", "INPUT", "SELECT"].includes(event.target.tagName);
    if (event.key === "Escape") {
      if (editor) closeEditor();
      else if (asking.contains(event.target)) list.focus();
      else if (view.confirm || view.diff) { send("dismiss"); list.focus(); }
      else if (!help.hidden) help.hidden = true;
      else leave();
      event.preventDefault();
      return;
    }
    if (isText) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && typing.contains(event.target)) { apply(); event.preventDefault(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (bar.contains(event.target) && roving(event, order)) { event.preventDefault(); return; }
    if (tabs.contains(event.target) && roving(event, [...tabs.children])) { event.preventDefault(); return; }
    const act = model.get("shortcuts") || event.key.length > 1 || event.key === "?" ? keys[event.key] : null;
    if (act && !(event.repeat && !["ArrowUp", "ArrowDown", "j", "k"].includes(event.key))) { act(); event.preventDefault(); }
    else if (act) event.preventDefault();
    else if (event.key === "Enter" && event.target === list) { panel.focus(); event.preventDefault(); }
  });
  root.addEventListener("focusin", (event) => { if (!root.contains(event.relatedTarget)) send("refresh"); });

  model.on("change:view", draw);
  model.on("change:shortcuts", draw);
  el.append(root);
  draw();
  return () => { clearTimeout(checking); model.off("change:view", draw); model.off("change:shortcuts", draw); };
}

export default { render };
