// The documents and what they load: nothing inline, nothing from elsewhere, nothing unused.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { closure, read, WEB } from "./support/modules.js";

const DOCUMENTS = ["index.html", "door.html"];
const page = await closure("js/main.js");
const modules = new Set([...page, ...(await closure("js/door.js"))]);
const styles = (await readdir(new URL("css/", WEB))).map((name) => `css/${name}`);

test("every module in the folder is used", async () => {
  const files = (await readdir(new URL("js/", WEB))).filter((name) => name.endsWith(".js"));
  const unused = files.filter((name) => !modules.has(`js/${name}`));
  assert.deepEqual(unused.sort(), ["hash-worker.js", "types.js"]); // a worker's, and types only
});

test("the page does not carry the door", () => {
  assert.deepEqual(
    ["js/door.js", "js/unlock.js"].filter((name) => page.has(name)),
    [],
  );
});

test("the policy has nothing to refuse: no inline script, style or handler, no other host", async () => {
  for (const name of DOCUMENTS) {
    const html = await read(name);
    assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)[^>]*>/, name);
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/, name);
  }
  const files = [...DOCUMENTS, "favicon.svg", "manifest.webmanifest", ...styles, ...modules];
  for (const file of files) {
    const text = (await read(file))
      .replace(/^\s*\/\/.*$/gm, "")
      .replace("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(text, /https?:\/\//, file);
    assert.doesNotMatch(text, /innerHTML|insertAdjacentHTML|document\.write/, file);
  }
});

for (const name of DOCUMENTS) {
  test(`every address in ${name} is relative, so it works below any path`, async () => {
    const addresses = [...(await read(name)).matchAll(/(?:href|src)="([^"]+)"/g)].map(
      ([, address]) => address,
    );
    assert.ok(addresses.length > 5);
    assert.deepEqual(
      addresses.filter((address) => /^[/\\]|:/.test(address ?? "")),
      [],
    );
  });
}
