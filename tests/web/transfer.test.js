import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { all, first, guest, KIB, photo, until, wiseWorker } from "./support/guest.js";

test("a small file is one request", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const { picked, bytes } = photo(100 * KIB);
  queue.add([picked]);
  await until(uploads, all("received"));
  assert.deepEqual(server.named("IMG_0001.jpg")[0]?.bytes, bytes);
  assert.deepEqual(server.log, ["POST /files/"]);
});

test("a large file goes in chunks", async (t) => {
  const { server, uploads, queue } = await guest(t);
  const { picked, bytes } = photo(3000 * KIB);
  queue.add([picked]);
  await until(uploads, all("received"));
  assert.deepEqual(server.named("IMG_0001.jpg")[0]?.bytes, bytes);
});

/** @type {Record<string, import("./support/server.js").Fault[]>} */
const FAULTS = {
  "cut within the creation": [{ on: "POST", cut: 50_000 }],
  "answer to the creation lost": [{ on: "POST", lose: true }],
  "cut within a chunk": [{ on: "PATCH", cut: 100_000 }],
  "cut three times": [{ cut: 1 }, { on: "PATCH", cut: 200_000 }, { on: "PATCH", cut: 70_000 }],
  "answer to a chunk lost": [{ on: "PATCH", lose: true }],
  "stall within a chunk": [{ on: "PATCH", stall: 300_000 }],
  "stall within the creation": [{ on: "POST", stall: 0 }],
  "a question without an answer": [
    { on: "PATCH", cut: 9 },
    { on: "HEAD", stall: 0 },
  ],
  "404: the upload expired": [{ on: "PATCH", forget: true }],
  "409: another offset": [{ on: "PATCH", status: 409, code: "offset_conflict" }],
  "413 of a proxy": [{ on: "PATCH", status: 413, html: true }],
  "413 of a proxy at the creation": [{ on: "POST", status: 413, html: true }],
  "423: a newer connection": [{ on: "PATCH", status: 423, code: "superseded" }],
  "429: too fast": [{ on: "POST", status: 429, code: "rate_limited" }],
  "460: damaged on the way": [{ on: "PATCH", status: 460, code: "checksum_mismatch" }],
  "500: a bug": [{ on: "PATCH", status: 500 }],
  "502 of a proxy": [
    { on: "POST", status: 502, html: true },
    { on: "PATCH", status: 502, html: true },
  ],
  "JSON of a proxy": [
    { on: "POST", status: 403, json: { code: "forbidden" } },
    { on: "PATCH", status: 503, json: { code: 503 } },
  ],
  "503: busy": [{ on: "PATCH", status: 503, code: "unavailable" }],
  "507: disk full": [{ on: "POST", status: 507, code: "disk_full" }],
  "a captive portal": [
    { on: "POST", status: 200, html: true },
    { on: "PATCH", status: 404, html: true },
  ],
};

for (const [name, faults] of Object.entries(FAULTS))
  for (const buffered of [false, true])
    test(`${name}, ${buffered ? "phone" : "desktop"}`, async (t) => {
      const patience = name.match(/stall|without an answer/) ? 200 : 5000;
      const { server, uploads, queue } = await guest(t, { buffered, patience });
      const size = faults.every(({ on }) => on === "POST") ? 400 * KIB : 1500 * KIB;
      const { picked, bytes } = photo(size);
      server.faults.push(...structuredClone(faults));
      queue.add([picked]);
      await until(uploads, all("received"));
      const stored = server.named("IMG_0001.jpg");
      assert.equal(stored.length, 1);
      assert.deepEqual(stored[0]?.bytes, bytes);
      assert.deepEqual(server.faults, [], "the fault was met");
      const { acked, flying, code } = first(uploads);
      assert.deepEqual([acked, flying, code], [size, 0, null]);
    });

/** @type {Record<string, [import("./support/server.js").Fault, boolean]>} */
const FATAL = {
  type_not_accepted: [{ on: "POST", status: 415, code: "type_not_accepted" }, false],
  too_large: [{ on: "POST", status: 413, code: "too_large" }, false],
  empty_file: [{ on: "POST", status: 400, code: "empty_file" }, false],
};

for (const [code, [fault, mendable]] of Object.entries(FATAL))
  test(`${code} is the end of it`, async (t) => {
    const { server, uploads, queue } = await guest(t);
    server.faults.push(fault);
    queue.add([photo(100 * KIB).picked]);
    await until(uploads, all("failed"));
    assert.deepEqual([first(uploads).code, first(uploads).mendable], [code, mendable]);
    assert.deepEqual(server.log, ["POST /files/"]);
  });

test("bytes that are damaged every time are given up, and can be tried again", async (t) => {
  const { server, uploads, queue } = await guest(t);
  for (let n = 0; n < 3; n++)
    server.faults.push({ on: "PATCH", status: 460, code: "checksum_mismatch" });
  const { picked, bytes } = photo(900 * KIB);
  queue.add([picked]);
  await until(uploads, all("failed"));
  assert.deepEqual([first(uploads).code, first(uploads).mendable], ["checksum_mismatch", true]);
  queue.retryAll();
  await until(uploads, all("received"));
  assert.deepEqual(server.named("IMG_0001.jpg")[0]?.bytes, bytes);
});

