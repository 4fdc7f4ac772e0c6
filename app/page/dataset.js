/** An image set: what is in it, and how it shall be clustered. */
import { ask } from "./api.js";
import { count, h, problemBox } from "./dom.js";
import { about } from "./home.js";
import { once } from "./once.js";
import { addresses, thumbnail } from "./pictures.js";

const SHOWN = 40;
const FIELDS = { "invalid-n-clusters": "n_clusters", "image-size-needed": "image_size", "unknown-method": "method", "job-too-large": "landmarks" };
const MANY = 2000; // from so many images on a part of them can stand for all
const HIDDEN = new Set(["method"]);

export async function dataset(main, id, signal) {
  const [set, methods] = await Promise.all([`v1/datasets/${id}`, "v1/methods"].map((path) => ask(path, { signal })));
  main.replaceChildren(
    h("h1", {}, set.name), h("p", { class: "soft under" }, about(set)),
    ...set.notices.map((notice) => h("p", { class: "small soft" }, notice.detail)),
    ...(set.kind === "images" ? [pictures(set)] : []),
    h("h2", {}, "Cluster them"), form(set, methods.items));
}

/** Some of the images, from the first to the last. */
function pictures(set) {
  const shown = Math.min(SHOWN, set.n_images);
  const places = [...Array(shown).keys()].map((i) => Math.floor((i * set.n_images) / shown));
  return h("ul", { class: "thumbs", "aria-label": `${shown} of ${count(set.n_images, "image")}` },
    places.map((place) => h("li", {}, thumbnail(addresses(set)(place), `Image ${place}`))));
}

function form(set, methods) {
  const usable = methods.filter((method) => set.kind === "images" || !method.needs_images);
  const method = h("select", { id: "method", name: "method" }, usable.map((one) => h("option", { value: one.name }, `${one.name} — ${one.title}`)));
  method.value = usable.some((one) => one.name === "s2convscn") ? "s2convscn" : "lsr";
  const clusters = h("input", { type: "number", id: "n_clusters", name: "n_clusters", min: 2, max: set.n_images, required: true, value: set.classes ? set.classes.length : Math.min(10, set.n_images) });
  const auto = h("input", { type: "checkbox", id: "auto", onchange: () => { clusters.disabled = auto.checked; } });
  const seed = h("input", { type: "number", id: "seed", name: "seed", min: 0, value: 0 });
  const size = h("input", { type: "number", id: "image_size", name: "image_size", min: 8, max: 1024, placeholder: "as they are", value: set.height || set.kind === "features" ? "" : 64 });
  const landmarks = h("input", { type: "checkbox", id: "landmarks", name: "landmarks" });
  const knobs = h("div", { class: "grid" });
  const first = h("p", { class: "small soft" });
  const rest = h("div", { class: "math soft" });
  const wrong = h("div", {});
  const button = h("button", { class: "main", type: "submit" }, "Start");

  function choose() {
    const one = usable.find(({ name }) => name === method.value);
    const [head, ...paragraphs] = one.description.split("\n\n");
    first.textContent = head;
    rest.textContent = [...paragraphs, one.citation].join("\n\n");
    knobs.replaceChildren(...Object.entries(one.parameters.properties).filter(([name]) => !HIDDEN.has(name)).map(([name, schema]) => knob(name, schema, one.defaults[name])).filter(Boolean));
  }
  method.addEventListener("change", choose);
  choose();

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    wrong.replaceChildren();
    for (const old of element.querySelectorAll(".wrong")) old.remove();
    for (const input of element.elements) input.removeAttribute("aria-invalid");
    const chosen = { method: method.value };
    for (const input of knobs.querySelectorAll("[data-knob]")) {
      if (input.value !== "") chosen[input.dataset.knob] = input.dataset.kind === "string" ? input.value : JSON.parse(input.value);
    }
    const body = { dataset_id: set.id, n_clusters: auto.checked ? "auto" : clusters.valueAsNumber, seed: seed.valueAsNumber || 0, method: chosen };
    if (size.value) body.image_size = size.valueAsNumber;
    if (landmarks.checked) body.landmarks = "auto";
    try {
      const job = await once("v1/jobs", body);
      if (element.isConnected) location.hash = `#/jobs/${job.id}`;
    } catch (error) {
      button.disabled = false;
      for (const one of error.errors || []) mark(one);
      const field = FIELDS[(error.type || "").split("/").pop()];
      if (field && !error.errors.length) mark({ pointer: field, detail: error.message });
      wrong.replaceChildren(problemBox(error));
      element.querySelector("[aria-invalid]")?.focus();
    }
  }

  /** What the service says of a field, or of a part of its value, stands at that field. */
  function mark({ pointer, detail }) {
    const names = (pointer || "").split("/").reverse();
    const input = names.map((name) => element.querySelector(`[name="${CSS.escape(name)}"]`)).find(Boolean);
    if (!input) return;
    input.setAttribute("aria-invalid", "true");
    input.closest("label")?.append(h("span", { class: "wrong" }, detail));
    input.closest("details")?.setAttribute("open", "");
  }

  const element = h("form", { class: "card stack", onsubmit: submit, novalidate: true },
    h("div", { class: "grid" },
      h("div", {}, h("label", { class: "field" }, "How many groups", h("span", { class: "small soft" }, "the number of clusters"), clusters),
        h("label", { class: "small" }, auto, " let the images suggest it: a hint, no more")),
      h("label", { class: "field" }, "Method", h("span", { class: "small soft" }, "s2convscn learns most, lsr takes seconds"), method),
      h("label", { class: "field" }, "Seed", h("span", { class: "small soft" }, "same seed, same groups"), seed),
      set.kind === "images" ? h("label", { class: "field" }, "Resize to", h("span", { class: "small soft" }, "pixels a side"), size) : null),
    set.n_images > MANY ? h("label", { class: "small" }, landmarks, ` fit it to ${MANY.toLocaleString()} of the images, and express the others by them: for sets too large to compare all with all`) : null,
    first,
    h("details", {}, h("summary", {}, "What it computes"), rest),
    h("details", {}, h("summary", {}, "More settings"), h("p", { class: "small soft" }, "What is left empty is chosen by a rule that sees no labels."), knobs),
    wrong, button);
  return element;
}

function knob(name, schema, byDefault) {
  const one = (schema.anyOf || [schema]).find(({ type }) => type !== "null") || {};
  const attributes = { name, id: `knob-${name}`, "data-knob": name, "data-kind": one.type, placeholder: byDefault === null || byDefault === undefined ? "by a rule" : String(byDefault) };
  let input;
  if (one.enum || one.type === "boolean") {
    const values = one.enum || ["true", "false"];
    input = h("select", attributes, h("option", { value: "" }, `${attributes.placeholder}`), values.map((value) => h("option", { value }, String(value))));
  } else if (one.type === "number" || one.type === "integer") {
    input = h("input", { ...attributes, type: "number", step: one.type === "integer" ? 1 : "any" });
  } else return null;
  return h("label", { class: "field" }, name, input, h("span", { class: "small soft" }, schema.description || ""));
}
