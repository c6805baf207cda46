// The conversations of one candidate: filtered by kind and words, opened in place.

function makeChanges(section, names, go) {
  const rows = [...section.querySelectorAll(".change")];
  const buttons = [...section.querySelectorAll("button[data-kind]")];
  const search = section.querySelector("input[type=search]");
  const told = section.querySelector(".found [role=status]");
  const all = told.textContent;
  for (const button of buttons) button.addEventListener("click", () => go({ kind: toggled(button.dataset.kind) }));
  search.addEventListener("input", () => go({ q: search.value || null }));
  for (const row of rows) row.addEventListener("toggle", () => row.open && openChange(row, names));
  for (const row of rows) row.firstElementChild.addEventListener("click", () => !row.open && go({ change: row.dataset.key }));

  function toggled(kind) {
    const on = buttons.filter((button) => (button.ariaPressed === "true") !== (button.dataset.kind === kind));
    return on.map((button) => button.dataset.kind).join(",") || null;
  }

  function filter({ kind, q }) {
    const kinds = kind?.split(",").filter(Boolean), query = (q ?? "").toLowerCase();
    if (search.value !== (q ?? "")) search.value = q ?? "";
    for (const button of buttons) button.ariaPressed = String(Boolean(kinds?.includes(button.dataset.kind)));
    for (const row of rows) row.hidden = Boolean(kinds && !kinds.includes(row.dataset.kind)) || !row.firstElementChild.textContent.toLowerCase().includes(query);
    const shown = visibleRows().length;
    told.textContent = shown === rows.length ? all : `${count(shown)} of ${plural(rows.length, "conversation")}`;
  }

  const visibleRows = () => rows.filter((row) => !row.hidden);

  // Opens the change that an address names; whether there is one.
  function reveal(key) {
    const row = rows.find((row) => wellFormed(row.dataset.key) === wellFormed(key));
    if (!row) return false;
    row.hidden = false;
    row.open = true;
    row.scrollIntoView({ block: "start" });
    return true;
  }

  // Moves the focus by so many rows.
  function step(by) {
    const shown = visibleRows(), at = shown.findIndex((row) => row.contains(document.activeElement));
    const row = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + by, 0), shown.length - 1)];
    row?.firstElementChild.focus();
  }

  // Closes the open change that has the focus, else all of them.
  function close() {
    const inner = rows.find((row) => row.open && row.contains(document.activeElement));
    for (const row of inner ? [inner] : rows.filter((row) => row.open)) row.open = false;
    inner?.firstElementChild.focus();
  }
  return { filter, reveal, step, close, search };
}

async function openChange(row, names) {
  if (row.childElementCount > 1) return;
  const box = h("article.change-body", { "aria-busy": "true" });
  row.append(box);
  try {
    const [before, after] = await Promise.all([row.dataset.before, row.dataset.after].map(caseAt));
    add(box, changeContent(before, after, names));
  } catch (problem) {
    add(box, [h("p.notice", { role: "alert" }, `This conversation could not be shown: ${problem.message}`)]);
  }
  box.removeAttribute("aria-busy");
}

function changeContent(before, after, names) {
  if (before && after) return changeBody(before, after, names);
  const gone = h("p.notice", null, "The run has no result of ", before ? names[1] : after ? names[0] : "either side", " here.");
  return [gone, before && halfBody(before, names[0]), after && halfBody(after, names[1])];
}

// A case by its place, `block.number`; null where there is none.
async function caseAt(place) {
  if (!place) return null;
  const [block, number] = place.split(".").map(Number);
  return loadCase({ block, place: number });
}
