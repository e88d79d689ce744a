// A small tus server of the tests' own: strict about the protocol, and out of order on request.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

const TUS = { "Tus-Resumable": "1.0.0" };

/** @typedef {import("node:http").IncomingMessage} Request */
/** @typedef {import("node:http").ServerResponse} Response */
/** @typedef {[number, Record<string, string>?, string?]} Answer */
/** @typedef {{id: string, metadata: Record<string, string>, length: number, bytes: Buffer}} Stored */

/**
 * @typedef {object} Fault
 * @property {string} [on]
 * @property {number} [status]
 * @property {string} [code]
 * @property {number} [after]
 * @property {boolean} [html]
 * @property {object} [json]
 * @property {number} [cut]
 * @property {number} [stall]
 * @property {boolean} [lose]
 * @property {boolean} [forget]
 */

/**
 * A fault is taken by the next request it fits: `{on: "PATCH", ...}`.
 *
 * - `{status, code, after}`  our server refuses
 * - `{status, html: true}`   a proxy answers instead
 * - `{status, json}`         the same, in JSON of its own
 * - `{cut: n}`               the connection dies after n bytes of the body, which are kept
 * - `{stall: n}`             nothing is read beyond n bytes, and nothing said
 * - `{lose: true}`           the work is done, the answer never arrives
 * - `{forget: true}`         the upload is gone
 */
export class TusServer {
  /** @type {Map<string, Stored>} */
  uploads = new Map();
  /** @type {Fault[]} */
  faults = [];
  /** @type {string[]} */
  log = [];
  /** @type {Set<string>} */
  known = new Set();
  /** tells `body` when some of one has come */
  stirred = new EventTarget();
  /** bytes of all bodies */
  bodies = 0;
  /** @type {Promise<void> | null} while set, no chunk is answered */
  gate = null;
  base = new URL("http://127.0.0.1/");
  #server = createServer((request, response) => this.#serve(request, response));

  async start() {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    const { port } = /** @type {import("node:net").AddressInfo} */ (this.#server.address());
    this.base.port = String(port);
    return this;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Wait for a request. @param {string} line how it ends in the log */
  async asked(line) {
    while (!this.log.some((logged) => logged.endsWith(line))) await once(this.#server, "request");
  }

  /** What was stored under a name. @param {string} name */
  named(name) {
    return [...this.uploads.values()].filter((upload) => upload.metadata.filename === name);
  }

  /** @param {Request} request @param {Response} response */
  async #serve(request, response) {
    const { method = "", url } = request;
    this.log.push(`${method} ${url}`);
    const index = this.faults.findIndex(({ on = method }) => on === method);
    const fault = (index < 0 ? null : this.faults.splice(index, 1)[0]) ?? {};
    const answer = await this.#answer(request, response, fault);
    if (this.gate) await this.gate;
    if (!answer || response.destroyed) return;
    const [status, headers = {}, body = ""] = answer;
    response.writeHead(status, headers).end(method === "HEAD" ? "" : body);
  }

  /**
   * @param {Request} request
   * @param {Response} response
   * @param {Fault} fault
   * @returns {Promise<Answer | null>}
   */
  async #answer(request, response, fault) {
    const { method = "", url = "", headers } = request;
    if (url === "/api/known") return this.#isKnown(request);
    if (fault.status) {
      await drain(request);
      return refusal(fault);
    }
    const id = url.split("/").pop() ?? "";
    if (fault.forget) this.uploads.delete(id);
    const upload = method === "POST" ? this.#create(headers) : this.uploads.get(id);
    if (!upload) {
      await drain(request);
      return refusal({ status: 404, code: "not_found" });
    }
    if (method === "DELETE") return this.#terminate(id, upload);
    const problem = await this.#take(request, response, upload, fault);
    if (problem === "dead") return null;
    if (problem) return refusal(problem);
    if (fault.lose) {
      response.destroy();
      return null;
    }
    return this.#report(method, upload);
  }

  /** @param {string} method @param {Stored} upload @returns {Answer} */
  #report(method, upload) {
    const status = { POST: 201, PATCH: 204 }[method] ?? 200;
    /** @type {Record<string, string>} */
    const more = { "Upload-Offset": String(upload.bytes.length), ...TUS };
    if (method === "POST") more.Location = `http://elsewhere.invalid/files/${upload.id}`;
    return [status, more];
  }

