import { ago, chips, h, later, prometheus, seconds, show, stack, table } from "./common.js";

show(async () => {
  const told = await stack();
  return [
    h("h1", {}, "Targets"),
    later(async () => {
      const found = (await prometheus("targets", { state: "active" })).activeTargets;
      found.sort((one, other) => (one.health === "up") - (other.health === "up") || one.scrapePool.localeCompare(other.scrapePool));
      const up = found.filter((target) => target.health === "up").length;
      return [
        h("p", { class: up === found.length ? "good" : "bad" }, `${up} of ${found.length} answer`),
        h("div", { class: "card" }, table([
          ["job", (target) => h("b", {}, target.scrapePool)],
          ["health", (target) => [h("span", { class: `state ${target.health === "up" ? "good" : target.health === "down" ? "bad" : "quiet"}` }, target.health),
            target.lastError ? h("div", { class: "bad" }, target.lastError) : null]],
          ["address", (target) => h("span", { class: "mono" }, target.scrapeUrl)],
          ["labels", (target) => chips(target.labels, ["job", "instance", ...Object.keys(told.labels)])],
          ["last scrape", (target) => ago(target.lastScrape)],
          ["took", (target) => seconds(target.lastScrapeDuration), "number"],
        ], found)),
      ];
    }),
  ];
});
