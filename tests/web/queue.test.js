import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { fingerprint } from "../../web/js/fingerprint.js";
import { Journal } from "../../web/js/journal.js";
import { all, CONFIG, first, guest, KIB, photo, until, wiseWorker } from "./support/guest.js";

/** @import {Memo} from "../../web/js/journal.js" */
/** @import {Uploads} from "../../web/js/uploads.js" */

/** @param {Buffer} bytes */
const sha1 = (bytes) => createHash("sha1").update(bytes).digest("hex");

/** @param {Uploads} uploads */
const states = (uploads) => [...uploads.items.values()].map(({ state }) => state);

/** A promise, and the way to keep it. */
function promise() {
  /** @type {() => void} */
  let keep = () => {};
  const kept = /** @type {Promise<void>} */ (new Promise((resolve) => (keep = resolve)));
  return { kept, keep };
}

test("three at a time, and all of two hundred arrive", async (t) => {
  const { server, uploads, queue } = await guest(t);
  let most = 0;
  uploads.addEventListener("change", () => {
    most = Math.max(most, uploads.summary().active);
  });
  queue.add(Array.from({ length: 200 }, (_, n) => photo(1000 + n, `${n}.jpg`).picked));
  await until(uploads, all("received"));
  assert.deepEqual([server.uploads.size, most], [200, 3]);
});

test("a photo overtakes big videos, of which one goes at a time", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const { kept, keep } = promise();
  server.gate = kept;
  const video = (/** @type {string} */ name) => {
    const { picked } = photo(10, name);
    Object.defineProperty(picked.file, "size", { value: 2 ** 28 + name.length });
    return picked;
  };
  queue.add([video("a.mp4"), video("bb.mp4"), photo(10, "c.jpg").picked]);
  await once(uploads, "change");
  assert.deepEqual(states(uploads), ["uploading", "waiting", "uploading"]);
  queue.cancelAll();
  keep();
  assert.equal(uploads.items.size, 0);
});

test("what does not fit on the server keeps no photo from going", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const full = { on: "POST", status: 507, code: "disk_full", after: 60 };
  server.faults.push(full, full, full, full);
  queue.add(Array.from({ length: 4 }, (_, n) => photo(3000 + n, `${n}.mp4`).picked));
  queue.add(Array.from({ length: 30 }, (_, n) => photo(1000 + n, `${n}.jpg`).picked));
  await until(uploads, () => uploads.summary().safe === 30);
  const waiting = [...uploads.items.values()].filter(({ code }) => code === "disk_full");
  assert.deepEqual(
    waiting.map(({ name, state }) => [name, state]),
    ["0.mp4", "1.mp4", "2.mp4", "3.mp4"].map((name) => [name, "offline"]),
  );
  queue.cancelAll();
});

test("what is picked after everything was cancelled in a pause is sent", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const { kept, keep } = promise();
  server.gate = kept;
  queue.add([photo(1000, "a.jpg").picked, photo(2000, "b.jpg").picked]);
  await once(uploads, "change");
  queue.pause();
  const [a, b] = [...uploads.items.keys()];
  queue.remove(a ?? "");
  assert.equal(uploads.paused, true, "the other one is paused still");
  queue.remove(b ?? "");
  keep();
  queue.add([photo(3000, "c.jpg").picked]);
  await until(uploads, all("received"));
  assert.equal(uploads.items.size, 1);
});

test("what the server would refuse is not sent", async (t) => {
  const { server, uploads, queue } = await guest(t, { config: { maxFileSize: 2000 } });
  queue.add(
    [photo(0, "a.jpg"), photo(3000, "b.jpg"), photo(10, "c.exe")].map(({ picked }) => picked),
  );
  const codes = [...uploads.items.values()].map(({ state, code }) => [state, code]);
  assert.deepEqual(codes, [
    ["failed", "empty_file"],
    ["failed", "too_large"],
    ["failed", "type_not_accepted"],
  ]);
  assert.deepEqual(server.log, []);
});

