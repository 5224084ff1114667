import { alertTable, alerts, history, runbook } from "./alert_parts.js";
import { h, later, prometheus, seconds, show, stack, table } from "./common.js";

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
    h("h2", {}, "The last six hours"), later(() => history(told, 60), { class: "card" }),
    h("h2", {}, "Rules"), later(rules),
  ];
});
