// What needs no page.

/** `a=b c="d e"` as {a: "b", c: "d e"}; an Error that says what is not understood. */
export function tags(text) {
  const found = {};
  const pattern = /\s*([^\s=]+)=("(?:[^"\\]|\\.)*"|\S*)(?=\s|$)/y;
  while (pattern.lastIndex < text.trimEnd().length) {
    const at = pattern.lastIndex, match = pattern.exec(text);
    if (!match) throw new Error(`attributes: ${text.slice(at).trim()} is not understood; expected key=value, with "quotes" around a value with blanks`);
    found[match[1]] = match[2].startsWith('"') ? match[2].slice(1, -1).replace(/\\(.)/g, "$1") : match[2];
  }
  return found;
}

/** Spans in the order of a tree, each with its depth; a span whose parent is missing or its own ancestor is a root. */
export function ordered(spans) {
  const byId = new Map(spans.map((span) => [span.spanID, span]));
  const children = new Map();
  const roots = [];
  for (const span of spans) {
    const parent = span.references.find((other) => byId.has(other.spanID) && other.spanID !== span.spanID);
    if (!parent) roots.push(span);
    else children.set(parent.spanID, [...(children.get(parent.spanID) || []), span]);
  }
  const found = [], seen = new Set();
  const walk = (starts) => {
    const todo = starts.map((span) => [span, 0]).reverse();
    while (todo.length) {
      const [span, depth] = todo.pop();
      if (seen.has(span)) continue;
      seen.add(span);
      found.push([span, depth]);
      const below = (children.get(span.spanID) || []).sort((one, other) => other.startTime - one.startTime);
      todo.push(...below.map((child) => [child, depth + 1]));
    }
  };
  walk(roots.sort((one, other) => one.startTime - other.startTime));
  for (const span of spans) if (!seen.has(span)) walk([span]);
  return found;
}
