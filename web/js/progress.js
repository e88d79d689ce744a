// Receives the server's news about the uploads: by WebSocket, or by polling where WebSockets do not
// get through. A lost message does no harm, because each connection starts with a snapshot.

/** @import {Send} from "./http.js" */
/** @import {Uploads} from "./uploads.js" */
import { Backoff } from "./backoff.js";

const CONNECT = 5000; // ms; iOS leaves sockets connecting for ever
const SLOW = 20_000; // ms without a snapshot after which polling begins as well
const SNAPSHOT = 60_000; // ms: after that the server, whose ping was not answered, hangs up too
const PONG = 5000; // ms
const BEAT = 20_000; // ms of silence before a ping
const POLL = 5000; // ms
const GIVE_UP = 3; // failed connections after which polling begins

export class Progress {
  #uploads;
  #session;
  #base;
  #send;
  #cut;
  #recovered;
  #WebSocket;
  #backoff;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} fires when no message arrives */
  #timer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #poller;
  #asking = false;
  #failures = 1; // in a row; 0 after any message

  /**
   * @param {object} parts
   * @param {Uploads} parts.uploads
   * @param {string} parts.session
   * @param {URL} parts.base
   * @param {Send} parts.send
   * @param {() => void} [parts.cut]  called when a working connection is lost
   * @param {() => void} [parts.recovered]  called when a connection works again
   * @param {typeof globalThis.WebSocket} [parts.WebSocket]
   * @param {() => number} [parts.random]
   */
  constructor({
    uploads,
    session,
    base,
    send,
    cut,
    recovered,
    WebSocket = globalThis.WebSocket,
    random,
  }) {
    this.#uploads = uploads;
    this.#session = session;
    this.#base = base;
    this.#send = send;
    this.#cut = cut;
    this.#recovered = recovered;
    this.#WebSocket = WebSocket;
    this.#backoff = new Backoff({ random });
  }

  /** Connect anew: after the page was suspended, a socket may look open but be dead. */
  connect() {
    this.#drop();
    const url = new URL("ws", this.#base);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = this.#open(url);
    if (!socket) return this.#lost();
    this.#socket = socket;
    this.#later(CONNECT, () => this.#lost());
    socket.onopen = () => {
      this.#say({ session: this.#session });
      // A line may be slow, or a proxy may let us connect and nothing through.
      this.#later(SLOW, () => {
        this.#poll(true);
        this.#later(SNAPSHOT - SLOW, () => this.#lost());
      });
    };
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = () => this.#lost();
  }

  /** The network works: do not wait any longer for the next attempt. */
  hurry() {
    if (!this.#socket) this.connect();
  }

  /** @param {URL} url */
  #open(url) {
    try {
      return new this.#WebSocket(url);
    } catch {
      return null; // an extension has disabled it
    }
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** @param {object} message */
  #say(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  #ping() {
    this.#say({ type: "ping" });
    this.#later(PONG, () => this.#lost());
  }

  /** @param {any} message */
  #hear({ type, uploads, upload }) {
    if (this.#failures) this.#recovered?.();
    this.#failures = 0;
    this.#backoff.reset();
    this.#poll(false);
    this.#later(BEAT, () => this.#ping());
    if (type === "snapshot") this.#uploads.apply(uploads);
    if (type === "upload") this.#uploads.apply(upload);
  }

  #lost() {
    this.#drop();
    if (!this.#failures) this.#cut?.();
    if (++this.#failures >= GIVE_UP) this.#poll(true);
    this.#later(this.#backoff.next(), () => this.connect());
  }

  /**
   * @param {number} ms
   * @param {() => void} then
   */
  #later(ms, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  /** @param {boolean} on */
  #poll(on) {
    if (on === Boolean(this.#poller)) return;
    clearInterval(this.#poller);
    this.#poller = on ? setInterval(() => this.#ask(), POLL) : undefined;
  }

  async #ask() {
    if (this.#asking) return; // a second answer would only delay the first
    this.#asking = true;
    try {
      const headers = { "Drop-Session": this.#session };
      const url = new URL("api/uploads", this.#base);
      const { json } = await this.#send({ method: "GET", url, headers });
      // By now a WebSocket may have told more than this answer knows.
      if (this.#poller && json?.uploads) this.#uploads.apply(json.uploads);
    } catch {
      // interrupted; the next poll asks again
    }
    this.#asking = false;
  }
}
