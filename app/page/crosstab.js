/** Two partitions of the same images against each other: how many are in both of two groups. */
import { h } from "./dom.js";

/**
 * A table of counts; rows are put in the order in which the diagonal is full.
 * @param {string} what stands in the rows
 * @param {string} other stands in the columns
 * @param {[string, string][]} pairs for each image its row's and its column's name
 */
export function crosstab(what, other, pairs) {
  const columns = [...new Set(pairs.map(([, b]) => b))].sort(byNumber);
  const counts = new Map([...new Set(pairs.map(([a]) => a))].sort(byNumber).map((name) => [name, new Map()]));
  for (const [a, b] of pairs) counts.get(a).set(b, (counts.get(a).get(b) || 0) + 1);
  const most = Math.max(...[...counts.values()].flatMap((row) => [...row.values()]));
  const rows = ordered(counts, columns);
  return h("div", { class: "wide", tabIndex: 0, role: "region", "aria-label": `${what} and ${other}` }, h("table", { class: "crosstab" },
    h("thead", {}, h("tr", {}, h("td", { class: "small soft" }, `${what} \\ ${other}`), columns.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((name) => h("tr", {}, h("th", { scope: "row" }, name), columns.map((column) => {
      const count = counts.get(name).get(column) || 0;
      const cell = h("td", {}, count ? count.toLocaleString() : "");
      cell.style.setProperty("--share", count / most);
      return cell;
    }))))));
}

/** Each column takes the row that has most of it, largest counts first. */
function ordered(counts, columns) {
  const cells = [...counts].flatMap(([row, there]) => [...there].map(([column, count]) => ({ row, column, count })));
  cells.sort((a, b) => b.count - a.count);
  const taken = new Map();
  for (const { row, column } of cells) {
    if (!taken.has(column) && ![...taken.values()].includes(row)) taken.set(column, row);
  }
  const first = columns.map((column) => taken.get(column)).filter((row) => row !== undefined);
  return [...first, ...[...counts.keys()].filter((row) => !first.includes(row))];
}

function byNumber(a, b) {
  return a.localeCompare(b, undefined, { numeric: true });
}