test("what was refused is removed without a word to the server", async (t) => {
  const { server, uploads, queue } = await guest(t);
  server.faults.push({ on: "POST", status: 415, code: "type_not_accepted" });
  queue.add([photo(1000, "odd.jpg").picked]);
  await until(uploads, all("failed"));
  queue.remove(first(uploads).id);
  queue.add([photo(2000, "fine.jpg").picked]);
  await until(uploads, all("received"));
  assert.equal(server.log.filter((line) => line.startsWith("POST /files/")).length, 2);
});

test("a full session ends the rest of the line", async (t) => {
  const { server, uploads, queue } = await guest(t);
  for (let n = 0; n < 3; n++) server.faults.push({ on: "POST", status: 413, code: "session_full" });
  queue.add(Array.from({ length: 9 }, (_, n) => photo(1000 + n, `${n}.jpg`).picked));
  await until(uploads, all("failed"));
  assert.ok([...uploads.items.values()].every(({ code }) => code === "session_full"));
  assert.ok(server.log.length <= 3);
});

const SHUT = /** @type {const} */ ({
  link_unknown: 404,
  link_expired: 410,
  link_revoked: 410,
  link_no_upload: 403,
  password_required: 401,
  name_required: 400,
});

for (const [code, status] of Object.entries(SHUT))
  test(`${code} ends the line, and is not asked about again`, async (t) => {
    /** @type {Memo[]} */
    const kept = [];
    const journal = new Journal(null);
    journal.put = (memo) => kept.push(memo);
    const { server, uploads, queue } = await guest(t, { journal });
    for (let n = 0; n < 3; n++) server.faults.push({ on: "POST", status, code });
    queue.add(Array.from({ length: 9 }, (_, n) => photo(1000 + n, `${n}.jpg`).picked));
    await until(uploads, all("failed"));
    assert.ok([...uploads.items.values()].every((item) => item.code === code));
    assert.ok(server.log.length <= 3);
    // A fresh page asks for the password, and then for the same files.
    const last = new Set(kept.slice(-9).map(({ state }) => state));
    assert.deepEqual([...last], ["interrupted"]);
    // A link may open again while this page is there; what it lacks, only a fresh one asks for.
    const lines = server.log.length;
    queue.retryAll();
    if (!code.startsWith("link_")) return assert.equal(server.log.length, lines);
    server.faults.length = 0;
    await until(uploads, all("received"));
  });

test("the password is asked for again in the middle of a file", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const locked = { status: 401, code: "password_required" };
  server.faults.push({ on: "PATCH", cut: 9 }, { on: "HEAD", ...locked }, { on: "POST" });
  server.faults.push({ on: "POST", ...locked });
  queue.add([photo(3000 * KIB).picked]);
  await until(uploads, all("failed"));
  assert.equal(first(uploads).code, "password_required");
});

test("nothing is sent before the guest says who they are, and then at once", async (t) => {
  const { server, uploads, queue } = await guest(t, { config: { guestName: "required" } });
  queue.introduce("");
  queue.add([photo(10, "a.jpg").picked, photo(20, "b.jpg").picked]);
  await new Promise((later) => setTimeout(later)); // whatever was to start has started
  queue.nudge();
  assert.deepEqual([uploads.summary().phase, server.log], ["held", []]);
  queue.introduce("Zoë 🎈");
  await until(uploads, all("received"));
  assert.deepEqual(
    [...server.uploads.values()].map(({ metadata }) => metadata.guest),
    ["Zoë 🎈", "Zoë 🎈"],
  );
});

test("a name holds from the next file on; nobody has to give one that is not required", async (t) => {
  const { server, uploads, queue } = await guest(t, { config: { guestName: "optional" } });
  queue.add([photo(10, "a.jpg").picked]);
  await until(uploads, all("received"));
  queue.introduce("Ada");
  queue.add([photo(20, "b.jpg").picked]);
  await until(uploads, all("received"));
  const guests = ["a.jpg", "b.jpg"].map((name) => server.named(name)[0]?.metadata.guest);
  assert.deepEqual(guests, [undefined, "Ada"]);
});

