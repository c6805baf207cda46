// Search field, status buttons and pick lists: they write the address, and show what it says.

function makeToolbar(rows, change) {
  const search = byId("search");
  const buttons = [...document.querySelectorAll("[data-status]")];
  const picks = [...document.querySelectorAll("[data-pick]")];
  const sort = document.querySelector("[data-sort]");
  const values = {
    suite: (row) => [row.suite],
    target: (row) => [row.target],
    tag: (row) => row.tags,
    identity: (row) => row.identities,
  };
  for (const pick of picks) fillPick(pick, rows, values[pick.dataset.pick]);
  search.addEventListener("input", () => change({ q: search.value || null }));
  sort.addEventListener("change", () => change({ sort: sort.value || null }));
  for (const pick of picks) pick.addEventListener("change", () => change({ [pick.dataset.pick]: pick.selectedIndex ? pick.value : null }));
  for (const button of buttons) button.addEventListener("click", () => change({ status: toggled(button.dataset.status) }));

  function toggled(status) {
    const on = buttons.filter((button) => (button.ariaPressed === "true") !== (button.dataset.status === status));
    return on.map((button) => button.dataset.status).join(",") || null;
  }

  function show(state) {
    if (search.value !== (state.q ?? "")) search.value = state.q ?? "";
    const on = (state.status ?? "").split(",");
    for (const button of buttons) button.ariaPressed = String(on.includes(button.dataset.status));
    for (const pick of picks) select(pick, state[pick.dataset.pick]);
    sort.value = state.sort ?? "";
  }
  return { show, search };
}

function fillPick(pick, rows, values) {
  const names = [...new Set(rows.flatMap(values))].sort();
  pick.hidden = names.length < 2;
  pick.append(...names.slice(0, 2000).map((name) => h("option", { value: name }, name.slice(0, 120) || "(none)")));
}

function select(pick, value) {
  const at = value === null ? 0 : [...pick.options].findIndex((option, n) => n > 0 && wellFormed(option.value) === wellFormed(value));
  pick.selectedIndex = Math.max(at, 0);
  pick.classList.toggle("picked", value !== null);
}
