// The document and what it loads: nothing inline, nothing from elsewhere, every module asked for at once.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const WEB = new URL("../../web/", import.meta.url);
const BUDGET = 61_000; // bytes: the page, its styles, every module with its comments, one language

/** @param {string} path */
const read = (path) => readFile(new URL(path, WEB), "utf8");
const html = await read("index.html");

/** Every module that `path` needs before it can run. @param {string} path @param {Set<string>} [seen] */
async function closure(path, seen = new Set()) {
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

const modules = await closure("js/main.js");

test("every module is asked for with the document, and nothing else is", () => {
  const asked = [...html.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map(
    ([, href]) => href,
  );
  assert.deepEqual(asked.sort(), [...modules].filter((path) => path !== "js/main.js").sort());
});

test("every module in the folder is used", async () => {
  const files = (await readdir(new URL("js/", WEB))).filter((name) => name.endsWith(".js"));
  const unused = files.filter((name) => !modules.has(`js/${name}`));
  assert.deepEqual(unused.sort(), ["hash-worker.js", "types.js"]); // a worker's, and types only
});

test("the policy has nothing to refuse: no inline script, style or handler, no other host", async () => {
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)[^>]*>/);
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
  const files = ["index.html", "style.css", "favicon.svg", "manifest.webmanifest", ...modules];
  for (const file of files) {
    const text = (await read(file))
      .replace(/^\s*\/\/.*$/gm, "")
      .replace("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(text, /https?:\/\//, file);
    assert.doesNotMatch(text, /innerHTML|insertAdjacentHTML|document\.write/, file);
  }
});

test("every address is relative, so the page works below any path", () => {
  const addresses = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, address]) => address);
  assert.deepEqual(
    addresses.filter((address) => /^[/\\]|:/.test(address ?? "")),
    [],
  );
});

test("everything together stays within the budget", async () => {
  const files = ["index.html", "style.css", "js/hash-worker.js", "js/lang/de.js", ...modules];
  const sizes = await Promise.all(files.map(async (file) => gzipSync(await read(file)).length));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total < BUDGET, `${total} bytes`);
});
