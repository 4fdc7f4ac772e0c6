/** The service over HTTP: problems as exceptions, streams that go on where they broke. */

const KEY = "s2convscn-key";
const RETRY = 2000;
const ENDS = new Set(["succeeded", "failed", "cancelled"]);

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || `The service answered with status ${status}.`);
    this.status = status;
    this.title = body.title || "Something went wrong";
    this.type = body.type || "";
    this.errors = body.errors || [];
  }
}

export class Away extends Error {
  constructor() {
    super("The service does not answer. Is it running?");
    this.title = "No connection";
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

export function headers(more = {}) {
  return key.get() ? { Authorization: `Bearer ${key.get()}`, ...more } : more;
}

export async function ask(path, { method = "GET", body, headers: more, signal, raw = false } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      signal,
      headers: headers(body === undefined ? more : { "Content-Type": "application/json", ...more }),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Away();
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  return raw ? response : response.json();
}

/** All items of a list, page by page. */
export async function pages(path, signal) {
  const items = [];
  let cursor = null;
  do {
    const page = await ask(`${path}${path.includes("?") ? "&" : "?"}limit=1000${cursor ? `&cursor=${cursor}` : ""}`, { signal });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

/** Every event of a job, each once, until the one that ends it; ``lost`` hears of breaks. */
export async function follow(id, told, lost, signal) {
  let last = null;
  while (!signal.aborted) {
    try {
      const more = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
      const response = await ask(`v1/jobs/${id}/events`, { headers: more, signal, raw: true });
      lost(false);
      if (response.status === 204) return;
      for await (const event of events(response.body)) {
        last = String(event.id);
        told(event);
        if (ENDS.has(event.kind)) return;
      }
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      if (error instanceof Problem && error.status < 500 && error.status !== 429) throw error;
      lost(true);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY));
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}

const showing = new WeakMap(); // for each picture what ends the fetch that a newer one overtakes

/** A picture's address: its own, or where a key is needed that of a fetched copy. */
export async function show(image, path) {
  if (!key.get()) {
    image.src = path;
    return;
  }
  showing.get(image)?.abort();
  const overtaken = new AbortController();
  showing.set(image, overtaken);
  try {
    const response = await ask(path, { raw: true, signal: overtaken.signal });
    await copied(image, URL.createObjectURL(await response.blob()));
  } catch (error) {
    if (!overtaken.signal.aborted) throw error;
  }
}

async function copied(image, address) {
  image.src = address;
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The numbers of an NPY file of float32. */
export async function floats(path) {
  const buffer = await (await ask(path, { raw: true })).arrayBuffer();
  const view = new DataView(buffer);
  const first = view.getUint8(6) === 1;
  const start = first ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  return new Float32Array(buffer.slice(start));
}

/** Saves a file under its own name. */
export async function save(path, name) {
  const link = document.createElement("a");
  link.download = name;
  link.href = path;
  if (key.get()) {
    const response = await ask(path, { raw: true });
    link.href = URL.createObjectURL(await response.blob());
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
  link.click();
}
