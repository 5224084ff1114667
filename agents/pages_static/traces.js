import { ago, get, h, later, link, parameters, seconds, show, stack, table } from "./common.js";
import { tags } from "./pure.js";

const LOOKBACK = [[900, "15 minutes"], [3600, "1 hour"], [21600, "6 hours"], [86400, "1 day"], [259200, "3 days"]];

function summary(trace) {
  const spans = trace.spans, known = new Set(spans.map((span) => span.spanID));
  const root = spans.find((span) => !span.references.some((other) => known.has(other.spanID))) || spans[0];
  const start = Math.min(...spans.map((span) => span.startTime));
  const end = Math.max(...spans.map((span) => span.startTime + span.duration));
  const failed = spans.filter((span) => span.tags.some((tag) => (tag.key === "error" && String(tag.value) === "true") || (tag.key === "otel.status_code" && tag.value === "ERROR"))).length;
  const services = [...new Set(spans.map((span) => trace.processes[span.processID]?.serviceName || "?"))];
  return { id: trace.traceID, root, service: trace.processes[root.processID]?.serviceName || "?", start, duration: end - start, spans: spans.length, failed, services };
}

async function search(given) {
  const range = Number(given.get("range")) || 3600;
  const end = Date.now() * 1000;
  const asked = { service: given.get("service"), limit: given.get("limit") || "20", start: Math.round(end - range * 1e6), end };
  for (const [name, key] of [["operation", "operation"], ["min", "minDuration"], ["max", "maxDuration"]]) {
    if (given.get(name)) asked[key] = given.get(name);
  }
  const wanted = tags(given.get("tags") || "");
  if (Object.keys(wanted).length) asked.tags = JSON.stringify(wanted);
  const found = ((await get("/api/jaeger/api/traces", asked)).data || []).map(summary).sort((one, other) => other.start - one.start);
  if (!found.length) return h("p", { class: "quiet" }, "No trace is like that. Ordinary traces are sampled: only a share of them is kept.");
  return [
    h("p", { class: "quiet" }, `${found.length} traces${found.length >= Number(asked.limit) ? ", the newest; there may be more" : ""}`),
    h("div", { class: "card" }, table([
      ["trace", (trace) => h("a", { href: `/traces/${trace.id}` }, h("b", {}, `${trace.service}: ${trace.root.operationName}`))],
      ["took", (trace) => seconds(trace.duration / 1e6), "number"],
      ["spans", (trace) => [String(trace.spans), trace.failed ? h("span", { class: "bad" }, ` (${trace.failed} failed)`) : null]],
      ["services", (trace) => trace.services.join(", ")],
      ["began", (trace) => ago(trace.start / 1000)],
    ], found)),
  ];
}

show(async () => {
  const given = parameters(), told = await stack();
  const stored = (await get("/api/jaeger/api/services")).data || [];
  const names = [...new Set([...stored, ...(given.get("service") ? [given.get("service")] : [])])].sort();
  const service = given.get("service") || names.find((name) => told.services.some((item) => item.name === name)) || names[0];
  if (!service) return [h("h1", {}, "Traces"), h("p", { class: "quiet" }, "No trace has been stored yet.")];
  if (!given.get("service")) given.set("service", service);
  const operations = h("datalist", { id: "operations" });
  get("/api/jaeger/api/operations", { service }).then((answer) =>
    operations.replaceChildren(...[...new Set((answer.data || []).map((item) => item.name))].sort().map((value) => h("option", { value }))), () => {});
  const input = (name, text, more = {}) => h("label", {}, text, h("input", { name, value: given.get(name) || "", ...more }));
  const range = Number(given.get("range")) || 3600;
  const form = h("form", { action: "/traces", method: "get" },
    h("label", {}, "service", h("select", { name: "service" }, names.map((name) => h("option", { value: name, selected: name === service }, name)))),
    input("operation", "operation", { list: "operations" }), operations,
    input("tags", "attributes", { placeholder: "http.status_code=500" }),
    input("min", "at least", { placeholder: "200ms", size: 7 }), input("max", "at most", { placeholder: "2s", size: 7 }),
    h("label", {}, "time", h("select", { name: "range" }, LOOKBACK.map(([value, text]) => h("option", { value, selected: value === range }, text)))),
    input("limit", "number", { value: given.get("limit") || "20", type: "number", min: 1, max: 500 }), h("button", {}, "Search"));
  const open = h("input", { placeholder: "a trace id", size: 34, "aria-label": "trace id" });
  const go = h("form", {}, h("label", {}, "or open one", open), h("button", { class: "plain" }, "Open"));
  go.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = open.value.trim();
    if (/^[0-9a-fA-F]{1,32}$/.test(id)) location.assign(`/traces/${id}`);
    else { open.setCustomValidity("expected up to 32 hexadecimal digits"); open.reportValidity(); open.setCustomValidity(""); }
  });
  return [h("h1", {}, "Traces"), form, go, later(() => search(given)),
    told.own_pages.jaeger ? h("p", {}, link(`${told.engines.jaeger}/`, "Jaeger's own pages")) : null];
});
