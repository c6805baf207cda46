// The keyboard, and the help that lists it.

function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key !== "Escape" && event.target.closest?.("input, select, textarea, dialog")) return;
    const action = actions[event.key];
    if (action && action(event) !== false) event.preventDefault();
  });
}

// `shortcuts` are pairs of a key and what it does; `note` says what else a reader should know.
function makeHelp(dialog, shortcuts, note = "") {
  const lines = shortcuts.map(([key, what]) => h("div", null, h("dt", null, key.split(" or ").map((k) => h("kbd", null, k))), h("dd", null, what)));
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  add(dialog, [
    h("h2", { id: "help-title" }, "Keyboard"),
    h("dl.keys", null, lines),
    note && h("p.note", null, note),
    close,
  ]);
  return { toggle: () => (dialog.open ? dialog.close() : dialog.showModal()), close: () => dialog.open && (dialog.close(), true) };
}
