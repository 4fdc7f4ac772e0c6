/** Two jobs on the same images, side by side. */
import { ask } from "./api.js";
import { crosstab } from "./crosstab.js";
import { h, problemBox, state } from "./dom.js";
import { NAMES, cluster, grouped, named, sureness } from "./groups.js";
import { addresses } from "./pictures.js";

export async function compare(main, first, second, signal) {
  const jobs = await Promise.all([first, second].map((id) => ask(`v1/jobs/${id}`, { signal })));
  const [a, b] = jobs;
  const heading = h("h1", {}, "Two jobs side by side");
  if (a.dataset_id !== b.dataset_id || jobs.some((job) => job.status !== "succeeded")) {
    main.replaceChildren(heading, problemBox({ title: "These cannot be compared", message: "Both must have succeeded, on the same images." }));
    return;
  }
  const [set, ...labels] = await Promise.all([ask(`v1/datasets/${a.dataset_id}`, { signal }).catch(() => null),
    ...jobs.map(({ id }) => ask(`v1/jobs/${id}/labels?format=json`, { signal }))]);
  if (signal.aborted) return;
  const pairs = labels[0].labels.map((row, i) => [`Group ${row.label}`, `Group ${labels[1].labels[i].label}`]);
  main.replaceChildren(heading,
    h("div", { class: "card stack" }, h("p", { class: "soft small" }, "How many images both have in each two groups: where a row has one number alone, both agree."),
      crosstab(named(a), named(b), pairs)),
    h("div", { class: "sides" }, jobs.map((job, i) => h("section", { class: "stack", "aria-label": named(job) },
      h("h2", {}, h("a", { href: `#/jobs/${job.id}` }, named(job))), h("p", { class: "row" }, state(job), h("span", { class: "soft small" }, told(job))),
      grouped(labels[i].labels).map((group) => cluster(group, addresses(set), sureness(job).ringed))))));
}

function told({ result }) {
  const scores = Object.entries(NAMES).filter(([name]) => result.scores?.[name] !== undefined).map(([name, word]) => `${word} ${(100 * result.scores[name]).toFixed(1)} %`);
  return [...scores, `${result.seconds.toFixed(1)} s`].join(", ");
}
