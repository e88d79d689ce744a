import { deadline } from "./backoff.js";

const PATIENCE = 20_000; // ms; the server may have to ask Immich first

/**
 * @typedef {object} Reply
 * @property {string | null} code  why the server refused; null on success
 * @property {number} after  ms to wait before asking again
 * @property {number} status  0 when there was no answer
 * @property {any} body  null when it was not JSON
 */

/**
 * Send the server a request that it may refuse.
 *
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Reply>}
 */
export async function ask(url, init = {}) {
  const signal = deadline(PATIENCE);
  const answer = await fetch(url, { ...init, signal }).catch(() => null);
  if (!answer) return { code: "offline", after: 0, status: 0, body: null };
  const { status } = answer;
  const body = await answer.json().catch(() => null);
  // A captive portal answers 200 to everything, but not in JSON.
  const done = status === 204 || (answer.ok && body);
  const after = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
  return { code: done ? null : (body?.code ?? "internal"), after, status, body };
}
