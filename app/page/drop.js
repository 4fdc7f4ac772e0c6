/** A place to drop images on, which uploads them and says how far it is. */
import { count, h, problemBox } from "./dom.js";
import { chosen, dropped, packed, send } from "./upload.js";

/**
 * @param {string} title what to drop
 * @param {string} note what else may be dropped
 * @param {string} name of the place, for those who do not see it
 * @param {(dataset: object) => string | Promise<string>} done with the data set; the address of what comes of it, for those who still wait here
 */
export function dropPlace({ title, note, name, done }) {
  const unique = name.replace(/\W/g, "-");
  const truth = h("input", { type: "checkbox", id: `truth-${unique}` });
  const sofar = h("div", { "aria-live": "polite" });
  const folder = h("input", { type: "file", webkitdirectory: true, multiple: true, id: `folder-${unique}`, hidden: true });
  const file = h("input", { type: "file", id: `file-${unique}`, accept: ".zip,.tar,.gz,.tgz,.npz,.npy,.mat", hidden: true });
  const place = h("section", { class: "drop", "aria-label": name },
    h("strong", {}, title), h("p", { class: "soft" }, note),
    h("p", { class: "row middle" },
      h("button", { class: "main", type: "button", onclick: () => folder.click() }, "Choose a folder"),
      h("button", { type: "button", onclick: () => file.click() }, "Choose a file")),
    h("p", { class: "small" }, h("label", { for: truth.id }, truth, " Its folders are the true classes: use them to score the result, and for nothing else")),
    folder, file, sofar);

  async function upload(found) {
    const bar = h("div", {});
    const words = h("p", { class: "small soft" }, "Reading ...");
    sofar.replaceChildren(words, h("div", { class: "bar", role: "progressbar", "aria-label": "Upload" }, bar));
    const told = (share) => { bar.style.width = `${100 * share}%`; };
    try {
      const items = await found;
      words.textContent = `Reading ${count(items.length, "file")} ...`;
      const archive = await packed(items, (share) => told(0.3 * share));
      words.textContent = "Sending ...";
      const address = await done(await send(archive, truth.checked, (share) => {
        told(0.3 + 0.7 * share);
        if (share === 1) words.textContent = "The service reads the images ...";
      }));
      if (place.isConnected) location.hash = address;
    } catch (error) {
      sofar.replaceChildren(problemBox(error));
    }
  }

  for (const input of [folder, file]) {
    input.addEventListener("change", () => {
      if (input.files.length) upload(chosen(input.files));
      input.value = ""; // the same files may be chosen again, and are a change then
    });
  }
  for (const kind of ["dragenter", "dragover"]) place.addEventListener(kind, (event) => { event.preventDefault(); place.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) place.addEventListener(kind, () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => { event.preventDefault(); upload(dropped(event.dataTransfer)); });
  return place;
}
