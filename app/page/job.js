/** A job: how it goes while it runs, and its groups when it is done. */
import { ask, follow, pages, save } from "./api.js";
import { Curves } from "./charts.js";
import { crosstab } from "./crosstab.js";
import { thumbnail } from "./dataset.js";
import { ago, count, h, megabytes, problemBox, state } from "./dom.js";
import { NAMES, cluster, grouped, title } from "./groups.js";

const PLOTS = { "affinity.png": "Affinity, ordered by cluster", "curves.png": "Losses over epochs" };

export async function job(main, id, signal) {
  const body = h("div", { class: "stack" });
  const heading = h("div", {});
  main.replaceChildren(heading, body);
  let found = await ask(`v1/jobs/${id}`);

  function head() {
    const actions = h("div", { class: "row" });
    const act = (label, verb) => h("button", { type: "button", onclick: async (event) => {
      event.target.disabled = true;
      try {
        const answer = await ask(`v1/jobs/${id}/${verb}`, { method: "POST" });
        if (verb === "resume") location.hash = `#/jobs/${answer.id}`;
      } catch (error) { body.prepend(problemBox(error)); }
    } }, label);
    if (!found.terminal && found.status !== "cancelling") actions.append(act("Stop", "cancel"));
    if (["failed", "cancelled"].includes(found.status)) actions.append(act("Go on from its checkpoint", "resume"));
    actions.append(h("a", { class: "button", href: `#/datasets/${found.dataset_id}` }, found.terminal ? "Cluster again" : "Its images"));
    heading.replaceChildren(
      h("div", { class: "row between" }, h("h1", {}, `${found.method.method}, ${count(found.request.n_clusters, "cluster")}`), actions),
      h("p", { class: "row under" }, state(found), h("span", { class: "soft small" }, found.id)));
  }

  head();
  if (!found.terminal) {
    await running(body, found, signal, async () => { found = await ask(`v1/jobs/${id}`); head(); return found; });
    if (signal.aborted) return;
    found = await ask(`v1/jobs/${id}`);
    head();
  }
  if (found.status === "succeeded") await result(body, found);
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

async function result(body, found) {
  body.replaceChildren(h("p", { class: "empty" }, "Fetching the groups ..."));
  const [labels, images, files] = await Promise.all([
    ask(`v1/jobs/${found.id}/labels?format=json`), pages(`v1/datasets/${found.dataset_id}/images`).catch(() => []), ask(`v1/jobs/${found.id}/artifacts`)]);
  const groups = grouped(labels.labels);
  body.replaceChildren(
    ...found.notices.map((notice) => h("p", { class: "small soft" }, notice.detail)),
    facts(found, groups), downloads(found, files.items),
    h("h2", {}, "Groups"),
    h("p", { class: "small soft" }, "The surest images first, the surest of all beside the name. A ring marks images of which less than half the affinity lies inside their group."),
    h("div", { class: "clusters" }, groups.map((group) => cluster(group, images))),
    ...truth(labels.labels, images),
    plots(found, files.items), ...(await others(found)));
}

/** Where the true classes are known: which groups they went to. */
function truth(rows, images) {
  if (!images.length || images[0].truth === null) return [];
  const pairs = rows.map((row, i) => [images[i].truth, `Group ${row.label}`]);
  return [h("h2", {}, "True classes"), h("div", { class: "card" }, crosstab("class", "group", pairs))];
}

/** Other jobs on the same images, to look at beside this one. */
async function others(found) {
  const { items } = await ask(`v1/jobs?status=succeeded&dataset_id=${found.dataset_id}`);
  const rest = items.filter(({ id }) => id !== found.id);
  return rest.length ? [h("h2", {}, "Compare with"), h("ul", { class: "list card" }, rest.map((job) => h("li", {},
    h("a", { class: "item", href: `#/compare/${found.id}/${job.id}` }, title(job), h("span", { class: "small soft" }, ago(job.finished_at))))))] : [];
}

function facts(found, groups) {
  const { scores, seconds, diagnostics } = found.result;
  const sizes = groups.map(({ members }) => members.length);
  const shown = { images: found.result.n_images.toLocaleString(), clusters: groups.length, "images each": `${Math.min(...sizes)}–${Math.max(...sizes)}`, seconds: seconds.toFixed(1) };
  for (const [name, word] of Object.entries(NAMES)) if (scores?.[name] !== undefined) shown[word] = `${(100 * scores[name]).toFixed(1)} %`;
  if (diagnostics?.relative_eigengap !== undefined) shown["relative eigengap"] = diagnostics.relative_eigengap.toPrecision(2);
  return h("dl", { class: "card facts" }, Object.entries(shown).map(([word, value]) => h("div", {}, h("dt", {}, word), h("dd", {}, String(value)))));
}

function downloads(found, files) {
  const main = [["Labels, CSV", `v1/jobs/${found.id}/labels?format=csv`, "labels.csv"], ["Labels, JSON", `v1/jobs/${found.id}/labels?format=json`, "labels.json"]];
  if (files.some(({ name }) => name === "affinity-processed.npz")) main.push(["Affinity", `v1/jobs/${found.id}/affinity`, "affinity.npz"]);
  if (files.some(({ name }) => name === "model.safetensors")) main.push(["Model", `v1/jobs/${found.id}/artifacts/model.safetensors`, "model.safetensors"]);
  const saving = (path, name) => async (event) => { event.preventDefault(); await save(path, name); };
  return h("section", { class: "card stack", "aria-label": "Downloads" },
    h("div", { class: "row" }, main.map(([label, path, name]) => h("a", { class: "button", href: path, download: name, onclick: saving(path, name) }, label))),
    h("details", {}, h("summary", {}, `All ${files.length} files`), h("ul", { class: "list" }, files.map((file) => h("li", { class: "row between small" },
      h("a", { href: file.links.self.slice(1), download: file.name, onclick: saving(file.links.self.slice(1), file.name) }, file.name), h("span", { class: "soft" }, megabytes(file.bytes)))))));
}

function plots(found, files) {
  const shown = files.filter(({ name }) => PLOTS[name]);
  return shown.length ? h("section", { "aria-label": "Plots" }, h("h2", {}, "Plots"), h("div", { class: "plots" }, shown.map(({ name, links }) => h("figure", { class: "card" },
    thumbnail(links.self, PLOTS[name], 1000), h("figcaption", { class: "small soft" }, PLOTS[name]))))) : null;
}
