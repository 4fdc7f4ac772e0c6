/** The groups of a job, as data and as pictures. */
import { count, h } from "./dom.js";
import { thumbnail } from "./pictures.js";

const FIRST = 24;
const MORE = 480;
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

/** By what a job says how sure it is of an image, and whether less than half of that is worth a ring. */
export function sureness(job) {
  if (job.predicts) return { words: "A ring marks images to which the network gives less than half a chance to be of their group.", ringed: true };
  if (job.method.method === "kmeans") return { words: "Sure is an image whose own group's mean is much nearer than the next one.", ringed: false };
  return { words: "A ring marks images whose affinity lies more outside their group than in it.", ringed: true };
}

/**
 * @param {{label: number, members: object[]}} group
 * @param {(place: number) => ?string} address of an image's picture
 * @param {boolean} ringed that images which are less than half sure have a ring
 */
export function cluster({ label, members }, address, ringed) {
  const sure = members.filter(({ confidence }) => confidence !== null);
  const mean = sure.reduce((sum, { confidence }) => sum + confidence, 0) / (sure.length || 1);
  const picture = (member) => {
    const path = address(member.index);
    return path ? thumbnail(path, member.name) : h("span", { class: "small" }, member.name);
  };
  const item = (member) => h("li", { class: ringed && (member.confidence ?? 1) < UNSURE ? "unsure" : "" }, picture(member));
  const list = h("ul", { class: "thumbs", style: "--thumb:52px" });
  const more = h("button", { class: "quiet", type: "button", onclick: () => show(MORE) });
  const show = (number) => {
    const begun = list.children.length;
    list.append(...members.slice(begun, begun + number).map(item));
    const left = members.length - list.children.length;
    more.textContent = left > MORE ? `Show ${MORE} more of ${members.length.toLocaleString()}` : `Show all ${members.length}`;
    if (!left) more.remove();
  };
  show(FIRST);
  return h("article", { class: "card cluster" },
    h("header", {}, h("div", { class: "proto" }, picture(members[0])),
      h("div", {}, h("h3", {}, `Group ${label}`), h("p", { class: "small soft" }, count(members.length, "image"), sure.length ? `, ${Math.round(100 * mean)} % sure` : ""))),
    list, list.children.length < members.length ? more : null);
}
