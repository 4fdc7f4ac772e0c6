/** Which view an address shows, and what is said when it cannot be shown. */
import { Problem, key } from "./api.js";
import { compare } from "./compare.js";
import { dataset } from "./dataset.js";
import { h, problemBox } from "./dom.js";
import { home } from "./home.js";
import { job } from "./job.js";

const main = document.getElementById("main");
const SENDABLE = /^[!-~]+$/; // a header has no other characters
let leaving = new AbortController();

async function route() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [, kind, id, other] = location.hash.split("/");
  try {
    if (kind === "jobs" && id) await job(main, encodeURIComponent(id), signal);
    else if (kind === "compare" && id && other) await compare(main, encodeURIComponent(id), encodeURIComponent(other), signal);
    else if (kind === "datasets" && id) await dataset(main, encodeURIComponent(id), signal);
    else await home(main);
  } catch (error) {
    if (signal.aborted) return;
    main.replaceChildren(error instanceof Problem && error.status === 401 ? door() : trouble(error));
    if (error instanceof Problem) return;
    main.append(h("p", {}, "This page tries again."));
    setTimeout(() => signal.aborted || route(), 5000);
  }
}

function trouble(error) {
  return h("div", { class: "stack" }, problemBox(error), h("p", {}, h("a", { href: "#/" }, "To the images and jobs")));
}

/** Where keys are on. */
function door() {
  const input = h("input", { type: "password", id: "key", autocomplete: "off", placeholder: "s2c_...", required: true });
  const wrong = h("span", { class: "wrong", role: "alert" }, key.get() ? "This key is not known, or was revoked." : "");
  const enter = (event) => {
    event.preventDefault();
    const entered = input.value.trim();
    if (!SENDABLE.test(entered)) {
      wrong.textContent = "This is no key: it has a character that no key has, such as a space or three dots in one.";
      return;
    }
    key.set(entered);
    route();
  };
  return h("form", { class: "card stack", style: "max-width:30rem;margin:2rem auto", onsubmit: enter },
    h("h1", {}, "This service wants a key"),
    h("p", { class: "soft" }, "Its operator makes them: s2convscn keys create --owner NAME. It is kept until this tab is closed."),
    h("label", { class: "field" }, "Key", input, wrong), h("button", { class: "main", type: "submit" }, "Enter"));
}

document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", () => { route(); main.focus(); scrollTo(0, 0); });
route();
