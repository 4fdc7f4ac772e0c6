/** The groups of a job, as data and as pictures. */
import { thumbnail } from "./dataset.js";
import { count, h } from "./dom.js";

const FIRST = 24;
const UNSURE = 0.5;
export const NAMES = { accuracy: "accuracy", nmi: "NMI", ari: "ARI", error: "error" };

/** A job in a line: what it does, and into how many groups. */
export function title(job) {
  const n = job.result?.n_clusters ?? job.request.n_clusters;
  const groups = n === "auto" ? "number of groups to be chosen" : count(n, "group");
  return job.predicts ? `new images into ${groups}` : `${job.method.method}, ${groups}`;
}

/** A job beside others on the same images. */
export function named(job) {
  return `${title(job)}, seed ${job.request.seed}`;
}

export function grouped(rows) {
  const groups = new Map();
  rows.forEach((row, index) => {
    if (!groups.has(row.label)) groups.set(row.label, []);
    groups.get(row.label).push({ ...row, index });
  });
  for (const members of groups.values()) members.sort((a, b) => (b.confidence ?? 0) - (a.confidence ?? 0));
  return [...groups].sort(([a], [b]) => a - b).map(([label, members]) => ({ label, members }));
}

export function cluster({ label, members }, images) {
  const sure = members.filter(({ confidence }) => confidence !== null);
  const mean = sure.reduce((sum, { confidence }) => sum + confidence, 0) / (sure.length || 1);
  const picture = (member) => {
    const image = images[member.index];
    return image?.links.png ? thumbnail(image.links.png, member.name, image.height) : h("span", { class: "small" }, member.name);
  };
  const item = (member) => h("li", { class: (member.confidence ?? 1) < UNSURE ? "unsure" : "" }, picture(member));
  const list = h("ul", { class: "thumbs", style: "--thumb:52px" }, members.slice(0, FIRST).map(item));
  const more = members.length > FIRST ? h("button", { class: "quiet", type: "button", onclick: () => { list.append(...members.slice(FIRST).map(item)); more.remove(); } }, `Show all ${members.length}`) : null;
  return h("article", { class: "card cluster" },
    h("header", {}, h("div", { class: "proto" }, picture(members[0])),
      h("div", {}, h("h3", {}, `Group ${label}`), h("p", { class: "small soft" }, count(members.length, "image"), sure.length ? `, ${Math.round(100 * mean)} % sure` : ""))),
    list, more);
}