  /** @param {string} id @param {Stored} upload @returns {Answer} */
  #terminate(id, upload) {
    if (upload.bytes.length === upload.length)
      return refusal({ status: 409, code: "state_conflict" });
    this.uploads.delete(id);
    return [204, TUS];
  }

  /** @param {import("node:http").IncomingHttpHeaders} headers */
  #create(headers) {
    const metadata = Object.fromEntries(
      String(headers["upload-metadata"])
        .split(",")
        .map((pair) => {
          const [key, value = ""] = pair.split(" ");
          return [key ?? "", Buffer.from(value, "base64").toString()];
        }),
    );
    for (const upload of this.uploads.values())
      if (metadata.item && upload.metadata.item === metadata.item) return upload;
    const id = createHash("sha1").update(`${Math.random()}`).digest("hex");
    const length = Number(headers["upload-length"]);
    const upload = { id, metadata, length, bytes: Buffer.alloc(0) };
    this.uploads.set(id, upload);
    return upload;
  }

  /**
   * Read a body into the upload.
   *
   * @param {Request} request
   * @param {Response} response
   * @param {Stored} upload
   * @param {Fault} fault
   * @returns {Promise<Fault | "dead" | null>}
   */
  async #take(request, response, upload, { cut, stall }) {
    const { method, headers } = request;
    const start = method === "POST" ? 0 : Number(headers["upload-offset"]);
    if (method === "HEAD") return null;
    if (start !== upload.bytes.length) {
      await drain(request);
      // A creation of what exists: its offset is the answer, its body is not taken.
      return method === "POST" ? null : { status: 409, code: "offset_conflict" };
    }
    const end = upload.bytes.length + (cut ?? stall ?? Number.POSITIVE_INFINITY);
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      this.bodies += piece.length;
      this.stirred.dispatchEvent(new Event("body"));
      upload.bytes = Buffer.concat([upload.bytes, piece.subarray(0, end - upload.bytes.length)]);
      if (upload.bytes.length < end) continue;
      if (cut !== undefined) response.destroy();
      return "dead";
    }
    return verify(upload);
  }

  /** @param {Request} request @returns {Promise<Answer>} */
  async #isKnown(request) {
    const { checksums } = JSON.parse((await drain(request)).toString());
    const known = checksums.filter((/** @type {string} */ checksum) => this.known.has(checksum));
    return [200, { "Content-Type": "application/json" }, JSON.stringify({ known })];
  }
}

/** @param {Stored} upload */
function verify(upload) {
  const { sha1 } = upload.metadata;
  if (upload.bytes.length < upload.length || !sha1) return null;
  if (createHash("sha1").update(upload.bytes).digest("hex") === sha1) return null;
  upload.bytes = Buffer.alloc(0);
  return { status: 460, code: "checksum_mismatch" };
}

/** @param {Fault} fault @returns {Answer} */
function refusal({ status = 500, code = "internal", after, html, json }) {
  /** @type {Record<string, string>} */
  const retry = after === undefined ? {} : { "Retry-After": String(after) };
  if (html) return [status, { "Content-Type": "text/html", ...retry }, "<h1>No</h1>"];
  if (json) return [status, { "Content-Type": "application/json", ...retry }, JSON.stringify(json)];
  return [
    status,
    { ...TUS, "Content-Type": "application/json", ...retry },
    JSON.stringify({ code }),
  ];
}

/** @param {Request} request */
async function drain(request) {
  /** @type {Buffer[]} */
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}
