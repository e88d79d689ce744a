import { deadline } from "./backoff.js";

const PATIENCE = 20_000; // ms; the server may have to ask Immich first

/**
 * Ask the server for what may be refused.
 *
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<{code: string | null, after: number}>} why not, null when it is done; and ms
 *   after which asking again makes sense
 */
export async function ask(url, init = {}) {
  const signal = deadline(PATIENCE);
  const answer = await fetch(url, { ...init, signal }).catch(() => null);
  if (!answer) return { code: "offline", after: 0 };
  const body = await answer.json().catch(() => null);
  // A captive portal is content with everything, and speaks no JSON.
  const done = answer.status === 204 || (answer.ok && body);
  const after = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
  return { code: done ? null : (body?.code ?? "internal"), after };
}
