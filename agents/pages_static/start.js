import { alertTable, alerts, history } from "./alert_parts.js";
import { h, later, link, number, percent, prometheus, range, show, stack, table, vector } from "./common.js";
import { chart } from "./chart.js";

const byService = async (query) => Object.fromEntries((await vector(query)).map((item) => [item.metric.service, Number(item.value[1])]));

const tile = (name, big, kind, note, address) =>
  h("div", { class: "card" }, h("div", { class: "quiet" }, name), h("div", { class: `big ${kind}` }, big),
    address ? h("a", { href: address }, note) : h("span", { class: "quiet" }, note));

async function tiles(found) {
  const firing = found.filter((alert) => alert.state === "firing");
  const [targets, traces, lines] = await Promise.all([
    prometheus("targets", { state: "active" }),
    vector("sum(rate(otelcol_receiver_accepted_spans_total{job!='jaeger'}[5m]))"),
    vector("sum(rate(otelcol_receiver_accepted_log_records_total[5m]))"),
  ]);
  const active = targets.activeTargets, up = active.filter((target) => target.health === "up").length;
  const rate = (result) => (result.length ? `${number(Number(result[0].value[1]))}/s` : "-");
  return h("div", { class: "grid" },
    tile("Alerts that fire", String(firing.length), firing.length ? "bad" : "good", firing.length ? "see them" : "none: all is quiet", "/alerts"),
    tile("Targets that answer", `${up} of ${active.length}`, up === active.length ? "good" : "bad", "all targets", "/targets"),
    tile("Spans received", rate(traces), "", "search traces", "/traces"),
    tile("Log records received", rate(lines), "", "kept in OpenSearch, behind a password"));
}

async function services(told, found) {
  const [requests, errors, slow, lines] = await Promise.all([
    byService("max by (service) (service:requests:rate5m)"),
    byService("max by (service) (service:error_ratio:rate5m)"),
    byService("max by (service) (service:slow_ratio:rate5m)"),
    range("max by (service) (service:requests:rate5m)", 3600),
  ]);
  const line = Object.fromEntries(lines.map((item) => [item.labels.service, item]));
  return h("div", { class: "grid" }, told.services.map(({ name, owner, promise, page }) => {
    const firing = found.filter((alert) => alert.state === "firing" && alert.labels.service === name).length;
    const known = name in requests;
    return h("div", { class: "card" },
      h("h3", {}, h("a", { href: `/services/${encodeURIComponent(name)}` }, name)),
      h("div", { class: "quiet" }, `owner: ${owner}`),
      firing ? h("div", { class: "bad state" }, h("a", { href: `/services/${encodeURIComponent(name)}`, class: "bad" }, `${firing} alert${firing > 1 ? "s" : ""}`)) : null,
      known ? h("div", { class: "numbers" },
        h("div", {}, h("b", {}, number(requests[name])), h("span", {}, "requests/s")),
        h("div", {}, h("b", { class: errors[name] > 0.01 ? "bad" : "" }, percent(errors[name] ?? 0)), h("span", {}, "errors")),
        h("div", {}, h("b", { class: slow[name] > 0.05 ? "warning" : "" }, percent(slow[name])), h("span", {}, "too slow")))
        : h("p", { class: "quiet" }, promise ? "No requests yet." : "Makes no promise, so none of its requests are counted here."),
      line[name] ? chart([{ name, points: line[name].points }], { height: 40, seconds: 3600, small: true }) : null,
      h("div", { class: "links" }, h("a", { href: `/services/${encodeURIComponent(name)}` }, "dashboard"),
        h("a", { href: `/traces?service=${encodeURIComponent(name)}` }, "traces"), page ? link(page, "its own page") : null));
  }));
}

const places = (told) => h("div", { class: "grid" }, [
  ["/explore", "Metrics", "An expression as a graph and as a table."],
  ["/traces", "Traces", "Search by service, operation, attributes and duration."],
  ["/alerts", "Alerts and rules", "What fires, what is about to, and every rule with its state."],
  ["/targets", "Targets", "Who is scraped, since when, and with what result."],
  [`${told.engines.alertmanager}/`, "Alertmanager", "Silences, groups and routes."],
  told.sink ? [`${told.sink}/`, "Notifications", "What Slack, Teams, PagerDuty and the ticket system would have got."] : null,
  told.own_pages.prometheus ? [`${told.engines.prometheus}/`, "Prometheus", "Its own web pages."] : null,
  told.own_pages.jaeger ? [`${told.engines.jaeger}/`, "Jaeger", "Its own web pages."] : null,
  ["/docs/runbooks/README.md", "Runbooks", "What each alert means, and what to do."],
  ["/docs/first-tour.md", "First tour", "Twenty minutes from nothing to a fault that its signals find."],
].filter(Boolean).map(([address, name, text]) => h("div", { class: "card" }, h("h3", {}, h("a", { href: address }, name)), h("div", { class: "quiet" }, text))));

show(async () => {
  const told = await stack();
  const found = alerts();
  return [
    h("h1", {}, told.stack),
    h("p", { class: "quiet" }, Object.entries(told.labels).map(([name, value]) => `${name}: ${value}`).join(", ")),
    later(async () => tiles(await found)),
    later(async () => {
      const firing = (await found).filter((alert) => alert.state === "firing");
      return firing.length ? [h("h2", {}, "Fires now"), h("div", { class: "card" }, alertTable(firing.slice(0, 8), told.labels),
        firing.length > 8 ? h("a", { href: "/alerts" }, `and ${firing.length - 8} more`) : null)] : null;
    }),
    h("h2", {}, "Services"), later(async () => services(told, await found)),
    h("h2", {}, "Recent alerts"), later(() => history(told, 12), { class: "card" }),
    h("h2", {}, "Pages"), places(told),
  ];
});
