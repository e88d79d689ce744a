import assert from "node:assert/strict";
import { test } from "node:test";
import { Hasher } from "../../web/js/hasher.js";
import { Known } from "../../web/js/known.js";
import { newId, session } from "../../web/js/session.js";
import { deafWorker, wiseWorker } from "./support/guest.js";

/** @import {Exchange} from "../../web/js/http.js" */

const url = new URL("http://127.0.0.1/api/known");

test("250 questions are three requests", async () => {
  /** @type {number[]} */
  const batches = [];
  const send = async (/** @type {Exchange} */ { body }) => {
    const { session, checksums } = JSON.parse(String(body));
    assert.equal(session, "s");
    batches.push(checksums.length);
    const known = checksums.filter((/** @type {string} */ sha1) => sha1.endsWith("7"));
    return { status: 200, header: () => null, json: { known } };
  };
  const known = new Known({ url, session: "s", send });
  const answers = await Promise.all(Array.from({ length: 250 }, (_, n) => known.ask(`${n}`)));
  assert.deepEqual(batches, [100, 100, 50]);
  assert.equal(answers.filter(Boolean).length, 25);
});

test("who cannot be asked knows nothing", async () => {
  const known = new Known({ url, session: "s", send: () => Promise.reject(new Error("cut")) });
  assert.equal(await known.ask("1"), false);
});

test("without workers nothing is hashed; a cancelled hash is not waited for", async () => {
  const file = new File(["abc"], "a.jpg");
  assert.equal(await new Hasher(deafWorker).sha1(file), null);
  const hasher = new Hasher(wiseWorker([[3, "sha1 of abc"]]));
  assert.equal(await hasher.sha1(file), "sha1 of abc");
  const hash = hasher.sha1(file);
  hasher.cancel();
  assert.equal(await hash, null);
});

/** As much of a Storage as session.js uses. @param {Map<string, string>} [kept] */
function storage(kept = new Map()) {
  const getItem = (/** @type {string} */ key) => kept.get(key) ?? null;
  const setItem = kept.set.bind(kept);
  return () => /** @type {Storage} */ (/** @type {unknown} */ ({ getItem, setItem }));
}

/** Locks as browsers have them, for one page after the other. */
function lockManager() {
  const held = new Set();
  const request = (
    /** @type {string} */ name,
    /** @type {any} */ { signal },
    /** @type {any} */ use,
  ) =>
    new Promise((_, reject) => {
      if (held.has(name)) return signal.addEventListener("abort", reject);
      held.add(name);
      use();
    });
  return /** @type {LockManager} */ (/** @type {unknown} */ ({ request }));
}

test("a session lives as long as the storage, and is unguessable", async () => {
  const local = storage();
  const options = { local, tab: storage(), locks: null };
  const id = await session(options);
  assert.match(id, /^[\w-]{22}$/);
  assert.equal(await session(options), id);
  assert.notEqual(newId(), newId());
});

test("a second tab is another session, and the same after its reload", async () => {
  const local = storage();
  const locks = lockManager();
  const one = await session({ local, tab: storage(), locks, taken: 5 });
  const kept = new Map();
  const two = await session({ local, tab: storage(kept), locks, taken: 5 });
  assert.notEqual(one, two);
  assert.deepEqual([...kept.values()], [two]);
});

test("two links, and the drop without one, are three guests to the server", async () => {
  const kept = new Map([["drop-session", "0123456789abcdefghijkl"]]); // from before there were links
  const options = { local: storage(kept), tab: storage(), locks: null };
  const paths = ["/", "/share/one/", "/share/two/", "/s/one/", "/base/share/one/"];
  const ids = await Promise.all(paths.map((path) => session({ ...options, path })));
  assert.equal(new Set(ids).size, paths.length);
  assert.equal(ids[0], "0123456789abcdefghijkl");
  assert.equal(await session({ ...options, path: "/base/" }), ids[0]);
  assert.equal(await session({ ...options, path: "/s/one/" }), ids[3]);
});

test("blocked storage costs the memory, not the page", async () => {
  const blocked = () => {
    throw new DOMException("", "SecurityError");
  };
  assert.match(await session({ local: blocked, tab: blocked, locks: null }), /^[\w-]{22}$/);
});
