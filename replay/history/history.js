// The page of trends: only its theme and its help are more than markup.

const SHORTCUTS = [
  ["t", "light or dark"],
  ["Esc", "close this help"],
  ["?", "this help"],
];

function start() {
  const toggleTheme = makeTheme(document.querySelector("[data-theme-switch]"));
  const help = makeHelp(byId("help"), SHORTCUTS, "A mark on a line is a run: point at it to see its figures, click it to open its report.");
  document.querySelector("[data-help]").addEventListener("click", help.toggle);
  document.querySelector("[data-skip]").addEventListener("click", (event) => {
    event.preventDefault();
    document.querySelector(".trend a, .trend").scrollIntoView();
  });
  listenToKeys({ t: toggleTheme, Escape: () => help.close(), "?": help.toggle });
}
