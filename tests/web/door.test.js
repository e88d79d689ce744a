// The door's questions to the server, and what it makes of the answers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { ask } from "../../web/js/ask.js";
import { clock } from "../../web/js/unlock.js";

/**
 * Ask a server that gives this answer.
 *
 * @param {number} status
 * @param {string} body
 * @param {Record<string, string>} [headers]
 */
async function answered(status, body, headers = {}) {
  const server = createServer((_, response) => response.writeHead(status, headers).end(body));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  try {
    return await ask(`http://127.0.0.1:${port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("the server's own word is what is the matter", async () => {
  const { code, after } = await answered(429, '{"code":"rate_limited"}', { "Retry-After": "42" });
  assert.deepEqual([code, after], ["rate_limited", 42_000]);
  assert.equal((await answered(410, '{"code":"link_expired"}')).code, "link_expired");
});

test("nothing is the matter when there is a configuration, or nothing to say", async () => {
  assert.equal((await answered(200, '{"title":""}')).code, null);
  assert.equal((await answered(204, "")).code, null);
});

test("what is not our server lets nobody in", async () => {
  assert.equal((await answered(200, "<h1>Welcome to Airport Wi-Fi</h1>")).code, "internal");
  assert.equal((await answered(502, "<h1>Bad Gateway</h1>")).code, "internal");
});

test("without a network there is no answer", async () => {
  assert.equal((await ask("http://127.0.0.1:1/")).code, "offline");
});

test("the time to wait is read as on a clock, and never is over too early", () => {
  assert.deepEqual([61_000, 59_001, 900, 0, -5].map(clock), [
    "1:01",
    "1:00",
    "0:01",
    "0:00",
    "0:00",
  ]);
});
