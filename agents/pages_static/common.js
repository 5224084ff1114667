// What every page uses. Text reaches the page as text only: nothing here, or in the pages, writes HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.setAttribute("class", value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** A link, or plain text where the address is none that a browser should follow. */
export function link(address, ...children) {
  let safe = false;
  try {
    safe = ["http:", "https:"].includes(new URL(address, location.href).protocol);
  } catch { /* not an address */ }
  return safe ? h("a", { href: address, rel: "noreferrer" }, ...children) : h("span", {}, ...children);
}

/** JSON of one of the stack's interfaces; an Error that says who did not answer, and why. */
export async function get(path, parameters) {
  const query = parameters ? "?" + new URLSearchParams(parameters) : "";
  const answer = await fetch(path + query);
  let body;
  try {
    body = await answer.json();
  } catch {
    throw new Error(`${path}: status ${answer.status}, and no JSON`);
  }
  if (!answer.ok || body.status === "error") {
    const said = body.error || (body.errors && body.errors.map((item) => item.msg).join("; "));
    throw new Error(said || `${path}: status ${answer.status}`);
  }
  return body;
}

let known;
export const stack = () => (known ||= get("/api/stack"));

export const prometheus = async (path, parameters) => (await get(`/api/prometheus/api/v1/${path}`, parameters)).data;
export const vector = async (query) => (await prometheus("query", { query })).result;

/** Series of a query over the last `seconds`, at some `count` times, as {labels, points: [[seconds, value]]}. */
export async function range(query, seconds, count = 180) {
  const end = Math.floor(Date.now() / 1000);
  const step = Math.max(5, Math.round(seconds / count));
  const found = await prometheus("query_range", { query, start: end - seconds, end, step });
  if (found.resultType !== "matrix") return [];
  return found.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([at, value]) => [at, Number(value)]),
  }));
}

export const RANGES = [[900, "15 minutes"], [3600, "1 hour"], [21600, "6 hours"], [86400, "1 day"], [172800, "2 days"]];
export const parameters = () => new URLSearchParams(location.search);
export function chosenRange(otherwise = 900) {
  const given = Number(parameters().get("range"));
  return RANGES.some(([seconds]) => seconds === given) ? given : otherwise;
}
export const rangeChoice = (chosen) =>
  h("select", { name: "range" }, RANGES.map(([seconds, text]) => h("option", { value: seconds, selected: seconds === chosen }, text)));

export function number(value) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e9) return (value / 1e9).toPrecision(3) + " G";
  if (size >= 1e6) return (value / 1e6).toPrecision(3) + " M";
  if (size >= 1e4) return (value / 1e3).toPrecision(3) + " k";
  return size !== 0 && size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}
export const percent = (value) => (Number.isFinite(value) ? `${number(value * 100)} %` : "-");
export function seconds(value) {
  if (!Number.isFinite(value)) return "-";
  if (value >= 1) return `${number(value)} s`;
  return value >= 0.001 ? `${number(value * 1000)} ms` : `${number(value * 1e6)} µs`;
}
export function ago(instant) {
  const passed = (Date.now() - new Date(instant)) / 1000;
  if (!Number.isFinite(passed) || passed > 1e9) return "never";
  if (passed < 90) return `${Math.max(0, Math.round(passed))} s ago`;
  if (passed < 5400) return `${Math.round(passed / 60)} min ago`;
  return passed < 129600 ? `${Math.round(passed / 3600)} h ago` : `${Math.round(passed / 86400)} days ago`;
}
export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });

export const chips = (labels, without = []) =>
  h("div", { class: "chips" }, Object.entries(labels).filter(([name]) => !without.includes(name)).sort()
    .map(([name, value]) => h("span", { class: "chip" }, `${name}: ${value}`)));

/** A table that becomes a list on a narrow screen. `columns` are [heading, cell of a row, class]. */
export const table = (columns, rows) =>
  h("div", { class: "scroll" }, h("table", { class: "stack" },
    h("thead", {}, h("tr", {}, columns.map(([name, , kind]) => h("th", { class: kind }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, columns.map(([name, cell, kind]) => h("td", { class: kind, "data-name": name }, cell(row))))))));

export const trouble = (error) =>
  h("div", { class: "card trouble" }, h("b", {}, "This cannot be shown. "), String(error.message || error));

/** Fills the page; what goes wrong stands in its place. */
export async function show(make) {
  const main = document.getElementById("main");
  try {
    main.replaceChildren(...[await make()].flat(Infinity).filter(Boolean));
  } catch (error) {
    main.replaceChildren(h("h1", {}, document.title.split(" - ")[0]), trouble(error));
  }
}

/** A part that fills itself, so that a slow or absent engine holds nothing else up. */
export function later(make, attributes = {}) {
  const place = h("div", attributes, h("p", { class: "quiet" }, "Loading."));
  Promise.resolve().then(make).then(
    (found) => place.replaceChildren(...[found].flat(Infinity).filter(Boolean)),
    (error) => place.replaceChildren(trouble(error)),
  );
  return place;
}
