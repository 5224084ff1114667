// Alerts as the start page, a service's page and the page of alerts show them.
import { ago, chips, h, link, prometheus, range, table } from "./common.js";

export const SWITCH = "DeadMansSwitch";
const ORDER = { critical: 0, warning: 1, info: 2 };

/** Alerts that fire or are about to, the worst first, without the one that always fires. */
export async function alerts() {
  const found = (await prometheus("alerts")).alerts.filter((alert) => alert.labels.alertname !== SWITCH);
  const rank = (alert) => (alert.state === "firing" ? 0 : 10) + (ORDER[alert.labels.severity] ?? 3);
  return found.sort((one, other) => rank(one) - rank(other) || other.activeAt.localeCompare(one.activeAt));
}

/** The runbook that an alert names: a page of this repository is shown here. */
export function runbook(address, text) {
  const path = (address || "").startsWith(location.origin + "/") ? address.slice(location.origin.length) : address;
  if (/^\/?docs\/runbooks\/[\w-]+\.md$/.test(path || "")) return h("a", { href: path.startsWith("/") ? path : "/" + path }, text);
  return address ? link(address, text) : text;
}

/** An alert's name, linked to its page if this repository has one. */
export const named = (name, told) =>
  told.runbooks.includes(name) ? h("a", { href: `/docs/runbooks/${name}.md` }, name) : h("b", {}, name);

export const severity = (alert) =>
  h("span", { class: `state ${alert.state === "firing" ? alert.labels.severity : "quiet"}` },
    alert.state === "firing" ? alert.labels.severity || "firing" : "pending");

export const alertTable = (found, environment = {}) =>
  table([
    ["severity", severity],
    ["alert", (alert) => [h("b", {}, alert.labels.alertname), h("div", {}, alert.annotations.summary || ""),
      h("div", { class: "quiet" }, alert.annotations.description || "")]],
    ["labels", (alert) => chips(alert.labels, ["alertname", "severity", ...Object.keys(environment)])],
    ["since", (alert) => ago(alert.activeAt), "nowrap"],
    ["runbook", (alert) => (alert.annotations.runbook ? runbook(alert.annotations.runbook, "what to do") : ""), "nowrap"],
  ], found);

/** What fired in the last hours, from the series that Prometheus keeps of it: [{labels, from, to}], newest first. */
export async function recent(hours = 6) {
  const count = 720, step = (hours * 3600) / count;
  const series = await range(`ALERTS{alertstate="firing",alertname!="${SWITCH}"}`, hours * 3600, count);
  const found = [];
  for (const { labels, points } of series) {
    let from = null, to = null;
    for (const [at] of points) {
      if (from !== null && at - to > step * 1.5) { found.push({ labels, from, to }); from = null; }
      if (from === null) from = at;
      to = at;
    }
    if (from !== null) found.push({ labels, from, to });
  }
  return found.sort((one, other) => other.from - one.from);
}

/** What fired in the last six hours as a table of at most `most` rows. */
export async function history(told, most) {
  const found = (await recent(6)).slice(0, most);
  if (!found.length) return h("p", { class: "quiet" }, "No alert has fired in the last six hours.");
  return table([
    ["alert", (item) => named(item.labels.alertname, told)],
    ["severity", (item) => h("span", { class: `state ${item.labels.severity}` }, item.labels.severity)],
    ["service", (item) => item.labels.service || ""],
    ["began", (item) => ago(item.from * 1000)],
    ["lasted", (item) => (Date.now() / 1000 - item.to < 90 ? "goes on" : `about ${Math.max(1, Math.round((item.to - item.from) / 60))} min`)],
  ], found);
}
