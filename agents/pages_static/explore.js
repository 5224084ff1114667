import { chips, chosenRange, h, later, parameters, prometheus, range, rangeChoice, show, table } from "./common.js";
import { chart } from "./chart.js";

const EXAMPLES = [
  "max by (service) (service:requests:rate5m)",
  "max by (service) (service:error_ratio:rate5m)",
  "sum by (job) (scrape_samples_scraped)",
  "sum by (exporter) (rate(otelcol_exporter_sent_log_records_total[5m]))",
  "process_resident_memory_bytes",
];
const MOST = 200;
const named = (labels) => {
  const { __name__: name = "", ...rest } = labels;
  const inside = Object.entries(rest).map(([key, value]) => `${key}="${value}"`).join(", ");
  return inside ? `${name}{${inside}}` : name || "value";
};

async function now(query) {
  const { resultType, result } = await prometheus("query", { query });
  if (resultType === "scalar" || resultType === "string") return h("p", { class: "big" }, String(result[1]));
  const rows = result.slice(0, MOST);
  return [
    h("p", { class: "quiet" }, `${result.length} series${result.length > MOST ? `, the first ${MOST} shown` : ""}`),
    rows.length ? table([
      ["series", (row) => [h("div", { class: "mono" }, row.metric.__name__ || ""), chips(row.metric, ["__name__"])]],
      ["value", (row) => (row.value ? row.value[1] : row.histogram ? "histogram" : `${row.values.length} samples`), "number"],
    ], rows) : null,
  ];
}

show(async () => {
  const query = parameters().get("query") || "", seconds = chosenRange();
  const names = await prometheus("label/__name__/values").catch(() => []);
  const field = h("textarea", { name: "query", spellcheck: "false", "aria-label": "expression", placeholder: "an expression in PromQL", autofocus: true });
  field.value = query;
  const form = h("form", { action: "/explore", method: "get" }, h("label", { class: "wide" }, "expression", field),
    h("label", {}, "time", rangeChoice(seconds)), h("button", {}, "Show"));
  field.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); form.requestSubmit(); } });
  const pick = h("input", { list: "names", placeholder: "a metric's name" });
  pick.addEventListener("change", () => { if (pick.value) field.value = pick.value; });
  return [
    h("h1", {}, "Metrics"), form,
    h("details", { open: !query }, h("summary", {}, "Names and examples"),
      h("div", { class: "card" },
        h("label", {}, `one of ${names.length} metrics`, pick, h("datalist", { id: "names" }, names.map((value) => h("option", { value })))),
        h("div", {}, EXAMPLES.map((text) => h("div", {}, h("a", { class: "mono", href: "/explore?" + new URLSearchParams({ query: text, range: seconds }) }, text)))))),
    query ? [
      h("div", { class: "card" }, later(async () => chart((await range(query, seconds)).map(({ labels, points }) => ({ name: named(labels), points })), { seconds, height: 300 }))),
      h("h2", {}, "Now"), h("div", { class: "card" }, later(() => now(query))),
    ] : null,
  ];
});
