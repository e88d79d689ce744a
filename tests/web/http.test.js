import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { sender } from "../../web/js/http.js";
import { XHR } from "./support/xhr.js";

const PATIENCE = 1000;
const PIECES = 16;

test("a long answer may take its time, as long as more of it comes", async (t) => {
  const server = createServer((_, response) => {
    let sent = 0;
    const trickle = setInterval(() => {
      response.write("[");
      if (++sent < PIECES) return;
      clearInterval(trickle);
      response.end("]".repeat(PIECES));
    }, PATIENCE / 10);
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const send = sender({ XHR, idle: PATIENCE, question: PATIENCE });
  const { json } = await send({ method: "GET", url: `http://127.0.0.1:${port}/` });
  assert.ok(Array.isArray(json));
});
