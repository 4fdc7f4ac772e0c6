/** The top of a job's view: what it is, how it stands, and what can be done about it. */
import { h, problemBox, state } from "./dom.js";
import { title } from "./groups.js";
import { once } from "./once.js";

export class Heading {
  constructor(signal) {
    this.signal = signal;
    this.name = h("h1");
    this.actions = h("div");
    this.line = h("p");
    this.wrong = h("div");
    this.element = h("div", {}, h("div", { class: "row between" }, this.name, this.actions), this.wrong, this.line);
  }

  tell(job) {
    this.name = renewed(this.name, h("h1", {}, title(job)));
    this.actions = renewed(this.actions, h("div", { class: "row" },
      job.terminal || job.status === "cancelling" ? null : this.button("Stop", `v1/jobs/${job.id}/cancel`),
      job.predicts ? h("a", { class: "button", href: `#/jobs/${job.predicts}` }, "The job it was trained in") : null,
      ["failed", "cancelled"].includes(job.status) ? this.button("Go on from its checkpoint", `v1/jobs/${job.id}/resume`) : null,
      h("a", { class: "button", href: `#/datasets/${job.dataset_id}` }, job.terminal ? "Cluster again" : "Its images")));
    this.line = renewed(this.line, h("p", { class: "row under" }, state(job), h("span", { class: "soft small" }, job.id)));
  }

  button(label, path) {
    const act = async ({ target }) => {
      target.disabled = true;
      this.wrong.replaceChildren();
      try {
        const { id } = await once(path);
        if (!this.signal.aborted) location.hash = `#/jobs/${id}`;
      } catch (error) {
        target.disabled = false;
        this.wrong.replaceChildren(problemBox(error));
      }
    };
    return h("button", { type: "button", onclick: act }, label);
  }
}

/** What says the same stays, and with it the keyboard's focus. */
function renewed(old, fresh) {
  if (old.textContent === fresh.textContent) return old;
  old.replaceWith(fresh);
  return fresh;
}
