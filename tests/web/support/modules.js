// What a script of the page loads.

import { readFile } from "node:fs/promises";

export const WEB = new URL("../../../web/", import.meta.url);

/** @param {string} path */
export const read = (path) => readFile(new URL(path, WEB), "utf8");

/**
 * Every module that `path` needs before it can run.
 *
 * @param {string} path
 * @param {Set<string>} [seen]
 */
export async function closure(path, seen = new Set()) {
  if (seen.has(path)) return seen;
  seen.add(path);
  const source = await read(path);
  for (const [, target] of source.matchAll(
    /^(?:import|export)\s[^;]*?from "\.\/([\w-]+\.js)";$/gm,
  )) {
    await closure(`js/${target}`, seen);
  }
  return seen;
}
