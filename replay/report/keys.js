// The keyboard, and the help that lists it.

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

function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key !== "Escape" && event.target.closest?.("input, select, textarea, dialog")) return;
    const action = actions[event.key];
    if (action && action(event) !== false) event.preventDefault();
  });
}

function makeHelp(dialog) {
  const lines = SHORTCUTS.map(([key, what]) => h("div", null, h("dt", null, key.split(" or ").map((k) => h("kbd", null, k))), h("dd", null, what)));
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  add(dialog, [
    h("h2", { id: "help-title" }, "Keyboard"),
    h("dl.keys", null, lines),
    h("p.note", null, "Search looks at names, tags and failures at once, then through every message, tool call and verdict. Raw bodies are not searched."),
    close,
  ]);
  return { toggle: () => (dialog.open ? dialog.close() : dialog.showModal()), close: () => dialog.open && (dialog.close(), true) };
}
