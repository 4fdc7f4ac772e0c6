/** Small curves, one for each figure of an epoch. */
import { h, svg } from "./dom.js";

const WIDTH = 150;
const HEIGHT = 54;
const WORDS = {
  loss: "whole loss", L0: "L0 reconstruction", L1: "L1 size of C", L2: "L2 self-expression", L3: "L3 between clusters",
  L4: "L4 head", C_l1: "l1 norm of C", C_Q_share: "share between clusters", changed_labels: "share of images that moved",
  relative_eigengap: "relative eigengap", components: "components of the graph",
};

export class Curves {
  constructor() {
    this.series = new Map();
    this.phase = null;
    this.element = h("div", { class: "spark" });
  }

  add({ phase, epoch, losses }) {
    if (phase !== this.phase) {
      if (!epoch) return;
      this.phase = phase;
      this.series.clear();
    }
    if (!epoch) return;
    for (const [name, value] of Object.entries(losses)) {
      if (!this.series.has(name)) this.series.set(name, []);
      this.series.get(name).push([epoch, value]);
    }
    this.draw();
  }

  draw() {
    this.element.replaceChildren(...[...this.series].map(([name, points]) => {
      const last = points.at(-1)[1];
      const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { d: line(points) }));
      return h("figure", {}, picture, h("figcaption", {}, h("span", {}, WORDS[name] || name), h("span", {}, Number(last.toPrecision(3)).toLocaleString())));
    }));
  }
}

function line(points) {
  const xs = points.map(([x]) => x);
  const positive = points.every(([, y]) => y > 0) && Math.max(...points.map(([, y]) => y)) > 20 * Math.min(...points.map(([, y]) => y));
  const ys = points.map(([, y]) => (positive ? Math.log(y) : y));
  const scale = (values, size, flip) => {
    const low = Math.min(...values);
    const span = Math.max(...values) - low || 1;
    return values.map((value) => (flip ? size - 2 - ((value - low) / span) * (size - 4) : ((value - low) / span) * size));
  };
  const [px, py] = [scale(xs, WIDTH), scale(ys, HEIGHT, true)];
  if (points.length === 1) return `M${WIDTH} ${HEIGHT / 2}h0`;
  return px.map((x, i) => `${i ? "L" : "M"}${x.toFixed(1)} ${py[i].toFixed(1)}`).join("");
}