test("a pause stops at once; going on does not begin again", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const { picked, bytes } = photo(3000 * KIB);
  server.faults.push({ on: "PATCH", stall: 100 * KIB });
  queue.add([picked]);
  await until(uploads, () => first(uploads).acked > 0);
  await server.asked(`PATCH /files/${first(uploads).upload}`);
  queue.pause();
  assert.deepEqual([states(uploads), uploads.summary().phase], [["paused"], "paused"]);
  queue.add([photo(10, "later.jpg").picked]);
  assert.deepEqual(states(uploads), ["paused", "paused"]);
  queue.resume();
  await until(uploads, all("received"));
  assert.deepEqual(server.named("IMG_0001.jpg")[0]?.bytes, bytes);
  assert.equal(server.log.filter((line) => line.startsWith("POST")).length, 2);
});

test("a pause while the answer to the creation is awaited sends no byte twice", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const { kept, keep } = promise();
  server.gate = kept;
  const { picked, bytes } = photo(300 * KIB);
  queue.add([picked]);
  await until(uploads, () => first(uploads).flying === bytes.length);
  while (server.bodies < bytes.length) await once(server.stirred, "body");
  queue.pause();
  server.gate = null;
  keep();
  queue.resume();
  await until(uploads, all("received"));
  assert.equal(server.bodies, bytes.length);
});

test("what is cancelled is forgotten, here and there", async (t) => {
  const { server, uploads, queue } = await guest(t);
  server.faults.push({ on: "PATCH", stall: 0 });
  queue.add([photo(900 * KIB).picked]);
  await until(uploads, () => first(uploads).acked > 0);
  const { id, upload } = first(uploads);
  queue.remove(id);
  assert.equal(uploads.items.size, 0);
  await server.asked(`DELETE /files/${upload}`);
  uploads.apply({
    ...{ id: upload ?? "", item: id, name: "", length: 9, offset: 1, state: "receiving" },
    ...{ sent: 0, code: null, retryAt: null },
  });
  assert.equal(uploads.items.size, 0, "a late message does not bring it back");
});

test("what was cancelled too late is shown again", async (t) => {
  const { kept, keep } = promise();
  const { server, uploads, queue } = await guest(t, { resync: keep });
  server.faults.push({ on: "POST", lose: true });
  queue.add([photo(100 * KIB).picked]);
  await until(uploads, all("offline"));
  queue.remove(first(uploads).id);
  await kept;
  assert.deepEqual(states(uploads), ["received"]);
});

test("a known file costs no byte", async (t) => {
  const { picked, bytes } = photo(700 * KIB);
  const { server, uploads, queue } = await guest(t, {
    worker: wiseWorker([[bytes.length, sha1(bytes)]]),
  });
  server.known.add(sha1(bytes));
  queue.pause();
  queue.add([picked]);
  await until(uploads, all("duplicate"));
  assert.deepEqual(server.log, ["POST /api/known"]);
  assert.deepEqual(uploads.summary().duplicates, 1);
});

test("of two copies one is sent", async (t) => {
  const { bytes } = photo(700 * KIB);
  const there = photo(800 * KIB, "there.jpg");
  const both = [bytes, there.bytes];
  const worker = wiseWorker(both.map((bytes) => [bytes.length, sha1(bytes)]));
  const { server, uploads, queue } = await guest(t, { worker });
  server.known.add(sha1(there.bytes));
  queue.pause();
  const copies = ["a.jpg", "b.jpg"].map((name) => photo(0, name, bytes).picked);
  queue.add([...copies, there.picked]);
  await until(uploads, () => states(uploads).includes("duplicate"));
  queue.resume();
  await until(uploads, () => uploads.summary().safe === 3);
  assert.deepEqual(states(uploads), ["received", "duplicate", "duplicate"]);
  assert.equal(server.uploads.size, 1);

  const why = { code: "immich_refused", mendable: true };
  uploads.change(first(uploads), { state: "failed", ...why });
  assert.deepEqual(states(uploads), ["failed", "failed", "duplicate"]);
  queue.retryAll();
  await until(uploads, () => uploads.summary().safe === 3);
  assert.deepEqual(states(uploads), ["received", "duplicate", "duplicate"]);
  assert.equal(server.uploads.size, 1);
});

