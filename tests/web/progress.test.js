import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Progress } from "../../web/js/progress.js";
import { Uploads } from "../../web/js/uploads.js";

/** @type {Line[]} every connection the page opened */
let lines = [];
const opened = new EventTarget();

/** The page's end of a WebSocket whose other end is the test. */
class Line {
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {(() => void) | null} */
  onclose = null;
  /** @type {unknown[]} */
  said = [];
  closed = false;

  /** @param {URL} url */
  constructor(url) {
    this.url = String(url);
    lines.push(this);
    opened.dispatchEvent(new Event("line"));
  }

  /** @param {string} text */
  send(text) {
    this.said.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  /** @param {object} message */
  tell(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const WebSocket = /** @type {typeof globalThis.WebSocket} */ (/** @type {unknown} */ (Line));

const U = {
  ...{ id: "u", item: "a", name: "a.jpg", length: 9, offset: 9 },
  ...{ state: "received", sent: 0, code: null, retryAt: null },
};

/**
 * @param {import("node:test").TestContext} t
 * @param {object} [network]
 * @param {typeof globalThis.WebSocket} [network.made]
 * @param {Promise<void>} [network.slow]  answers to questions take until then
 */
function page(t, { made = WebSocket, slow } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  lines = [];
  const uploads = new Uploads();
  let cuts = 0;
  let recoveries = 0;
  /** @type {string[]} */
  const asked = [];
  const progress = new Progress({
    uploads,
    session: "s",
    base: new URL("https://host/drop/"),
    send: async ({ url, headers }) => {
      asked.push(`${url} ${headers?.["Drop-Session"]}`);
      await slow;
      return { status: 200, header: () => null, json: { uploads: [{ ...U, state: "stored" }] } };
    },
    cut: () => cuts++,
    recovered: () => recoveries++,
    WebSocket: made,
    random: () => 1,
  });
  progress.connect();
  const line = () => /** @type {Line} */ (lines.at(-1));
  return {
    uploads,
    progress,
    line,
    asked,
    cuts: () => cuts,
    recoveries: () => recoveries,
    tick: (/** @type {number} */ ms) => t.mock.timers.tick(ms),
  };
}

test("says who it is, takes the snapshot and what follows", (t) => {
  const { uploads, line } = page(t);
  assert.equal(line().url, "wss://host/drop/ws");
  line().onopen?.();
  assert.deepEqual(line().said, [{ session: "s" }]);
  line().tell({ type: "snapshot", uploads: [U] });
  line().tell({ type: "upload", upload: { ...U, state: "stored" } });
  assert.equal(uploads.items.get("a")?.state, "stored");
});

test("a connection that does not come about is given up after 5 s", (t) => {
  const { line, tick } = page(t);
  const zombie = line();
  tick(5000);
  assert.ok(zombie.closed);
  tick(1000);
  assert.equal(lines.length, 2);
});

test("the snapshot of many files may take a minute over a slow line, and no longer", (t) => {
  const { uploads, line, tick } = page(t);
  line().onopen?.();
  tick(59_000);
  line().tell({ type: "snapshot", uploads: [U] });
  assert.deepEqual([uploads.items.size, lines.length], [1, 1]);
  line().onclose?.();
  tick(1000);
  const silent = line();
  silent.onopen?.();
  tick(20_000);
  tick(39_000);
  assert.ok(!silent.closed);
  tick(1000);
  assert.ok(silent.closed);
});

test("where a connection stays silent, polling begins long before it is given up", async (t) => {
  const { uploads, line, asked, tick } = page(t);
  line().onopen?.();
  tick(20_000);
  assert.ok(!line().closed);
  tick(5000);
  assert.equal(asked.length, 1);
  await new Promise(setImmediate);
  assert.equal(uploads.items.get("a")?.state, "stored");
  line().tell({ type: "snapshot", uploads: [U] });
  tick(15_000);
  assert.equal(asked.length, 1);
});

test("a silent connection is asked for a sign of life, and its death doubts the others", (t) => {
  const { line, tick, cuts } = page(t);
  const first = line();
  first.onopen?.();
  first.tell({ type: "snapshot", uploads: [] });
  tick(20_000);
  assert.deepEqual(first.said.at(-1), { type: "ping" });
  first.tell({ type: "pong" });
  tick(20_000);
  assert.ok(!first.closed);
  tick(5000);
  assert.ok(first.closed);
  assert.equal(cuts(), 1);
  tick(1000);
  line().onclose?.();
  assert.equal(cuts(), 1, "one that never worked says nothing about the network");
});

test("a connection that works again says so, and is not waited for when another one does", (t) => {
  const { progress, line, recoveries } = page(t);
  line().tell({ type: "snapshot", uploads: [] });
  const before = recoveries();
  line().tell({ type: "pong" });
  assert.equal(recoveries(), before, "it worked all the time");
  line().onclose?.();
  progress.hurry();
  assert.equal(lines.length, 2, "at once");
  progress.hurry();
  assert.equal(lines.length, 2, "it is on its way");
  line().tell({ type: "snapshot", uploads: [] });
  assert.equal(recoveries(), before + 1);
});

test("where WebSockets do not get through, asking does", async (t) => {
  const { uploads, line, tick, asked } = page(t);
  for (const pause of [1000, 2000]) {
    line().onclose?.();
    tick(pause);
  }
  tick(5000);
  await once(uploads, "add");
  assert.deepEqual(asked, ["https://host/drop/api/uploads s"]);
  assert.equal(uploads.items.get("a")?.state, "stored");
});

test("a slow answer is waited for, and is old news once a WebSocket gets through", async (t) => {
  /** @type {() => void} */
  let arrive = () => {};
  const slow = /** @type {Promise<void>} */ (new Promise((resolve) => (arrive = resolve)));
  const { uploads, line, tick, asked } = page(t, { slow });
  for (const pause of [1000, 2000]) {
    line().onclose?.();
    tick(pause);
  }
  line().onopen?.();
  for (let n = 0; n < 4; n++) tick(5000);
  assert.equal(asked.length, 1, "another one would only make the first slower");
  line().tell({ type: "snapshot", uploads: [U] });
  arrive();
  await new Promise((later) => setImmediate(later));
  assert.equal(uploads.items.get("a")?.state, "received");
});

test("connecting anew leaves nothing of the old one", (t) => {
  const { progress, line, uploads } = page(t);
  const old = line();
  progress.connect();
  assert.ok(old.closed);
  old.tell({ type: "upload", upload: U });
  assert.equal(uploads.items.size, 0);
});

test("where a WebSocket cannot even be made, asking does", async (t) => {
  const none = class {
    constructor() {
      throw new DOMException("switched off", "SecurityError");
    }
  };
  const { uploads, tick } = page(t, { made: /** @type {any} */ (none) });
  for (const pause of [1000, 5000]) tick(pause);
  await once(uploads, "add");
  assert.equal(uploads.items.get("a")?.state, "stored");
});
