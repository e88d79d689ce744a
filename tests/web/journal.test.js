// What is remembered beyond a reload, in browsers that do not want to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Journal } from "../../web/js/journal.js";

test("a database that never answers is done without", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const silent = /** @type {any} */ ({ open: () => ({}) });
  const opening = Journal.open("drop", () => silent);
  t.mock.timers.tick(5000);
  const journal = await opening;
  assert.deepEqual(await journal.all("s"), []);
});

test("where storage is blocked, nothing is remembered", async () => {
  const journal = await Journal.open("drop", () => {
    throw new DOMException("blocked", "SecurityError");
  });
  assert.deepEqual(await journal.all("s"), []);
});

test("what is written last is finished without the page", () => {
  /** @type {string[]} */
  const done = [];
  const transaction = {
    objectStore: () => ({ put: ({ id = "" }) => done.push(id), transaction }),
    commit: () => done.push("commit"),
  };
  const journal = new Journal(/** @type {any} */ ({ transaction: () => transaction }));
  for (const id of ["a", "b"]) journal.put(/** @type {any} */ ({ id }));
  journal.flush();
  assert.deepEqual(done, ["a", "b", "commit"]);
});
