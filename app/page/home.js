/** Where one begins: a place to drop images, and what was done so far. */
import { ask } from "./api.js";
import { ago, count, h, problemBox, state } from "./dom.js";
import { chosen, dropped, packed, send } from "./upload.js";

export async function home(main) {
  const truth = h("input", { type: "checkbox", id: "truth" });
  const sofar = h("div", { "aria-live": "polite" });
  const folder = h("input", { type: "file", webkitdirectory: true, multiple: true, id: "folder", hidden: true });
  const file = h("input", { type: "file", id: "file", accept: ".zip,.tar,.gz,.tgz,.npz,.npy,.mat", hidden: true });
  const place = h("section", { class: "drop", "aria-label": "Upload images" },
    h("strong", {}, "Drop a folder of images here"),
    h("p", { class: "soft" }, "or a zip, tar, npz, npy or mat file. Nothing leaves this service."),
    h("p", { class: "row", style: "justify-content:center" },
      h("button", { class: "main", type: "button", onclick: () => folder.click() }, "Choose a folder"),
      h("button", { type: "button", onclick: () => file.click() }, "Choose a file")),
    h("p", { class: "small" }, h("label", { for: "truth" }, truth, " Its folders are the true classes: use them to score the result, and for nothing else")),
    folder, file, sofar);

  async function upload(items) {
    const bar = h("div", {});
    const words = h("p", { class: "small soft" }, "Reading the files ...");
    sofar.replaceChildren(words, h("div", { class: "bar", role: "progressbar", "aria-label": "Upload" }, bar));
    const told = (share) => { bar.style.width = `${100 * share}%`; };
    try {
      const archive = await packed(items, (share) => told(0.3 * share));
      words.textContent = "Sending ...";
      const dataset = await send(archive, truth.checked, (share) => {
        told(0.3 + 0.7 * share);
        if (share === 1) words.textContent = "The service reads the images ...";
      });
      location.hash = `#/datasets/${dataset.id}`;
    } catch (error) {
      sofar.replaceChildren(problemBox(error));
    }
  }

  for (const input of [folder, file]) input.addEventListener("change", () => input.files.length && upload(chosen(input.files)));
  for (const kind of ["dragenter", "dragover"]) place.addEventListener(kind, (event) => { event.preventDefault(); place.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) place.addEventListener(kind, () => place.classList.remove("over"));
  place.addEventListener("drop", async (event) => { event.preventDefault(); upload(await dropped(event.dataTransfer)); });

  const jobs = h("div", { class: "card" }, h("p", { class: "empty" }, "Looking ..."));
  const sets = h("div", { class: "card" }, h("p", { class: "empty" }, "Looking ..."));
  main.replaceChildren(
    h("h1", {}, "Sort images into groups, without labels"),
    h("p", { class: "soft under" }, "Upload a folder, say how many groups there are, and watch the network learn which images belong together."),
    place, h("h2", {}, "Jobs"), jobs, h("h2", {}, "Image sets"), sets);
  const [foundJobs, foundSets] = await Promise.all([ask("v1/jobs?limit=20"), ask("v1/datasets?limit=20")]);
  const named = new Map(foundSets.items.map((set) => [set.id, set.name]));
  jobs.replaceChildren(listed(foundJobs.items, "No job yet: drop some images above.", (job) => h("a", { class: "item", href: `#/jobs/${job.id}` },
    h("span", {}, `${job.method.method}, ${count(job.request.n_clusters, "cluster")} `, h("span", { class: "soft" }, named.get(job.dataset_id) || "")),
    state(job),
    h("span", { class: "small soft" }, job.terminal ? ago(job.finished_at) : job.message))));
  sets.replaceChildren(listed(foundSets.items, "No images yet.", (set) => h("a", { class: "item", href: `#/datasets/${set.id}` },
    h("span", {}, set.name), h("span", { class: "small soft" }, ago(set.created_at)),
    h("span", { class: "small soft" }, about(set)))));
}

export function about(set) {
  const size = set.height ? ` of ${set.height} x ${set.width}` : " of several sizes";
  const what = set.kind === "features" ? `${count(set.n_images, "feature vector")} of ${set.dimension} numbers` : count(set.n_images, "image") + size;
  return what + (set.classes ? `, ${count(set.classes.length, "true class", "true classes")}` : "");
}

function listed(items, none, row) {
  return items.length ? h("ul", { class: "list" }, items.map((item) => h("li", {}, row(item)))) : h("p", { class: "empty" }, none);
}
