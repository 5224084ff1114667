// Lines over time, as SVG.
import { clock, h, number, svg } from "./common.js";

export const COLOURS = 8;
const MOST = 40;

function ticks(top) {
  const raw = top / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw);
  const found = [];
  for (let value = 0; value <= top * 1.0001; value += step) found.push(value);
  return found;
}

/** `series`: [{name, points: [[seconds, value]]}]; `write` says how a value is written, `flat` how high the axis is where all is 0. */
export function chart(series, { write = number, height = 190, seconds = 900, small = false, flat = 1 } = {}) {
  const place = h("div", { class: "chart" });
  const shown = series.slice(0, MOST).filter((line) => line.points.some(([, value]) => Number.isFinite(value)));
  if (!shown.length) return h("p", { class: "quiet" }, small ? "" : "Nothing was measured in this time.");
  const draw = (width) => {
    const left = small ? 0 : 54, bottom = small ? 0 : 20, top = 6, right = small ? 0 : 6;
    const values = shown.flatMap((line) => line.points.map(([, value]) => value)).filter(Number.isFinite);
    const last = Math.max(...shown.flatMap((line) => line.points.map(([at]) => at)));
    const first = last - seconds;
    const low = Math.min(0, ...values), most = Math.max(...values);
    const high = most > low + 1e-12 ? most * (small || most < 0 ? 1 : 1.05) : low + flat;
    const x = (at) => left + ((at - first) / (last - first)) * (width - left - right);
    const y = (value) => top + (1 - (value - low) / (high - low || 1)) * (height - top - bottom);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
    if (!small) {
      for (const value of ticks(high)) {
        picture.append(svg("line", { class: "axis", x1: left, x2: width - right, y1: y(value), y2: y(value) }),
          svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, write(value)));
      }
      const count = Math.max(2, Math.min(6, Math.floor(width / 110)));
      for (let index = 0; index <= count; index += 1) {
        const at = first + ((last - first) * index) / count;
        const anchor = index === 0 ? "start" : index === count ? "end" : "middle";
        picture.append(svg("text", { x: x(at), y: height - 4, "text-anchor": anchor }, clock(at).slice(0, 5)));
      }
    }
    shown.forEach((line, index) => {
      let path = "", open = false, before = 0;
      const step = Math.max(30, seconds / 60);
      for (const [at, value] of line.points) {
        if (!Number.isFinite(value)) { open = false; continue; }
        path += `${open && at - before < step * 2 ? "L" : "M"}${x(at).toFixed(1)},${y(value).toFixed(1)}`;
        open = true;
        before = at;
      }
      const real = line.points.filter(([, value]) => Number.isFinite(value));
      if (shown.length === 1 && real.length > 1) {
        const area = real.map(([at, value]) => `L${x(at).toFixed(1)},${y(value).toFixed(1)}`).join("");
        picture.append(svg("path", { class: "area c0", d: `M${x(real[0][0])},${y(low)}${area}L${x(real[real.length - 1][0])},${y(low)}Z` }));
      }
      picture.append(svg("path", { class: `c${index % COLOURS}`, d: path }));
    });
    const tip = h("div", { class: "tip", hidden: true });
    const cursor = svg("line", { class: "cursor", y1: top, y2: height - bottom, visibility: "hidden" });
    if (!small) {
      picture.append(cursor);
      picture.addEventListener("pointermove", (event) => {
        const box = picture.getBoundingClientRect();
        const at = first + ((event.clientX - box.left - left) / (width - left - right)) * (last - first);
        const near = shown.map((line, index) => {
          const point = line.points.reduce((best, next) => (Math.abs(next[0] - at) < Math.abs(best[0] - at) ? next : best));
          return { name: line.name, value: point[1], at: point[0], index };
        }).sort((one, other) => other.value - one.value).slice(0, 8);
        cursor.setAttribute("x1", x(near[0].at));
        cursor.setAttribute("x2", x(near[0].at));
        cursor.setAttribute("visibility", "visible");
        tip.hidden = false;
        tip.replaceChildren(h("div", { class: "quiet" }, clock(near[0].at)),
          ...near.map((item) => h("div", {}, h("i", { class: `c${item.index % COLOURS}` }), `${item.name} ${write(item.value)}`)));
        tip.style.top = "8px";
        if (event.clientX - box.left > width / 2) { tip.style.left = ""; tip.style.right = `${width - (event.clientX - box.left) + 12}px`; }
        else { tip.style.right = ""; tip.style.left = `${event.clientX - box.left + 12}px`; }
      });
      picture.addEventListener("pointerleave", () => { tip.hidden = true; cursor.setAttribute("visibility", "hidden"); });
    }
    place.replaceChildren(picture, tip);
  };
  new ResizeObserver(([entry]) => draw(Math.max(80, Math.floor(entry.contentRect.width)))).observe(place);
  if (small) return place;
  const more = series.length > MOST ? [h("span", {}, `and ${series.length - MOST} more`)] : [];
  return h("div", {}, place, shown.length > 1 || more.length ? h("div", { class: "legend" },
    shown.map((line, index) => h("span", {}, h("i", { class: `c${index % COLOURS}` }), line.name)), more) : null);
}
