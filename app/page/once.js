/** Requests that make a job: sent again after an answer that was lost, they make no second one. */
import { Problem, ask } from "./api.js";

const unanswered = new Map(); // the Idempotency-Key of each request that the service may have taken

export async function once(path, body) {
  const request = JSON.stringify([path, body]);
  if (!unanswered.has(request)) unanswered.set(request, word());
  try {
    const job = await ask(path, { method: "POST", body, headers: { "Idempotency-Key": unanswered.get(request) } });
    unanswered.delete(request);
    return job;
  } catch (error) {
    if (error instanceof Problem && error.status < 500) unanswered.delete(request);
    throw error;
  }
}

/** By chance, and also where a page that came over plain HTTP has no crypto.randomUUID. */
function word() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
