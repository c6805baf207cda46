// Elements without HTML text: every string becomes a text node, so nothing a model wrote can become markup.

const SVG = "http://www.w3.org/2000/svg";

// h("div.bubble.user", {title: "…", onclick: f}, "text", node, [more])
function h(name, props, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  return dressed(element, props, children);
}

function svg(tag, props, ...children) {
  return dressed(document.createElementNS(SVG, tag), props, children);
}

function dressed(element, props, children) {
  for (const [key, value] of Object.entries(props || {})) {
    if (value == null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : key === "href" ? safeHref(value) : value);
  }
  return add(element, children);
}

function add(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child == null || child === false || child === "") continue;
    element.append(child instanceof Node ? child : text(String(child)));
  }
  return element;
}

function safeHref(href) {
  return /^(https?:\/\/|#)/i.test(href) ? href : "#";
}

function byId(id) {
  return document.getElementById(id);
}

// A fold whose content is made when it is first opened.
function fold(title, make, open = false) {
  const box = h("details.fold", { open }, h("summary", null, title));
  const fill = () => box.open && box.childElementCount === 1 && add(box, [make()]);
  box.addEventListener("toggle", fill);
  fill();
  return box;
}

// The first items of a long list, and a button that shows the rest.
function upTo(limit, items, make) {
  const first = items.slice(0, limit).map(make);
  if (items.length <= limit) return first;
  const more = h("button.more", { type: "button", onclick: rest }, `Show ${count(items.length - limit)} more`);
  function rest() {
    more.replaceWith(...items.slice(limit).map((item, n) => make(item, n + limit)));
  }
  return [...first, more];
}

// Text that may be very long: its beginning, and a button for all of it.
function longText(string, limit = 6000) {
  if (string.length <= limit * 1.25) return text(string);
  const part = h("span", null, string.slice(0, limit), "…");
  const button = h("button.more", { type: "button", onclick: all }, `Show all ${count(string.length)} characters`);
  function all() {
    part.replaceChildren(text(string));
    button.remove();
  }
  return h("span", null, part, button);
}

function copyButton(string, label) {
  const button = h("button.copy", { type: "button", title: label, "aria-label": label, onclick: copy }, "copy");
  async function copy() {
    try {
      await navigator.clipboard.writeText(string);
      button.textContent = "copied";
    } catch {
      button.textContent = "select and copy";
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  }
  return button;
}
