/** Where one begins: a place to drop images, and what was done so far. */
import { ask } from "./api.js";
import { ago, count, h, state } from "./dom.js";
import { dropPlace } from "./drop.js";
import { title } from "./groups.js";

export async function home(main) {
  const place = dropPlace({
    title: "Drop a folder of images here", note: "or a zip, tar, npz, npy or mat file. Nothing leaves this service.", name: "Upload images",
    done: (dataset) => `#/datasets/${dataset.id}`,
  });
  const jobs = h("div", { class: "card" }, h("p", { class: "empty" }, "Looking ..."));
  const sets = h("div", { class: "card" }, h("p", { class: "empty" }, "Looking ..."));
  main.replaceChildren(
    h("h1", {}, "Sort images into groups, without labels"),
    h("p", { class: "soft under" }, "Upload a folder, say how many groups there are, and watch the network learn which images belong together."),
    place, h("h2", {}, "Jobs"), jobs, h("h2", {}, "Image sets"), sets);
  const [foundJobs, foundSets] = await Promise.all([ask("v1/jobs?limit=20"), ask("v1/datasets?limit=20")]);
  const named = new Map(foundSets.items.map((set) => [set.id, set.name]));
  jobs.replaceChildren(listed(foundJobs.items, "No job yet: drop some images above.", (job) => h("a", { class: "item", href: `#/jobs/${job.id}` },
    h("span", {}, `${title(job)} `, h("span", { class: "soft" }, named.get(job.dataset_id) || "")),
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
