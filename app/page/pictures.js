/** Pictures of images: where they are, and when they are fetched. */
import { show } from "./api.js";
import { h } from "./dom.js";

const SMALL = 64;

/** From an image's place in its set to where its picture is; null where there is none. */
export function addresses(set) {
  return (place) => (set?.kind === "images" ? `${set.links.images}/${place}` : null);
}

/** A picture whose pixels stay sharp when there are few of them. */
export function picture(attributes) {
  const image = h("img", attributes);
  image.addEventListener("load", () => image.classList.toggle("tiny", image.naturalHeight < SMALL));
  return image;
}

/** A picture that is fetched once it comes near the window. */
export function thumbnail(path, name) {
  const image = picture({ alt: name, title: name });
  near.set(image, path);
  watcher.observe(image);
  return image;
}

const near = new WeakMap();
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    show(target, near.get(target).replace(/^\//, "")).catch(() => { target.alt += " (not there)"; });
  }
}, { rootMargin: "300px" });
