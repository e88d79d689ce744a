// The document and what it loads: nothing inline, nothing from elsewhere, nothing unused.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const WEB = new URL("../../web/", import.meta.url);

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
const styles = (await readdir(new URL("css/", WEB))).map((name) => `css/${name}`);

test("every module in the folder is used", async () => {
  const files = (await readdir(new URL("js/", WEB))).filter((name) => name.endsWith(".js"));
  const unused = files.filter((name) => !modules.has(`js/${name}`));
  assert.deepEqual(unused.sort(), ["hash-worker.js", "types.js"]); // a worker's, and types only
});

test("the policy has nothing to refuse: no inline script, style or handler, no other host", async () => {
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)[^>]*>/);
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
  const files = ["index.html", "favicon.svg", "manifest.webmanifest", ...styles, ...modules];
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
