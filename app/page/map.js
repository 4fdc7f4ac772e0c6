/** The map: every image a point, those that look alike to the method side by side. */
import { show } from "./api.js";
import { h } from "./dom.js";
import { picture } from "./pictures.js";

const REACH = 14;
const MARGIN = 22;
const GOLDEN = 0.61803398875;
const ZOOM = 1.25;
const FURTHEST = 60;
const DOT = 2; // from such a radius on one sees that a point is round
const DARK = matchMedia("(prefers-color-scheme: dark)");
const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A colour for each group; those of neighbouring numbers are far apart. */
export function colour(label) {
  const light = [42, 58, 50][label % 3] + (DARK.matches ? 14 : 0);
  return `hsl(${360 * ((0.46 + label * GOLDEN) % 1)} 62% ${light}%)`;
}

/**
 * @param {Float32Array} points x and y of each image, within -1 and 1
 * @param {{label: number, name: string, confidence: ?number}[]} rows
 * @param {(place: number) => ?string} address of an image's picture
 * @param {AbortSignal} signal that the map is left
 */
export function map(points, rows, address, signal) {
  const canvas = h("canvas", { tabIndex: 0, role: "img", "aria-label": `Map of ${rows.length} images. Arrow keys go from image to image, plus and minus zoom.` });
  const seen = picture({ alt: "" });
  const words = h("p", { class: "small", "aria-live": "polite" });
  const card = h("div", { class: "hint", hidden: true }, seen, words);
  const view = { scale: 1, x: 0, y: 0, chosen: null, only: null };
  const painter = canvas.getContext("2d");
  const sheet = h("canvas", {}); // the points, as they lie under the ring of the chosen one
  let width = 0;
  let height = 0;
  let radius = 0;
  let due = null;

  const labels = [...new Set(rows.map(({ label }) => label))].sort((a, b) => a - b);
  const place = (i) => {
    const half = Math.min(width, height) / 2 - MARGIN;
    return [width / 2 + (points[2 * i] * half + view.x) * view.scale, height / 2 + (-points[2 * i + 1] * half + view.y) * view.scale];
  };

  /** Once a frame at most, however often the view changes within it. */
  function draw() {
    due ??= requestAnimationFrame(() => { due = null; scatter(); mark(); });
  }

  function scatter() {
    const ratio = devicePixelRatio || 1;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    for (const surface of [canvas, sheet]) {
      surface.width = width * ratio;
      surface.height = height * ratio;
    }
    radius = Math.max(1.5, (Math.min(6, 130 / Math.sqrt(rows.length)) * Math.min(width, height, 600)) / 600) * Math.sqrt(Math.min(view.scale, 6));
    const brush = sheet.getContext("2d");
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colours = new Map(labels.map((label) => [label, colour(label)]));
    for (const [i, { label, confidence }] of rows.entries()) {
      const [x, y] = place(i);
      if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
      brush.globalAlpha = view.only === null || view.only === label ? 0.3 + 0.7 * (confidence ?? 1) : 0.06;
      brush.fillStyle = colours.get(label);
      if (radius < DOT) brush.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
      else {
        brush.beginPath();
        brush.arc(x, y, radius, 0, 2 * Math.PI);
        brush.fill();
      }
    }
  }

  function mark() {
    if (!sheet.width || !sheet.height) return;
    painter.setTransform(1, 0, 0, 1, 0, 0);
    painter.clearRect(0, 0, canvas.width, canvas.height);
    painter.drawImage(sheet, 0, 0);
    if (view.chosen === null) return;
    const ratio = canvas.width / width;
    painter.setTransform(ratio, 0, 0, ratio, 0, 0);
    ring(place(view.chosen), radius + 3);
    settle();
  }

  function ring([x, y], radius) {
    painter.strokeStyle = getComputedStyle(canvas).color;
    painter.lineWidth = 2;
    painter.beginPath();
    painter.arc(x, y, radius, 0, 2 * Math.PI);
    painter.stroke();
  }

  function choose(i) {
    if (i === view.chosen) return;
    view.chosen = i;
    card.hidden = i === null;
    mark();
    if (i === null) return;
    const { name, label, confidence } = rows[i];
    words.textContent = `${name}, group ${label}${confidence === null ? "" : `, ${Math.round(100 * confidence)} % sure`}`;
    seen.hidden = !address(i);
    if (!seen.hidden) show(seen, address(i).replace(/^\//, "")).catch(() => { seen.hidden = true; });
  }

  /** The hint beside its point, inside the sheet. */
  function settle() {
    const [x, y] = place(view.chosen);
    card.style.left = `${Math.max(0, Math.min(x + 14, width - 160))}px`;
    card.style.top = `${y > height / 2 ? Math.max(y - 190, 0) : y + 14}px`;
  }

  function nearest(x, y, allowed = () => true) {
    let best = null;
    let least = Infinity;
    for (let i = 0; i < rows.length; i += 1) {
      if (view.only !== null && rows[i].label !== view.only) continue;
      const [px, py] = place(i);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least && allowed(px - x, py - y)) [best, least] = [i, distance];
    }
    return { best, distance: Math.sqrt(least) };
  }

  function zoom(factor, x = width / 2, y = height / 2) {
    const scale = Math.max(1, Math.min(FURTHEST, view.scale * factor));
    view.x += (x - width / 2) * (1 / scale - 1 / view.scale);
    view.y += (y - height / 2) * (1 / scale - 1 / view.scale);
    view.scale = scale;
    if (scale === 1) view.x = view.y = 0;
    draw();
  }

  function walk([dx, dy]) {
    if (view.chosen === null) return choose(nearest(width / 2, height / 2).best);
    const { best } = nearest(...place(view.chosen), (x, y) => x * dx + y * dy > Math.abs(x * dy) + Math.abs(y * dx) - 1e-9 && (x || y));
    return best !== null && choose(best);
  }

  const pointers = new Map();
  const at = (event) => [event.offsetX, event.offsetY];
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); pointers.set(event.pointerId, at(event)); });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const now = at(event);
    if (before && pointers.size === 1) {
      view.x += (now[0] - before[0]) / view.scale;
      view.y += (now[1] - before[1]) / view.scale;
      draw();
    } else if (before) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, spot]) => spot);
      const apart = (spot) => Math.hypot(spot[0] - other[0], spot[1] - other[1]) || 1;
      zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }
    if (before) pointers.set(event.pointerId, now);
    const { best, distance } = nearest(...now);
    choose(distance < REACH ? best : null);
  });
  canvas.addEventListener("pointerleave", () => choose(null));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? ZOOM : 1 / ZOOM, ...at(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (TURNS[event.key]) walk(TURNS[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(ZOOM);
    else if (event.key === "-") zoom(1 / ZOOM);
    else if (event.key === "0") zoom(0);
    else if (event.key === "Escape") choose(null);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(canvas);
  DARK.addEventListener("change", draw, { signal });

  const chips = labels.map((label) => {
    const dot = h("span", { class: "dot" });
    dot.style.background = colour(label);
    return h("button", { type: "button", class: "chip", "aria-pressed": "false", onclick: () => only(label) }, dot, String(label));
  });
  function only(label) {
    view.only = view.only === label ? null : label;
    chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(labels[i] === view.only)));
    draw();
  }
  const button = (label, name, act) => h("button", { type: "button", "aria-label": name, title: name, onclick: act }, label);
  return h("section", { class: "card stack map", "aria-label": "Map" },
    h("p", { class: "small soft" }, "Near points look alike to the method; how far apart the islands lie means nothing (t-SNE). Pale points are unsure. Point at one to see it; drag, and click before you turn the wheel, to move and zoom."),
    h("div", { class: "sheet" }, canvas, card, h("div", { class: "tools" }, button("+", "Zoom in", () => zoom(ZOOM)), button("−", "Zoom out", () => zoom(1 / ZOOM)), button("⟲", "Show all", () => zoom(0)))),
    h("div", { class: "chips", role: "group", "aria-label": "Show one group alone" }, chips));
}
