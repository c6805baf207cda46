// The list of cases: only the rows in view are elements, so ten thousand cost what thirty do.

const AHEAD = 8; // rows drawn beyond the view

function makeList(element, href) {
  const view = h("div.rows-in-view");
  const rows = h("div.rows", null, view);
  element.append(rows);
  let shown = [], active = null, drawn = "", version = 0, printing = false;

  const height = () => parseFloat(getComputedStyle(element).getPropertyValue("--row-height"));
  const scrolls = () => getComputedStyle(element).overflowY === "auto";
  const position = () => (active ? shown.indexOf(active) : -1);

  function show(found) {
    shown = found;
    version++;
    if (scrolls()) element.scrollTop = 0;
    draw();
  }

  function draw() {
    if (printing) return;
    const tall = height();
    rows.style.height = `${shown.length * tall}px`;
    const [start, end] = range(tall);
    const state = [start, end, version, active?.number, tall].join();
    if (state === drawn) return;
    drawn = state;
    const hadFocus = view.contains(document.activeElement);
    view.style.transform = `translateY(${start * tall}px)`;
    view.replaceChildren(...shown.slice(start, end).map((row, n) => rowElement(row, start + n)));
    if (hadFocus) focus();
  }

  function range(tall) {
    const box = element.getBoundingClientRect(), inner = rows.getBoundingClientRect();
    const top = Math.max(box.top, 0) - inner.top;
    const bottom = Math.min(box.bottom, innerHeight) - inner.top;
    return [
      Math.max(0, Math.floor(top / tall) - AHEAD),
      Math.min(shown.length, Math.max(Math.ceil(bottom / tall), 0) + AHEAD),
    ];
  }

  function rowElement(row, at) {
    const current = row === active;
    const link = h("a.row." + row.outcome, { href: href(row), "aria-current": current && "true" }, rowCells(row));
    const item = { role: "listitem", "aria-setsize": shown.length, "aria-posinset": at + 1 };
    return h("div" + (current ? ".current" : ""), item, link);
  }

  // Brings the active row into view, with a little room around it.
  function reveal() {
    const at = position();
    if (at < 0) return;
    const tall = height(), inner = rows.getBoundingClientRect(), box = element.getBoundingClientRect();
    const top = inner.top + at * tall;
    const [first, last] = scrolls() ? [box.top, box.bottom] : [stickyBottom(), innerHeight];
    const by = top < first + tall ? top - first - tall : top + 2 * tall > last ? top + 2 * tall - last : 0;
    (scrolls() ? element : window).scrollBy({ top: by, behavior: "instant" });
    draw();
  }

  function stickyBottom() {
    return document.querySelector(".toolbar").getBoundingClientRect().height;
  }

  function focus() {
    view.querySelector("[aria-current]")?.focus({ preventScroll: true });
  }

  function activate(row) {
    active = row;
    reveal();
    draw();
  }

  // The row `by` places from the active one, held within the list.
  function neighbour(by) {
    return shown[Math.min(Math.max(position() + by, 0), shown.length - 1)];
  }

  // Paper cannot scroll: a printed list is drawn whole, up to a sensible length.
  function drawForPrint() {
    printing = true;
    view.style.transform = "";
    view.replaceChildren(...shown.slice(0, 2000).map(rowElement));
    drawn = "";
  }

  let waiting = 0;
  const later = () => (waiting ||= requestAnimationFrame(() => ((waiting = 0), draw())));
  document.addEventListener("scroll", later, { capture: true, passive: true });
  addEventListener("resize", later);
  addEventListener("beforeprint", drawForPrint);
  addEventListener("afterprint", () => ((printing = false), draw()));
  return { show, draw, activate, neighbour, focus, position, get active() { return active; }, get shown() { return shown; } };
}

function rowCells(row) {
  return [
    h("span.sign", { "aria-hidden": "true" }),
    h("span.only-spoken", null, `${row.outcome}: `),
    h("span.row-id", null, row.id),
    h("span.row-tags", null, row.tags.slice(0, 3).map((tag) => h("span.tag", null, tag))),
    h("span.row-why", null, row.message),
    h("span.row-target", null, row.target),
    h("span.row-number", null, row.tokens === null ? "" : `${compact(row.tokens)} tok`),
    h("span.row-number", null, milliseconds(row.ms)),
  ];
}
