// The page: the address says what is shown; everything that changes it goes through `go` or a link.

const SHORTCUTS = [
  ["j", "next case"],
  ["k", "previous case"],
  ["o or Enter", "open the case"],
  ["/", "search"],
  ["f", "only what failed, or all"],
  ["c", "copy the command of the open case"],
  ["t", "light or dark"],
  ["Esc", "close, step by step"],
  ["?", "this help"],
];
const SEARCHED = "Search looks at names, tags and failures at once, then through every message, tool call and verdict. Raw bodies are not searched.";

function start() {
  const toggleTheme = makeTheme(document.querySelector("[data-theme-switch]"));
  const help = makeHelp(byId("help"), SHORTCUTS, SEARCHED);
  document.querySelector("[data-help]").addEventListener("click", help.toggle);
  for (const code of document.querySelectorAll("code[data-copy]")) code.after(copyButton(code.textContent, "Copy the command"));
  const rows = readIndex();
  if (rows.length) startCases(rows, help, toggleTheme);
}

function startCases(rows, help, toggleTheme) {
  let state = readAddress(), hits = new Set(), searching = null, overviewScroll = 0, shownKey = null;
  const list = makeList(byId("list"), (row) => address({ ...state, case: row.key }));
  const view = makeCase(byId("case"), { next: () => step(1), previous: () => step(-1) });
  const toolbar = makeToolbar(rows, go);

  // Changes what is shown without a new entry in the history.
  function go(changes) {
    history.replaceState(null, "", address({ ...readAddress(), ...changes }));
    follow();
  }

  function follow() {
    const before = state;
    state = readAddress();
    if (state.q !== before.q || shownKey === null) search(state.q);
    toolbar.show(state);
    refresh();
    showCase(before.case);
  }

  function refresh() {
    const key = address({ ...state, case: null }) + hits.size;
    if (key === shownKey) return;
    shownKey = key;
    list.show(filtered(rows, state, hits));
    byId("found").textContent = `${count(list.shown.length)} of ${plural(rows.length, "case")}`;
    byId("clear").hidden = !["status", "suite", "target", "tag", "identity", "q"].some((field) => state[field] !== null);
    byId("clear").setAttribute("href", address({ case: state.case, sort: state.sort }));
  }

  function search(query) {
    searching?.abort();
    searching = new AbortController();
    hits = new Set();
    byId("searched").textContent = "";
    if (query) deepSearch(query, searching.signal);
  }

  async function deepSearch(query, signal) {
    await new Promise((done) => setTimeout(done, 150)); // the next key may come
    if (signal.aborted) return;
    let drawn = performance.now();
    const progress = (share) => {
      byId("searched").textContent = share < 1 ? `searching messages, ${Math.round(100 * share)} %` : "every message searched";
      if (share < 1 && performance.now() - drawn < 150) return;
      drawn = performance.now();
      refresh();
    };
    await searchBlocks(rows, query.toLowerCase(), hits, progress, signal).catch((problem) => {
      if (!signal.aborted) byId("searched").textContent = problem.message;
    });
  }

  function showCase(before) {
    const row = state.case === null ? null : findCase(rows, state.case);
    if (!document.body.classList.contains("case-open") && row) overviewScroll = scrollY;
    document.body.classList.toggle("case-open", Boolean(row));
    if (row) openCase(row);
    else closeCase(before);
  }

  function openCase(row) {
    list.activate(row);
    const opened = view.open(row);
    view.place(list.position(), list.shown.length, address({ ...state, case: null }));
    if (!opened) return;
    document.title = `${row.id} · Replay`;
    scrollTo({ top: 0, behavior: "instant" });
  }

  function closeCase(before) {
    view.close();
    document.title = overviewTitle;
    if (before !== null) scrollTo({ top: overviewScroll, behavior: "instant" });
    list.draw();
    if (before !== null) list.focus();
    if (state.case !== null) byId("found").textContent = `No case is called ${state.case}`;
  }

  function step(by) {
    const row = list.neighbour(by);
    if (!row) return;
    if (state.case !== null) return go({ case: row.key });
    list.activate(row);
    list.focus();
  }

  function open() {
    if (document.activeElement?.closest("a, button, summary") || !list.active) return false;
    location.hash = address({ ...state, case: list.active.key });
  }

  function escape() {
    if (help.close()) return;
    if (document.activeElement === toolbar.search) return toolbar.search.blur();
    if (state.case !== null) location.hash = address({ ...state, case: null });
  }

  const overviewTitle = document.title;
  document.querySelector("[data-skip]").addEventListener("click", (event) => (event.preventDefault(), step(1)));
  addEventListener("hashchange", follow);
  listenToKeys({
    j: () => step(1),
    k: () => step(-1),
    o: () => list.active && (location.hash = address({ ...state, case: list.active.key })),
    Enter: open,
    "/": () => (toolbar.search.focus(), toolbar.search.select()),
    f: () => go({ status: state.status ? null : "failed,error" }),
    c: () => document.querySelector("#case .copy")?.click(),
    t: toggleTheme,
    Escape: escape,
    "?": help.toggle,
  });
  follow();
}
