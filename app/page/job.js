/** A job: how it goes while it runs, and its groups when it is done. */
import { ask, floats, follow, pages, save } from "./api.js";
import { Curves } from "./charts.js";
import { crosstab } from "./crosstab.js";
import { ago, count, h, megabytes, problemBox, state } from "./dom.js";
import { dropPlace } from "./drop.js";
import { NAMES, cluster, grouped, named, sureness } from "./groups.js";
import { Heading } from "./heading.js";
import { map } from "./map.js";
import { once } from "./once.js";
import { addresses, thumbnail } from "./pictures.js";

const PLOTS = { "affinity.png": "Affinity, ordered by cluster", "spectrum.png": "What speaks for this number of groups", "curves.png": "Losses over epochs" };

export async function job(main, id, signal) {
  const body = h("div", { class: "stack" });
  const heading = new Heading(signal);
  main.replaceChildren(heading.element, body);
  let found = await ask(`v1/jobs/${id}`);
  const refresh = async () => {
    found = await ask(`v1/jobs/${id}`);
    heading.tell(found);
    return found;
  };
  heading.tell(found);
  if (!found.terminal) {
    await running(body, found, signal, refresh);
    if (signal.aborted) return;
    await refresh();
  }
  if (found.status === "succeeded") await result(body, found, signal);
  else body.replaceChildren(found.error ? problemBox({ title: found.error.title, message: found.error.detail }) : h("p", { class: "card" }, found.message));
}

async function running(body, found, signal, refresh) {
  const bar = h("div", { role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 });
  const words = h("p", { "aria-live": "polite" }, found.message);
  const left = h("p", { class: "small soft" });
  const broken = h("div", {});
  const curves = new Curves();
  body.replaceChildren(broken, h("section", { class: "card stack", "aria-label": "Progress" }, words, h("div", { class: "bar" }, bar), left),
    h("section", { class: "card", "aria-label": "Curves" }, curves.element));
  const tell = (data) => {
    words.textContent = data.message;
    bar.style.width = `${100 * data.progress}%`;
    bar.setAttribute("aria-valuenow", Math.round(100 * data.progress));
    left.textContent = data.estimated_finish ? remaining(data.estimated_finish) : "";
    curves.add(data);
  };
  const queue = setInterval(() => found.status === "queued" && refresh().then((job) => { found = job; words.textContent = job.message; }).catch(() => {}), 2000);
  signal.addEventListener("abort", () => clearInterval(queue));
  try {
    await follow(found.id, (event) => {
      if (event.kind === "progress") tell(event.data);
      else refresh().then((job) => { found = job; if (job.phase === null) words.textContent = job.message; }).catch(() => {});
    }, (lost) => broken.replaceChildren(...(lost ? [problemBox({ title: "Connection lost", message: "The job goes on without this page; trying again ..." })] : [])), signal);
  } finally {
    clearInterval(queue);
  }
}

function remaining(finish) {
  const seconds = Math.max(0, Math.round((Date.parse(finish) - Date.now()) / 1000));
  if (seconds < 60) return `about ${count(seconds, "second")} left`;
  return `about ${count(Math.round(seconds / 60), "minute")} left`;
}

async function result(body, found, signal) {
  body.replaceChildren(h("p", { class: "empty" }, "Fetching the groups ..."));
  const path = `v1/jobs/${found.id}`;
  const [labels, set, files, points] = await Promise.all([
    ask(`${path}/labels?format=json`), ask(`v1/datasets/${found.dataset_id}`).catch(() => null), ask(`${path}/artifacts`),
    floats(`${path}/artifacts/map.npy`).catch(() => null)]);
  const groups = grouped(labels.labels);
  const { words, ringed } = sureness(found);
  const classes = h("section", { "aria-label": "True classes" });
  body.replaceChildren(
    ...found.notices.map((notice) => h("p", { class: "small soft" }, notice.detail)),
    facts(found, groups), downloads(found, files.items),
    h("h2", {}, "Groups"),
    h("p", { class: "small soft" }, `The surest images first, the surest of all beside the name. ${words}`),
    h("div", { class: "clusters" }, groups.map((group) => cluster(group, addresses(set), ringed))),
    ...(points ? [h("h2", {}, "Map"), map(points, labels.labels, addresses(set), signal)] : []),
    classes, ...[plots(files.items), await news(found)].filter(Boolean), ...(await others(found)));
  if (set?.classes) await truth(classes, set, labels.labels, signal);
}