test("a file that arrived and is picked again changes nothing", async (t) => {
  const small = photo(100 * KIB, "a.jpg");
  const large = photo(700 * KIB, "b.jpg");
  const { server, uploads, queue } = await guest(t, {
    worker: wiseWorker([[large.bytes.length, sha1(large.bytes)]]),
  });
  queue.add([small.picked, large.picked]);
  await until(uploads, all("received"));
  const before = server.bodies;
  let again = 0;
  uploads.addEventListener("again", () => again++);
  queue.add([photo(0, "x.jpg", small.bytes).picked, photo(0, "y.jpg", large.bytes).picked]);
  await until(uploads, () => again === 2);
  assert.equal(uploads.items.size, 2);
  assert.equal(server.bodies, before);
});

test("another file with the same ends is another file", async (t) => {
  const one = photo(700 * KIB, "a.jpg");
  const other = Buffer.from(one.bytes);
  other[350 * KIB] = ~(other[350 * KIB] ?? 0);
  const { server, uploads, queue } = await guest(t);
  queue.add([one.picked]);
  await until(uploads, all("received"));
  queue.add([photo(0, "b.jpg", other).picked]);
  await until(uploads, () => uploads.items.size === 2);
  await until(uploads, all("received"));
  assert.deepEqual(server.named("b.jpg")[0]?.bytes, other);
});

/** @param {Partial<Memo>} memo @returns {Memo} */
function memo(memo) {
  return {
    ...{ id: "item-1", session: "s", name: "IMG_0001.jpg", size: 0, kind: "photo" },
    ...{ state: "waiting", print: null, sha1: null, handle: null, at: Date.now() },
    ...memo,
  };
}

test("after a reload the same file goes on where it was", async (t) => {
  const { picked, bytes } = photo(1500 * KIB);
  const before = await guest(t);
  before.server.faults.push({ on: "PATCH", stall: 200 * KIB });
  before.queue.add([picked]);
  await until(before.uploads, () => first(before.uploads).acked > 0);
  const { id, size, upload } = first(before.uploads);
  await before.server.asked(`PATCH /files/${upload}`);
  before.queue.pause();

  const { server, uploads, queue } = await guest(t, { server: before.server });
  queue.restore([memo({ id, size, print: await fingerprint(picked.file) })]);
  assert.deepEqual([states(uploads), uploads.summary().phase], [["interrupted"], "attention"]);
  const sent = server.bodies;
  queue.add([photo(0, "another name.jpg", bytes).picked]);
  await until(uploads, all("received"));
  assert.equal(uploads.items.size, 1);
  assert.deepEqual(
    [...server.uploads.values()].map((upload) => upload.bytes.equals(bytes)),
    [true],
  );
  assert.ok(server.bodies - sent <= size - 512 * KIB, "the first chunk is not sent again");
});

test("what had not begun before a reload begins now, once", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const { picked, bytes } = photo(100 * KIB);
  queue.restore([memo({ size: bytes.length }), memo({ id: "gone", state: "removed" })]);
  queue.add([picked]);
  await until(uploads, all("received"));
  assert.deepEqual([uploads.items.size, server.uploads.size], [1, 1]);
});

test("what was refused is listed after a reload, too, and sent once it is picked again", async (t) => {
  /** @type {Map<string, Memo>} */
  const kept = new Map();
  const journal = new Journal(null);
  journal.put = (memo) => void kept.set(memo.id, memo);
  const [empty, large] = [photo(0, "empty.jpg"), photo(3000, "large.jpg")];
  const before = await guest(t, { journal });
  before.server.faults.push({ on: "POST", status: 413, code: "session_full" });
  before.queue.add([empty.picked, large.picked]);
  await until(before.uploads, all("failed"));

  const { server, uploads, queue } = await guest(t);
  queue.restore([...kept.values()]);
  assert.deepEqual(
    [...uploads.items.values()].map(({ name, state, code }) => [name, state, code]),
    [
      ["empty.jpg", "failed", "empty_file"],
      ["large.jpg", "failed", "session_full"],
    ],
  );
  assert.equal(uploads.summary().phase, "attention");
  queue.add([empty.picked, large.picked]);
  await until(uploads, () => states(uploads).includes("received"));
  assert.deepEqual(states(uploads).sort(), ["failed", "received"]);
  assert.equal(server.uploads.size, 1);
});

