import { alertTable, alerts } from "./alert_parts.js";
import { chosenRange, h, later, link, percent, range, rangeChoice, seconds as writeSeconds, show, stack } from "./common.js";
import { chart } from "./chart.js";

const name = decodeURIComponent(location.pathname.split("/").pop());
const quote = (text) => text.replace(/\\/g, "\\\\").replace(/"/g, '\\"');

const panel = (title, query, seconds, named, options = {}) =>
  h("div", { class: "card" }, h("h3", {}, title), later(async () => {
    const found = (await Promise.all([query].flat().map((one) => range(one, seconds)))).flatMap((series, index) =>
      series.map((item) => ({ name: named(item.labels, index), points: item.points })));
    return [chart(found, { seconds, ...options }),
      h("a", { href: "/explore?" + new URLSearchParams({ query: [query].flat()[0], range: seconds }), class: "quiet" }, "explore")];
  }));

show(async () => {
  const told = await stack();
  const service = told.services.find((item) => item.name === name);
  const seconds = chosenRange();
  const window = seconds > 21600 ? "5m" : "1m";
  const quantile = (share) => `histogram_quantile(${share}, sum by (le) (rate(${service.buckets}[${window}])))`;
  const choice = rangeChoice(seconds);
  choice.addEventListener("change", () => { location.search = new URLSearchParams({ range: choice.value }); });
  return [
    h("h1", {}, name),
    h("p", { class: "quiet" }, `owner: ${service.owner}, version: ${service.version}`, service.promise ? `, promises ${service.promise}` : ""),
    h("form", {}, h("label", {}, "time", choice),
      h("div", { class: "links" }, h("a", { href: `/traces?service=${encodeURIComponent(name)}` }, "its traces"),
        h("a", { href: `/traces?service=${encodeURIComponent(name)}&tags=${encodeURIComponent("error=true")}` }, "its failed traces"),
        service.page ? link(service.page, "its own page") : null)),
    later(async () => {
      const found = (await alerts()).filter((alert) => alert.labels.service === name);
      return found.length ? h("div", { class: "card trouble" }, alertTable(found, told.labels)) : h("p", { class: "good" }, "No alert of this service fires.");
    }),
    h("h2", {}, "Requests"),
    h("div", { class: "charts" },
      panel("Requests a second", `sum(rate(${service.requests}[${window}]))`, seconds, () => "requests/s"),
      panel("Share of failed requests", `(sum(rate(${service.errors}[${window}])) or 0 * sum(rate(${service.requests}[${window}]))) / (sum(rate(${service.requests}[${window}])) > 0)`,
        seconds, () => "failed", { write: percent, flat: 0.01 }),
      panel("Duration", [quantile(0.5), quantile(0.95), quantile(0.99)], seconds, (labels, index) => ["half within", "95 % within", "99 % within"][index], { write: writeSeconds }),
      panel("Spans a second, by operation", `sum by (span_name) (rate(traces_span_metrics_calls_total{service="${quote(name)}"}[${window}]))`, seconds, (labels) => labels.span_name || "spans")),
    h("h2", {}, "Scrapes"),
    h("div", { class: "charts" },
      panel("Answers when it is scraped", `up{service="${quote(name)}"}`, seconds, (labels) => `${labels.job} ${labels.instance}`, { height: 90 }),
      panel("Series that it brings", `scrape_samples_scraped{service="${quote(name)}"}`, seconds, (labels) => `${labels.job} ${labels.instance}`, { height: 90 })),
  ];
});
