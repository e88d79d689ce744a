// XMLHttpRequest over node's http, as far as the page uses it: real sockets, real cuts, and a
// `timeout` that may be moved while the request is on its way.

import { Agent, request } from "node:http";

const PIECE = 64 * 1024;

export class XHR {
  upload = { onprogress: null };
  onloadend = null;
  status = 0;
  responseText = "";
  #headers = {};
  #timeout = 0;

  open(method, url) {
    this.method = method;
    this.url = url;
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getResponseHeader(name) {
    return this.response?.headers[name.toLowerCase()] ?? null;
  }

  get timeout() {
    return this.#timeout;
  }

  set timeout(ms) {
    this.#timeout = ms;
    clearTimeout(this.timer);
    const left = ms - (performance.now() - (this.started ?? performance.now()));
    if (ms && this.started !== undefined) this.timer = setTimeout(() => this.#cut(), left);
  }

  async send(body) {
    this.started = performance.now();
    this.timeout = this.#timeout;
    const bytes = await bytesOf(body);
    if (this.ended) return;
    const headers = { ...this.#headers, ...(bytes && { "Content-Length": bytes.length }) };
    this.request = request(this.url, { method: this.method, headers, agent: XHR.agent });
    this.request.on("error", () => this.#end());
    this.request.on("response", (response) => this.#receive(response));
    this.#write(bytes ?? Buffer.alloc(0), 0);
  }

  abort() {
    this.#cut();
  }

  #write(bytes, at) {
    if (this.ended || this.request.destroyed) return;
    if (at >= bytes.length) return this.request.end();
    const next = Math.min(bytes.length, at + PIECE);
    this.request.write(bytes.subarray(at, next), (error) => {
      if (error || this.ended) return;
      this.upload.onprogress?.({ loaded: next, total: bytes.length });
      this.#write(bytes, next);
    });
  }

  #receive(response) {
    let text = "";
    response.setEncoding("utf8").on("data", (piece) => {
      text += piece;
    });
    response.on("error", () => this.#end());
    response.on("end", () => {
      this.response = response;
      this.status = response.statusCode;
      this.responseText = text;
      this.#end();
    });
  }

  #cut() {
    this.request?.destroy();
    this.#end();
  }

  #end() {
    clearTimeout(this.timer);
    if (this.ended) return;
    this.ended = true;
    this.onloadend?.();
  }
}

/** New connections for each request: a cut one must not be handed out again. */
XHR.agent = new Agent({ keepAlive: false });

async function bytesOf(body) {
  if (body === null || body === undefined) return null;
  return Buffer.from(body instanceof Blob ? await body.arrayBuffer() : body);
}
