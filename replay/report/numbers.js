// Numbers as a person reads them; an empty string for what is not known.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function count(value) {
  return isNumber(value) ? WHOLE.format(value) : "";
}

function compact(value) {
  return isNumber(value) ? COMPACT.format(value).replace("K", "k") : "";
}

function milliseconds(value) {
  if (!isNumber(value)) return "";
  if (value < 1000) return `${value.toFixed(0)} ms`;
  return value < 120_000 ? `${(value / 1000).toFixed(1)} s` : `${(value / 60_000).toFixed(1)} min`;
}

function dollars(value) {
  if (!isNumber(value)) return "";
  if (value === 0 || value >= 1) return `$${value.toFixed(2)}`;
  return value >= 0.0001 ? `$${Number(value.toPrecision(3))}` : `$${value.toFixed(7).replace(/0+$/, "")}`;
}

function bytes(value) {
  for (const [size, unit] of [[2 ** 20, "MB"], [2 ** 10, "KB"]])
    if (value >= size) return `${(value / size).toFixed(1)} ${unit}`;
  return `${value} bytes`;
}

function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}