test("what was picked again before a reload, in vain, is not missed after the next pick", async (t) => {
  const { picked, bytes } = photo(700 * KIB, "a.jpg");
  const size = bytes.length;
  const worker = wiseWorker([[size, sha1(bytes)]]);
  const { server, uploads, queue } = await guest(t, { worker });
  const print = await fingerprint(picked.file);
  queue.restore([
    memo({ id: "arrived", name: "a.jpg", size, print, sha1: sha1(bytes), state: "stored" }),
    memo({ id: "twin", name: "a.jpg", size, print }),
    memo({ id: "copy", name: "copy.jpg", size }),
  ]);
  queue.add([picked]);
  await until(uploads, () => uploads.items.size === 2);
  assert.deepEqual(states(uploads), ["stored", "interrupted"], "the copy is not picked yet");
  queue.add([photo(0, "copy.jpg", bytes).picked]);
  await until(uploads, all("stored"));
  assert.deepEqual([uploads.items.size, server.bodies], [1, 0]);
});

test("a file that could not even be looked into is complained about until it is picked again", async (t) => {
  const { uploads, queue } = await guest(t);
  const [one, other] = [photo(1000, "one.jpg"), photo(1000, "other.jpg")];
  const unreadable = () => Promise.reject(new DOMException("changed", "NotReadableError"));
  const lost = Object.assign(new File([one.picked.file], "one.jpg"), { arrayBuffer: unreadable });
  queue.add([{ file: lost, handle: null }]);
  await until(uploads, all("failed"));
  queue.add([other.picked]);
  await until(uploads, () => states(uploads).includes("received"));
  assert.deepEqual(states(uploads), ["failed", "received"]);
  queue.add([one.picked]);
  await until(uploads, all("received"));
  assert.equal(uploads.items.size, 2);
});

test("what failed in Immich is delivered again; without a network it stays failed", async (t) => {
  let answer = false;
  const { uploads, queue } = await guest(t, { redeliver: async () => answer });
  queue.add([photo(100 * KIB).picked]);
  await until(uploads, all("received"));
  const { upload, id } = first(uploads);
  uploads.change(first(uploads), { state: "failed", code: "immich_refused", mendable: true });
  queue.retry(id);
  await until(uploads, all("failed"));
  assert.equal(first(uploads).upload, upload);
  answer = true;
  queue.retryAll();
  await until(uploads, all("received"));
});

test("what is remembered is enough to know a file again", async (t) => {
  /** @type {Memo[]} */
  const kept = [];
  const journal = new Journal(null);
  journal.put = (memo) => kept.push(memo);
  const { uploads, queue } = await guest(t, { journal });
  const { picked } = photo(100 * KIB);
  queue.add([picked]);
  await until(uploads, all("received"));
  queue.remove(first(uploads).id);
  assert.deepEqual(
    kept.map(({ state, print }) => [state, print !== null]),
    [
      ["waiting", false],
      ["uploading", true],
      ["received", true],
      ["removed", true],
    ],
  );
  assert.equal(kept.at(-1)?.print, await fingerprint(picked.file));
});

test("the commands may be taken apart", async (t) => {
  const { queue, uploads } = await guest(t);
  const { add, pause, resume } = queue;
  pause();
  add([photo(10).picked]);
  resume();
  await until(uploads, all("received"));
  assert.deepEqual(CONFIG.extensions, [".jpg", ".mp4"]);
});

test("a request is doubted once for each gain: a proxy may keep nothing of one that is cut", async (t) => {
  const { server, uploads, queue } = await guest(t, { patience: 1000 });
  server.faults.push({ on: "PATCH", stall: 0 }, { on: "PATCH", stall: 0 });
  queue.add([photo(1500 * KIB).picked]);
  const patches = () => server.log.filter((line) => line.startsWith("PATCH")).length;
  const asked = () => server.log.filter((line) => line.startsWith("HEAD")).length;
  const another = async (/** @type {number} */ count) => {
    while (patches() < count) await fetch(new URL("files/nobody", server.base));
  };
  await another(1);
  queue.doubt();
  await another(2);
  assert.equal(asked(), 1, "the first doubt has it ask where the server stands");
  queue.doubt();
  for (let n = 0; n < 20; n++) await fetch(new URL("files/nobody", server.base));
  assert.equal(asked(), 1, "the second one leaves it alone");
  await until(uploads, all("received"));
});
