import { get, h, seconds, show, stack, table } from "./common.js";
import { COLOURS } from "./chart.js";
import { ordered } from "./pure.js";

const MOST = 1500;
const id = location.pathname.split("/").pop();
const text = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
const failed = (span) => span.tags.some((tag) => (tag.key === "error" && text(tag.value) === "true") || (tag.key === "otel.status_code" && tag.value === "ERROR"));
const pairs = (tags) => h("table", {}, h("tbody", {}, [...tags].sort((one, other) => one.key.localeCompare(other.key))
  .map((tag) => h("tr", {}, h("td", {}, tag.key), h("td", { class: "mono" }, text(tag.value))))));

function logsHint(logs) {
  const command = `pass=$(cat '${logs.password_file}')\ncurl -s --cacert '${logs.ca}' -u ${logs.user}:$pass \\\n  '${logs.url}/${logs.indices}/_search?size=200&sort=@timestamp&q=trace_id:${id.toLowerCase()}'`;
  return h("details", {}, h("summary", {}, "Its log records"),
    h("p", { class: "quiet" }, "They are in OpenSearch, which asks for a password; a page without one would show them to every user of this machine. In a shell:"),
    h("pre", { class: "command" }, command));
}

show(async () => {
  if (!/^[0-9a-fA-F]{1,32}$/.test(id)) throw new Error("not a trace id");
  const told = await stack();
  const trace = (await get(`/api/jaeger/api/traces/${id}`)).data[0];
  const all = ordered(trace.spans);
  const start = Math.min(...trace.spans.map((span) => span.startTime));
  const total = Math.max(1, Math.max(...trace.spans.map((span) => span.startTime + span.duration)) - start);
  const services = [...new Set(all.map(([span]) => trace.processes[span.processID]?.serviceName || "?"))];
  const count = all.filter(([span]) => failed(span)).length;
  const rows = all.slice(0, MOST).map(([span, depth]) => {
    const process = trace.processes[span.processID] || { serviceName: "?", tags: [] };
    const from = ((span.startTime - start) / total) * 100, width = (span.duration / total) * 100;
    const late = from + width > 70;
    const details = h("div", { class: "details", hidden: true });
    const open = () => {
      if (details.hidden && !details.childNodes.length) {
        details.append(...[
          h("p", {}, h("b", {}, span.operationName), ` of ${process.serviceName}, from ${seconds((span.startTime - start) / 1e6)} for ${seconds(span.duration / 1e6)}`),
          pairs(span.tags),
          span.logs.length ? [h("h3", {}, "Events"), ...span.logs.map((event) => h("div", {}, h("div", { class: "quiet" }, `after ${seconds((event.timestamp - start) / 1e6)}`), pairs(event.fields)))] : [],
          h("details", {}, h("summary", {}, "Process"), pairs(process.tags)),
        ].flat());
      }
      details.hidden = !details.hidden;
      row.setAttribute("aria-expanded", String(!details.hidden));
    };
    const row = h("div", { class: "span", role: "button", tabindex: 0, "aria-expanded": "false", onclick: open, onkeydown: (event) => { if (event.key === "Enter") open(); } },
      h("div", { class: "name", title: `${process.serviceName}: ${span.operationName}`, style: { paddingLeft: `${Math.min(depth, 12) * 14}px` } },
        failed(span) ? h("span", { class: "bad" }, "! ") : null, h("b", {}, process.serviceName), ` ${span.operationName}`, h("span", { class: "took" }, ` ${seconds(span.duration / 1e6)}`)),
      h("div", { class: "track" },
        h("div", { class: `bar c${services.indexOf(process.serviceName) % COLOURS}`, style: { left: `${from}%`, width: `${Math.min(width, 100 - from)}%` } }),
        h("span", { class: "time", style: late ? { right: `${Math.max(0, 100 - from) + 0.5}%` } : { left: `${from + width + 0.5}%` } }, seconds(span.duration / 1e6))));
    return [row, details];
  });
  const [first] = all[0];
  return [
    h("h1", {}, `${trace.processes[first.processID]?.serviceName || "?"}: ${first.operationName}`),
    h("p", { class: "quiet" }, `trace ${trace.traceID}, ${new Date(start / 1000).toLocaleString()}, ${seconds(total / 1e6)}, ${all.length} spans, `,
      h("span", { class: count ? "bad" : "" }, count ? `${count} failed` : "none failed")),
    h("div", { class: "legend" }, services.map((name, index) => h("span", {}, h("i", { class: `c${index % COLOURS}` }), name))),
    h("div", { class: "card waterfall" }, rows, all.length > MOST ? h("p", { class: "quiet" }, `and ${all.length - MOST} more spans`) : null),
    logsHint(told.logs),
  ];
});