test("a server that is full is asked again, and the guest sees why it waits", async (t) => {
  const { server, uploads, queue } = await guest(t);
  server.faults.push({ on: "POST", status: 507, code: "disk_full", after: 0.1 });
  queue.add([photo(100 * KIB).picked]);
  await until(uploads, all("offline"));
  const { code, retryAt } = first(uploads);
  assert.equal(code, "disk_full");
  assert.ok(retryAt && retryAt > Date.now());
  await until(uploads, all("received"));
});

test("a tap does not wait for the next attempt", async (t) => {
  const { server, uploads, queue } = await guest(t, { random: () => 1 });
  server.faults.push({ on: "POST", status: 503, code: "unavailable", after: 60 });
  queue.add([photo(100 * KIB).picked]);
  await until(uploads, all("offline"));
  queue.nudge();
  await until(uploads, all("received"));
});

test("when another connection recovers, only a wait for the network ends", async (t) => {
  const { server, uploads, queue } = await guest(t, { random: () => 1 });
  server.faults.push({ on: "POST", status: 503, code: "unavailable", after: 60 });
  queue.add([photo(100 * KIB, "a.jpg").picked]);
  await until(uploads, all("offline"));
  server.faults.push({ on: "POST", cut: 1 });
  queue.add([photo(100 * KIB, "b.jpg").picked]);
  await until(uploads, all("offline"));
  queue.wake();
  const states = () => [...uploads.items.values()].map(({ state }) => state);
  await until(uploads, () => states()[1] === "received");
  assert.deepEqual(states(), ["offline", "received"]);
  queue.nudge();
  await until(uploads, all("received"));
});

test("a file that gets through after a failure wakes the others", {
  timeout: 20_000,
}, async (t) => {
  let jitter = 60; // a minute
  const { server, uploads, queue } = await guest(t, { random: () => jitter });
  server.faults.push({ on: "POST", cut: 1 }, { on: "POST", cut: 1 });
  queue.add([photo(100 * KIB, "a.jpg").picked]);
  await until(uploads, all("offline"));
  jitter = 0.1;
  queue.add([photo(100 * KIB, "b.jpg").picked]);
  await until(uploads, all("received"));
});

for (const buffered of [false, true])
  test(`a file that cannot be read is not a network that is gone, ${buffered}`, async (t) => {
    const { server, uploads, queue } = await guest(t, { buffered });
    const { picked } = photo(1500 * KIB);
    server.faults.push({ on: "PATCH", cut: 10_000 });
    const slice = picked.file.slice.bind(picked.file);
    let gone = false;
    // As Chromium does when the file changes: the request fails, and so does reading.
    picked.file.slice = (...range) => {
      const part = slice(...range);
      if (gone) part.arrayBuffer = () => Promise.reject(new DOMException("", "NotReadableError"));
      gone ||= range[0] !== 0;
      return part;
    };
    queue.add([picked]);
    await until(uploads, all("failed"));
    assert.equal(first(uploads).code, "unreadable");
    const again = photo(
      1500 * KIB,
      "other.jpg",
      Buffer.from(await new Blob([slice()]).arrayBuffer()),
    );
    queue.add([again.picked]);
    await until(uploads, all("received"));
    assert.equal(uploads.items.size, 1);
    assert.deepEqual(server.named("IMG_0001.jpg")[0]?.bytes, again.bytes);
  });

test("the checksum goes along when it is known in time", async (t) => {
  const small = photo(100 * KIB, "small.jpg");
  const large = photo(600 * KIB, "large.jpg");
  const { server, uploads, queue } = await guest(t, {
    worker: wiseWorker([[large.bytes.length, sha1(large.bytes)]]),
  });
  queue.pause();
  queue.add([small.picked, large.picked]);
  await server.asked("/api/known");
  queue.resume();
  await until(uploads, all("received"));
  assert.equal(server.named("small.jpg")[0]?.metadata.sha1, sha1(small.bytes));
  assert.equal(server.named("large.jpg")[0]?.metadata.sha1, sha1(large.bytes));
});

/** A generator of numbers in [0, 1) that a seed repeats (mulberry32). @param {number} seed */
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ANY = Object.values(FAULTS).flat();

for (let seed = 1; seed <= 12; seed++)
  test(`whatever happens, the exact bytes arrive once (seed ${seed})`, async (t) => {
    const roll = dice(seed);
    const { server, uploads, queue } = await guest(t, {
      buffered: seed % 2 === 0,
      chunk: 256 * KIB,
      patience: 200,
    });
    const photos = [1, 2, 3].map((n) => photo(Math.ceil(roll() * 1500 * KIB), `${n}.jpg`));
    // Two mismatches are the most a file survives.
    const faults = ANY.filter(({ code }) => code !== "checksum_mismatch");
    for (let n = 0; n < 15; n++) {
      const fault = faults[Math.floor(roll() * faults.length)];
      server.faults.push({ ...fault, on: ["POST", "HEAD", "PATCH"][Math.floor(roll() * 3)] });
    }
    queue.add(photos.map(({ picked }) => picked));
    await until(uploads, all("received"));
    for (const { picked, bytes } of photos) {
      const stored = server.named(picked.file.name);
      assert.deepEqual(
        stored.map((upload) => upload.bytes.equals(bytes)),
        [true],
      );
    }
  });

/** @param {Buffer} bytes */
function sha1(bytes) {
  return createHash("sha1").update(bytes).digest("hex");
}
