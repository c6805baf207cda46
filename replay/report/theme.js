// Light or dark: as the system says, until the reader chooses.

function makeTheme(button) {
  const root = document.documentElement, key = "replay-theme";
  const stored = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const store = (theme) => { try { localStorage.setItem(key, theme); } catch { /* a page from a file may have no storage */ } };
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  function toggle() {
    root.dataset.theme = isDark() ? "light" : "dark";
    store(root.dataset.theme);
  }
  if (["light", "dark"].includes(stored())) root.dataset.theme = stored();
  button.addEventListener("click", toggle);
  return toggle;
}
