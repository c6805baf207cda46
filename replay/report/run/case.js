// One case in full.

function caseHead(row, actions) {
  return h("header.case-head", null,
    h("nav", { "aria-label": "Cases" },
      h("a.back", null, "All cases"),
      h("span.spacer"),
      h("span.at"),
      h("button.quiet", { type: "button", title: "Previous case (k)", "aria-label": "Previous case", onclick: actions.previous }, "↑"),
      h("button.quiet", { type: "button", title: "Next case (j)", "aria-label": "Next case", onclick: actions.next }, "↓")),
    h("h1." + row.outcome, null, h("span.sign", { "aria-hidden": "true" }), h("span.only-spoken", null, `${row.outcome}: `), h("span", null, row.id)),
    h("p.labels", null,
      label("suite", row.suite, { suite: row.suite }),
      label("target", row.target, { target: row.target }),
      row.tags.map((tag) => label("tag", tag, { tag })),
      h("a.permalink", { href: address({ case: row.key }) }, "link to this case")),
    h("p.command", null, h("code", null, row.command), copyButton(row.command, "Copy the command")));
}

function label(kind, name, filter) {
  return h("a.tag", { href: address(filter), title: `All cases of this ${kind}` }, h("small", null, kind), name || "none");
}

function caseBody(row, data) {
  const transcript = data.transcript;
  return [
    verdictList(data.verdicts),
    caseFacts(row, data),
    setting(transcript.conversation || {}),
    transcript.turns.length ? turnList(transcript) : unsent(transcript.conversation || {}),
  ];
}

function caseFacts(row, { transcript, cost, files }) {
  const { target = {}, turns, play } = transcript;
  const facts = [
    ["Model", [target.model, target.provider && `through ${target.provider}`].filter(Boolean).join(" ")],
    ["Played", `${play ?? "?"}, ${plural(turns.length, "turn")}`.replaceAll("_", " ")],
    ["Tokens", count(row.tokens)],
    ["Cost", dollars(cost)],
    ["Latency", milliseconds(row.ms)],
    ...Object.entries(files || {}).map(([name, path]) => [name, path]),
  ];
  return h("dl.facts.small", null, facts.filter(([, value]) => value).map(([name, value]) =>
    h("div", null, h("dt", null, name), h("dd", null, typeof value === "string" ? value : JSON.stringify(value)))));
}

function unsent(conversation) {
  const messages = conversation.messages || [];
  return [h("p.note", null, "Nothing was sent."), upTo(300, messages, (message) => bubble(message, { calls: callNames(messages) }))];
}

function makeCase(element, actions) {
  let current = null;

  // Shows a case, unless it is the one already shown.
  function open(row) {
    if (row === current) return false;
    current = row;
    const body = h("div.case-body", { "aria-busy": "true" });
    element.replaceChildren(caseHead(row, actions), body);
    element.hidden = false;
    element.focus({ preventScroll: true });
    fill(body, row);
    return true;
  }

  async function fill(body, row) {
    try {
      body.append(add(document.createDocumentFragment(), caseBody(row, await loadCase(row))));
    } catch (problem) {
      body.append(h("p.notice", { role: "alert" }, `This case could not be shown: ${problem.message}`));
    }
    body.removeAttribute("aria-busy");
  }

  // Says where the case stands in the list, and which list its link leads back to.
  function place(at, of, back) {
    element.querySelector(".back").setAttribute("href", back);
    element.querySelector(".at").textContent = at < 0 ? "" : `${count(at + 1)} of ${count(of)}`;
  }

  function close() {
    current = null;
    element.hidden = true;
    element.replaceChildren();
  }
  return { open, place, close };
}