/** Where the true classes are known: which groups they went to. */
async function truth(section, set, rows, signal) {
  const images = await pages(set.links.images.slice(1), signal).catch(() => null);
  if (!images) return;
  const pairs = rows.map((row, i) => [images[i].truth, `Group ${row.label}`]);
  section.replaceChildren(h("h2", {}, "True classes"), h("div", { class: "card" }, crosstab("class", "group", pairs)));
}

/** New images into these groups, where a head was trained. */
async function news(found) {
  const { method, epochs, gamma4 } = found.method;
  if (found.predicts || method !== "s2convscn" || !epochs || !gamma4) return null;
  const path = `v1/jobs/${found.id}/predictions`;
  const { items } = await ask(path);
  const done = async (dataset) => `#/jobs/${(await once(path, { dataset_id: dataset.id })).id}`;
  return h("section", { class: "stack", "aria-label": "New images" }, h("h2", {}, "New images"),
    dropPlace({ title: "Drop more images, and they go to these groups", note: "The network that was trained here assigns them, in seconds.", name: "Assign new images", done }),
    items.length ? h("ul", { class: "list card" }, items.map((job) => h("li", {}, h("a", { class: "item", href: `#/jobs/${job.id}` },
      h("span", {}, job.result ? count(job.result.n_images, "image") : "Images"), state(job), h("span", { class: "small soft" }, ago(job.created_at)))))) : null);
}

/** Other jobs on the same images, to look at beside this one. */
async function others(found) {
  const { items } = await ask(`v1/jobs?status=succeeded&dataset_id=${found.dataset_id}`);
  const rest = items.filter(({ id, predicts }) => id !== found.id && !predicts);
  return rest.length ? [h("h2", {}, "Compare with"), h("ul", { class: "list card" }, rest.map((job) => h("li", {},
    h("a", { class: "item", href: `#/compare/${found.id}/${job.id}` }, named(job), h("span", { class: "small soft" }, ago(job.finished_at))))))] : [];
}

function facts(found, groups) {
  const { scores, seconds, diagnostics } = found.result;
  const sizes = groups.map(({ members }) => members.length);
  const shown = { images: found.result.n_images.toLocaleString(), clusters: groups.length, "images each": [Math.min(...sizes), Math.max(...sizes)].map((size) => size.toLocaleString()).join("–"), seconds: seconds.toFixed(1) };
  for (const [name, word] of Object.entries(NAMES)) if (scores?.[name] !== undefined) shown[word] = `${(100 * scores[name]).toFixed(1)} %`;
  if (diagnostics?.relative_eigengap !== undefined) shown["relative eigengap"] = diagnostics.relative_eigengap.toPrecision(2);
  return h("dl", { class: "card facts" }, Object.entries(shown).map(([word, value]) => h("div", {}, h("dt", {}, word), h("dd", {}, String(value)))));
}

function downloads(found, files) {
  const main = [["Labels, CSV", `v1/jobs/${found.id}/labels?format=csv`, "labels.csv"], ["Labels, JSON", `v1/jobs/${found.id}/labels?format=json`, "labels.json"]];
  if (files.some(({ name }) => name === "report.html")) main.push(["Report", `v1/jobs/${found.id}/artifacts/report.html`, "report.html"]);
  if (files.some(({ name }) => name === "affinity-processed-topk.npz")) main.push(["Affinity", `v1/jobs/${found.id}/affinity`, "affinity.npz"]);
  if (files.some(({ name }) => name === "model.safetensors")) main.push(["Model", `v1/jobs/${found.id}/artifacts/model.safetensors`, "model.safetensors"]);
  const wrong = h("div", {});
  const saving = (path, name) => async (event) => {
    event.preventDefault();
    wrong.replaceChildren();
    await save(path, name).catch((error) => wrong.replaceChildren(problemBox(error)));
  };
  return h("section", { class: "card stack", "aria-label": "Downloads" },
    h("div", { class: "row" }, main.map(([label, path, name]) => h("a", { class: "button", href: path, download: name, onclick: saving(path, name) }, label))),
    wrong,
    h("details", {}, h("summary", {}, `All ${files.length} files`), h("ul", { class: "list" }, files.map((file) => h("li", { class: "row between small" },
      h("a", { href: file.links.self.slice(1), download: file.name, onclick: saving(file.links.self.slice(1), file.name) }, file.name), h("span", { class: "soft" }, megabytes(file.bytes)))))));
}

function plots(files) {
  const shown = files.filter(({ name }) => PLOTS[name]);
  return shown.length ? h("section", { "aria-label": "Plots" }, h("h2", {}, "Plots"), h("div", { class: "plots" }, shown.map(({ name, links }) => h("figure", { class: "card" },
    thumbnail(links.self, PLOTS[name]), h("figcaption", { class: "small soft" }, PLOTS[name]))))) : null;
}
