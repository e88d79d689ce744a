// The browser half of tus 1.0.0: create, ask for the offset, append, terminate. This module decides
// what an answer means; transfer.js decides what to do about it.

/** @import {Answer, Exchange, Send} from "./http.js" */
import { Lost } from "./http.js";
import { isShut } from "./item.js";

/** @typedef {Pick<Exchange, "onprogress" | "signal">} Watch */

/**
 * What to do about a refusal:
 *
 * - `network`   ask for the offset and go on
 * - `wait`      the same, not before `after`
 * - `conflict`  our offset is not the server's
 * - `gone`      the server does not know the upload (any more)
 * - `shrink`    a proxy on the way does not let bodies of this size through
 * - `mismatch`  the bytes are not those of the checksum; the server starts over
 * - `refused`   do not try again
 *
 * @typedef {"network" | "wait" | "conflict" | "gone" | "shrink" | "mismatch" | "refused"} Kind
 */

/** @type {Record<number, Kind>} */
const KINDS = {
  401: "gone",
  404: "gone",
  409: "conflict",
  410: "gone",
  423: "wait",
  429: "wait",
  460: "mismatch",
  503: "wait",
  507: "wait",
};

const PATIENCE = 300; // s, the longest Retry-After we believe

export class Refusal extends Error {
  /**
   * @param {Kind} kind
   * @param {string | null} [code]  the server's error code
   * @param {number} [after]        ms to wait at least
   */
  constructor(kind, code = null, after = 0) {
    super(code ?? kind);
    this.kind = kind;
    this.code = code;
    this.after = after;
  }
}

export class Tus {
  #endpoint;
  #send;

  /** @param {{endpoint: string | URL, send: Send}} options */
  constructor({ endpoint, send }) {
    this.#endpoint = new URL(endpoint);
    this.#send = send;
  }

  /**
   * @param {number} length
   * @param {Record<string, string>} metadata  empty values are left out
   * @param {XMLHttpRequestBodyInit | null} body  the first bytes (creation-with-upload)
   * @param {Watch} [watch]
   * @returns {Promise<{id: string, offset: number}>}
   */
  async create(length, metadata, body, watch) {
    const headers = {
      "Upload-Length": String(length),
      "Upload-Metadata": encode(metadata),
      ...(body && { "Content-Type": "application/offset+octet-stream" }),
    };
    const answer = await this.#ask({
      method: "POST",
      url: this.#endpoint,
      headers,
      body,
      ...watch,
    });
    // Use only the id: behind a proxy the URL may have another host or scheme than the page.
    const id = answer.header("Location")?.split("/").pop();
    if (!id) throw new Refusal("network");
    return { id, offset: answer.header("Upload-Offset") ? offsetOf(answer, length) : 0 };
  }

  /**
   * @param {string} id
   * @param {number} length
   * @param {Watch} [watch]
   */
  async offset(id, length, watch) {
    return offsetOf(await this.#ask({ method: "HEAD", url: this.#url(id), ...watch }), length);
  }

  /**
   * @param {string} id
   * @param {number} offset
   * @param {number} length
   * @param {XMLHttpRequestBodyInit} body
   * @param {Watch} [watch]
   */
  async append(id, offset, length, body, watch) {
    const headers = {
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": String(offset),
    };
    const url = this.#url(id);
    return offsetOf(await this.#ask({ method: "PATCH", url, headers, body, ...watch }), length);
  }

  /** @param {string} id */
  async terminate(id) {
    await this.#ask({ method: "DELETE", url: this.#url(id) });
  }

  /** @param {string} id */
  #url(id) {
    return new URL(id, this.#endpoint);
  }

  /** @param {Exchange} exchange */
  async #ask({ headers, ...rest }) {
    const answer = await this.#exchange({
      headers: { "Tus-Resumable": "1.0.0", ...headers },
      ...rest,
    });
    if (answer.status >= 200 && answer.status < 300 && ours(answer)) return answer;
    throw refusal(answer, Boolean(rest.body));
  }

  /** @param {Exchange} exchange */
  async #exchange(exchange) {
    try {
      return await this.#send(exchange);
    } catch (error) {
      throw error instanceof Lost ? new Refusal("network") : error;
    }
  }
}

/**
 * Whether an answer is our server's. Captive portals and proxies may answer with any status, and in
 * JSON with a `code`, but only our server sends tus headers.
 *
 * @param {Answer} answer
 */
function ours(answer) {
  return answer.header("Tus-Resumable") !== null;
}

/**
 * @param {Answer} answer
 * @param {boolean} loaded  the request had a body
 */
function refusal(answer, loaded) {
  const after = 1000 * Math.min(PATIENCE, Number(answer.header("Retry-After")) || 0);
  const { status } = answer;
  if (!ours(answer))
    return new Refusal(status === 413 && loaded ? "shrink" : "network", null, after);
  const code = answer.json?.code ?? null;
  const other = status >= 400 && status < 500 ? "refused" : "network";
  const kind = isShut(code) ? "refused" : (KINDS[status] ?? other);
  return new Refusal(kind, code, after);
}

/**
 * @param {Answer} answer
 * @param {number} length
 */
function offsetOf(answer, length) {
  const value = answer.header("Upload-Offset") ?? "";
  const offset = Number(value);
  if (!/^\d+$/.test(value) || offset > length) throw new Refusal("network");
  return offset;
}

/** @param {Record<string, string>} metadata */
function encode(metadata) {
  return Object.entries(metadata)
    .filter(([, value]) => value)
    .map(([key, value]) => `${key} ${base64(value)}`)
    .join(",");
}

/** @param {string} text */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
