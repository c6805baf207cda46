// When the chunks of a stream came, drawn to scale; the longest wait between two is marked.

const TICKS = 400; // more chunks than this are drawn as counts over time

function timeline(timing, stream) {
  const times = (timing.chunks || []).filter(isNumber);
  if (!times.length) return null;
  const end = Math.max(timing.total_ms || 0, times.at(-1), 1);
  const gap = longestGap(times);
  const scale = (time) => (1000 * time) / end;
  const drawing = svg("svg", { viewBox: "0 0 1000 32", preserveAspectRatio: "none", class: "timeline", role: "img", "aria-label": said(times, gap, end) },
    gap.length > 0 && svg("rect", { class: "gap", x: scale(gap.start), width: scale(gap.length), y: 0, height: 32 }),
    times.length > TICKS ? bars(times, end) : times.map((time) => svg("rect", { class: "tick", x: Math.min(scale(time), 998), y: 6, width: 2, height: 20 })));
  return h("figure.stream", null, drawing, h("figcaption", null, said(times, gap, end), ending(stream)));
}

function longestGap(times) {
  let best = { start: 0, length: 0 };
  for (let at = 1; at < times.length; at++)
    if (times[at] - times[at - 1] > best.length) best = { start: times[at - 1], length: times[at] - times[at - 1] };
  return best;
}

function bars(times, end) {
  const bins = new Array(200).fill(0);
  for (const time of times) bins[Math.min(199, Math.floor((200 * time) / end))]++;
  const top = bins.reduce((a, b) => Math.max(a, b));
  return bins.map((n, at) => n > 0 && svg("rect", { class: "tick", x: at * 5, width: 4, y: 30 - (28 * n) / top, height: (28 * n) / top }));
}

function said(times, gap, end) {
  const wait = gap.length > 0 ? `, longest wait ${milliseconds(gap.length)} at ${milliseconds(gap.start)}` : "";
  return `${plural(times.length, "chunk")} from ${milliseconds(times[0])} to ${milliseconds(end)}${wait}`;
}

function ending(stream) {
  if (!stream || stream.done === undefined) return "";
  return stream.done ? ", ended with [DONE]" : h("b.bad", null, ", never reached [DONE]");
}
