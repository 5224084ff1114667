import { alertTable, alerts, named, recent, runbook } from "./alert_parts.js";
import { ago, h, later, prometheus, seconds, show, stack, table } from "./common.js";

async function rules() {
  const groups = (await prometheus("rules")).groups;
  return groups.map((group) => {
    const broken = group.rules.filter((rule) => rule.health === "err").length;
    const firing = group.rules.filter((rule) => rule.state === "firing").length;
    return h("details", {}, h("summary", {}, `${group.name}: ${group.rules.length} rules`,
      broken ? h("span", { class: "bad" }, `, ${broken} broken`) : null, firing ? h("span", { class: "warning" }, `, ${firing} fire`) : null),
    h("div", { class: "card" }, table([
      ["rule", (rule) => [h("b", {}, rule.type === "alerting" ? runbook(rule.annotations.runbook, rule.name) : rule.name), rule.labels.severity ? h("div", { class: "quiet" }, rule.labels.severity) : null]],
      ["state", (rule) => [h("span", { class: `state ${rule.health === "err" ? "bad" : rule.state === "firing" ? "warning" : "quiet"}` }, rule.health === "err" ? "broken" : rule.state || "recorded"),
        rule.lastError ? h("div", { class: "bad" }, rule.lastError) : null]],
      ["expression", (rule) => h("a", { class: "mono", href: "/explore?" + new URLSearchParams({ query: rule.query }) }, rule.query)],
      ["took", (rule) => seconds(rule.evaluationTime), "number"],
    ], group.rules)));
  });
}

async function history(told) {
  const found = (await recent(6)).slice(0, 60);
  if (!found.length) return h("p", { class: "quiet" }, "No alert has fired in the last six hours.");
  return table([
    ["alert", (item) => named(item.labels.alertname, told)],
    ["severity", (item) => h("span", { class: `state ${item.labels.severity}` }, item.labels.severity)],
    ["service", (item) => item.labels.service || ""],
    ["began", (item) => ago(item.from * 1000)],
    ["lasted", (item) => (Date.now() / 1000 - item.to < 90 ? "goes on" : `about ${Math.max(1, Math.round((item.to - item.from) / 60))} min`)],
  ], found);
}

show(async () => {
  const told = await stack();
  return [
    h("h1", {}, "Alerts"),
    h("p", {}, h("a", { href: `${told.engines.alertmanager}/` }, "Alertmanager"), " has silences and routes. ",
      h("span", { class: "quiet" }, "DeadMansSwitch, which always fires, is left out.")),
    later(async () => {
      const found = await alerts();
      return found.length ? h("div", { class: "card" }, alertTable(found, told.labels)) : h("p", { class: "good" }, "Nothing fires and nothing is about to.");
    }),
    h("h2", {}, "The last six hours"), later(() => history(told), { class: "card" }),
    h("h2", {}, "Rules"), later(rules),
  ];
});
