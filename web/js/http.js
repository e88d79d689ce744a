// One HTTP exchange. Uses XMLHttpRequest, because fetch does not report the progress of an upload.

const IDLE = 20_000; // Firefox may be silent for 15 s on a healthy link
const QUESTION = 10_000; // lost on each pooled connection that died unnoticed
const ANSWER = 60_000; // a buffering proxy forwards a body only when it has all of it

/** A network failure: interrupted, stalled, or answered by something that is not our server. */
export class Lost extends Error {}

/**
 * @typedef {object} Exchange
 * @property {string} method
 * @property {string | URL} url
 * @property {Record<string, string>} [headers]
 * @property {XMLHttpRequestBodyInit | null} [body]
 * @property {(loaded: number) => void} [onprogress]  bytes of the body handed to the network
 * @property {AbortSignal} [signal]
 */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {(name: string) => string | null} header
 * @property {any} json  the parsed body, or null if it is not JSON
 */

/** @typedef {(exchange: Exchange) => Promise<Answer>} Send */

/**
 * @param {object} [options]
 * @param {typeof globalThis.XMLHttpRequest} [options.XHR]
 * @param {number} [options.idle]    ms without a sign of life
 * @param {number} [options.question]  ms for the answer to a request without a body
 * @param {number} [options.answer]  ms for the answer once the whole body is handed over
 * @returns {Send}
 */
export function sender({
  XHR = globalThis.XMLHttpRequest,
  idle = IDLE,
  question = QUESTION,
  answer = ANSWER,
} = {}) {
  return ({ method, url, headers = {}, body = null, onprogress, signal }) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new Lost("aborted"));
      const xhr = new XHR();
      const started = performance.now();
      // `timeout` counts from the start; moving it with each progress makes it an idle timeout.
      const grant = (/** @type {number} */ ms) => {
        xhr.timeout = performance.now() - started + ms;
      };
      const abort = () => xhr.abort();
      xhr.open(method, String(url));
      for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
      grant(body ? idle : question);
      xhr.onprogress = () => grant(idle);
      if (body) {
        xhr.upload.onprogress = ({ loaded, total }) => {
          grant(loaded < total ? idle : answer);
          onprogress?.(loaded);
        };
      }
      // Safari fires `abort` for connections that it drops itself, so error, abort and timeout are
      // treated alike.
      xhr.onloadend = () => {
        signal?.removeEventListener("abort", abort);
        if (xhr.status) resolve(read(xhr));
        else reject(new Lost("no answer"));
      };
      signal?.addEventListener("abort", abort);
      xhr.send(body);
    });
}

/**
 * @param {XMLHttpRequest} xhr
 * @returns {Answer}
 */
function read(xhr) {
  let json = null;
  try {
    json = JSON.parse(xhr.responseText);
  } catch {
    // not JSON: no body, or a proxy's page
  }
  return { status: xhr.status, header: (name) => xhr.getResponseHeader(name), json };
}
