// The page of a comparison: #candidate=…&kind=lost,won&q=…&change=…

const FIELDS = ["candidate", "kind", "q", "change"];
const SHORTCUTS = [
  ["j", "next conversation"],
  ["k", "previous conversation"],
  ["Enter", "open or close it"],
  ["f", "only what was lost, or all"],
  ["/", "search"],
  ["n", "next candidate"],
  ["p", "previous candidate"],
  ["t", "light or dark"],
  ["Esc", "close"],
  ["?", "this help"],
];

function start() {
  const toggleTheme = makeTheme(document.querySelector("[data-theme-switch]"));
  const help = makeHelp(byId("help"), SHORTCUTS);
  document.querySelector("[data-help]").addEventListener("click", help.toggle);
  const { baseline } = JSON.parse(byId("index").textContent);
  const sections = [...document.querySelectorAll(".versus")];
  const lists = sections.map((section) => makeChanges(section, [baseline, section.dataset.candidate], go));
  const tabs = makeTabs(sections, (candidate) => go({ candidate, change: null }));
  let shown = null;

  // Changes what is shown without a new entry in the history.
  function go(changes) {
    history.replaceState(null, "", address({ ...readAddress(), ...changes }));
    shown = readAddress().change; // it is open already
    follow();
  }

  function follow() {
    const state = readAddress();
    tabs.show(state.candidate);
    lists[tabs.current()]?.filter(state);
    if (state.change !== null && state.change !== shown) lists[tabs.current()]?.reveal(state.change);
    shown = state.change;
  }

  const list = () => lists[tabs.current()];
  document.querySelector("[data-skip]").addEventListener("click", (event) => (event.preventDefault(), list().step(1)));
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => document.querySelectorAll(".judged details").forEach((box) => (box.open = true)));
  listenToKeys({
    j: () => list().step(1),
    k: () => list().step(-1),
    f: () => go({ kind: readAddress().kind ? null : "lost" }),
    "/": () => (list().search.focus(), list().search.select()),
    n: () => tabs.step(1),
    p: () => tabs.step(-1),
    t: toggleTheme,
    Escape: () => help.close() || (document.activeElement === list().search ? list().search.blur() : list().close()),
    "?": help.toggle,
  });
  follow();
}

// One candidate at a time; without this script, and on paper, all are shown.
function makeTabs(sections, choose) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const names = sections.map((section) => section.dataset.candidate);
  let current = 0;
  sections.forEach((section, n) => {
    section.id = `candidate-${n}`;
    if (!tabs.length) return;
    Object.assign(tabs[n], { id: `tab-${n}` }).setAttribute("aria-controls", section.id);
    section.setAttribute("role", "tabpanel");
    section.setAttribute("aria-labelledby", `tab-${n}`);
    tabs[n].addEventListener("click", () => choose(names[n]));
    tabs[n].addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) event.preventDefault(), step(by), tabs[current].focus();
    });
  });
  document.body.classList.toggle("tabbed", tabs.length > 0);

  function show(name) {
    current = Math.max(names.findIndex((known) => name !== null && wellFormed(known) === wellFormed(name)), 0);
    sections.forEach((section, n) => section.classList.toggle("shown", n === current));
    tabs.forEach((tab, n) => {
      tab.ariaSelected = String(n === current);
      tab.tabIndex = n === current ? 0 : -1;
    });
  }

  function step(by) {
    if (tabs.length) choose(names[(current + by + names.length) % names.length]);
  }
  return { show, step, current: () => current };
}
