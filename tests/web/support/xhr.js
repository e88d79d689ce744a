// XMLHttpRequest over node's http, as far as the page uses it: real sockets, real cuts, and a
// `timeout` that may be moved while the request is on its way.

import { Agent, request } from "node:http";

const PIECE = 64 * 1024;

/** New connections for each request: a cut one must not be handed out again. */
const agent = new Agent({ keepAlive: false });

class NodeRequest {
  /** @type {{onprogress: ((event: {loaded: number, total: number}) => void) | null}} */
  upload = { onprogress: null };
  /** @type {(() => void) | null} */
  onprogress = null;
  /** @type {(() => void) | null} */
  onloadend = null;
  status = 0;
  responseText = "";
  method = "";
  url = "";
  #timeout = 0;
  #ended = false;
  /** @type {Record<string, string>} */
  #headers = {};
  /** @type {number | undefined} */
  #started;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {import("node:http").ClientRequest | undefined} */
  #request;
  /** @type {import("node:http").IncomingMessage | undefined} */
  #response;

  /** @param {string} method @param {string} url */
  open(method, url) {
    this.method = method;
    this.url = url;
  }

  /** @param {string} name @param {string} value */
  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  /** @param {string} name */
  getResponseHeader(name) {
    return this.#response?.headers[name.toLowerCase()] ?? null;
  }

  get timeout() {
    return this.#timeout;
  }

  set timeout(ms) {
    this.#timeout = ms;
    clearTimeout(this.#timer);
    if (!ms || this.#started === undefined) return;
    const left = ms - (performance.now() - this.#started);
    this.#timer = setTimeout(() => this.abort(), left);
  }

  /** @param {Blob | ArrayBuffer | string | null} body */
  async send(body) {
    this.#started = performance.now();
    this.timeout = this.#timeout;
    const bytes = await bytesOf(body).catch(() => this.#end());
    if (this.#ended) return;
    const headers = { ...this.#headers, ...(bytes && { "Content-Length": bytes.length }) };
    this.#request = request(this.url, { method: this.method, headers, agent });
    this.#request.on("error", () => this.#end());
    this.#request.on("response", (response) => this.#receive(response));
    this.#write(bytes ?? Buffer.alloc(0), 0);
  }

  abort() {
    this.#request?.destroy();
    this.#end();
  }

  /** @param {Buffer} bytes @param {number} at */
  #write(bytes, at) {
    if (this.#ended || this.#request?.destroyed) return;
    if (at >= bytes.length) {
      this.#request?.end();
      return;
    }
    const next = Math.min(bytes.length, at + PIECE);
    this.#request?.write(bytes.subarray(at, next), (error) => {
      if (error || this.#ended) return;
      this.upload.onprogress?.({ loaded: next, total: bytes.length });
      this.#write(bytes, next);
    });
  }

  /** @param {import("node:http").IncomingMessage} response */
  #receive(response) {
    let text = "";
    response.setEncoding("utf8").on("data", (piece) => {
      text += piece;
      this.onprogress?.();
    });
    response.on("error", () => this.#end());
    response.on("end", () => {
      this.#response = response;
      this.status = response.statusCode ?? 0;
      this.responseText = text;
      this.#end();
    });
  }

  #end() {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    this.#ended = true;
    this.onloadend?.();
  }
}

/** As much of the browser's as http.js uses. */
export const XHR = /** @type {typeof XMLHttpRequest} */ (/** @type {unknown} */ (NodeRequest));

/** @param {Blob | ArrayBuffer | string | null} body */
async function bytesOf(body) {
  if (body === null) return null;
  if (typeof body === "string") return Buffer.from(body);
  return Buffer.from(body instanceof Blob ? await body.arrayBuffer() : body);
}
