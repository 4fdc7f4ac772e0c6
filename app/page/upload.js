/** From what a person drops to one file that the service reads, with progress all the way. */
import { Zip, ZipPassThrough } from "./vendor/fflate-0.8.2.js";
import { Away, Problem, headers } from "./api.js";

const IMAGE = /\.(png|jpe?g|bmp|pgm|ppm|pbm|tiff?|webp)$/i;
const WHOLE = /\.(zip|tar|tgz|tar\.gz|npz|npy|mat)$/i;

/** Files with their paths, from a drop or a chooser. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, path: file.name }));
  return (await Promise.all(entries.map((entry) => within(entry, "")))).flat();
}

export function chosen(files) {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

async function within(entry, parent) {
  const path = parent + entry.name;
  if (entry.isFile) return [{ file: await new Promise((yes, no) => entry.file(yes, no)), path }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((yes, no) => reader.readEntries(yes, no));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map((child) => within(child, `${path}/`)))).flat();
}

/** One archive or array as it is; images, with labels.csv if it is there, as a zip without compression. */
export async function packed(items, told) {
  if (items.length === 1 && WHOLE.test(items[0].path)) return { blob: items[0].file, name: items[0].file.name };
  const images = items.filter(({ path }) => (IMAGE.test(path) || /(^|\/)labels\.csv$/.test(path)) && !/(^|\/)\./.test(path));
  if (!images.some(({ path }) => IMAGE.test(path))) {
    throw Object.assign(new Error("Drop a folder of images (PNG, JPEG, BMP, PGM, TIFF, WebP), or a zip, tar, npz, npy or mat file."), { title: "No image in there" });
  }
  const top = images[0].path.split("/")[0];
  const inside = images.every(({ path }) => path.startsWith(`${top}/`));
  const parts = [];
  const zip = new Zip((error, data) => {
    if (error) throw error;
    parts.push(new Blob([data]));
  });
  for (const [index, { file, path }] of images.entries()) {
    const member = new ZipPassThrough(inside ? path.slice(top.length + 1) : path);
    zip.add(member);
    member.push(new Uint8Array(await file.arrayBuffer()), true);
    told((index + 1) / images.length);
  }
  zip.end();
  return { blob: new Blob(parts, { type: "application/zip" }), name: inside ? top : "images" };
}

/** Sends a file; fetch tells no progress of what goes up, XMLHttpRequest does. */
export function send({ blob, name }, truth, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams({ name: name.slice(0, 200), ...(truth ? { truth: "folders" } : {}) });
    request.open("POST", `v1/datasets?${query}`);
    for (const [header, value] of Object.entries(headers({ "Content-Type": "application/octet-stream" }))) request.setRequestHeader(header, value);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => told(event.loaded / event.total));
    request.addEventListener("load", () => (request.status < 300 ? resolve(request.response) : reject(new Problem(request.status, request.response || {}))));
    request.addEventListener("error", () => reject(new Away()));
    request.send(blob);
  });
}
