/** @import {DoorWords} from "./door.js" */
import { ask } from "./ask.js";
import { element } from "./stage.js";

const SECOND = 1000; // ms

const HEARD = new Set(["password_wrong", "password_required", "rate_limited", "cookies"]);

/**
 * The form for the password of a link.
 *
 * All guests of a link share its password, so browsers are asked not to store it, and it may be
 * shown. It is hidden again before it is sent, because browsers remember what was typed as text.
 *
 * Dispatches `open` when the password was right, and `gone` when the link does not exist any more.
 */
export class Unlock extends EventTarget {
  #words;
  #field;
  #busy = false;
  /** @type {string | null} why the last attempt failed */
  #code = null;
  #until = 0; // ms since 1970: no attempt before
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;

  /** @param {DoorWords} words */
  constructor(words) {
    super();
    this.#words = words;
    /** @type {HTMLInputElement} */
    this.#field = element("#password");
    words.addEventListener("change", () => this.#write());
    element("#reveal").addEventListener("click", () => this.#reveal(this.#field.type !== "text"));
    element("#unlock").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      if (!this.#busy && this.#left <= 0) this.#try();
    });
    this.#write();
  }

  /** Focus the field where there is a keyboard, so that the guest can type at once. */
  focus() {
    const typing = matchMedia("(pointer: fine)").matches;
    /** @type {HTMLElement} */ (typing ? this.#field : element("#title")).focus();
  }

  /** @param {string | null} code */
  complain(code) {
    this.#code = code;
    this.#write();
    this.#field.focus();
    this.#field.select();
  }

  get #left() {
    return this.#until - Date.now();
  }

  async #try() {
    this.#reveal(false);
    this.#busy = true;
    this.#code = null;
    this.#write();
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ password: this.#field.value });
    const { code, after } = await ask("api/unlock", { method: "POST", headers, body });
    this.#busy = false;
    if (code === null) this.dispatchEvent(new Event("open"));
    else if (code.startsWith("link_")) this.dispatchEvent(new Event("gone"));
    else this.#refuse(code, after);
  }

  /** @param {string} code @param {number} after ms */
  #refuse(code, after) {
    this.#until = Date.now() + after;
    clearInterval(this.#clock);
    if (after > 0) this.#clock = setInterval(() => this.#tick(), SECOND);
    this.complain(code);
  }

  /** The button counts down; only the end is announced, so that screen readers are not flooded. */
  #tick() {
    if (this.#left <= 0) {
      clearInterval(this.#clock);
      this.#code = null;
      element("#status").textContent = this.#words.say("enterNow");
    }
    this.#write();
  }

  /** @param {boolean} shown */
  #reveal(shown) {
    this.#field.type = shown ? "text" : "password";
    this.#write();
  }

  /** The texts of other codes say that the page keeps trying, which is not so for a password. */
  #reason() {
    if (this.#code === null) return "";
    if (HEARD.has(this.#code)) return this.#words.reason(this.#code);
    return this.#words.say(this.#code === "offline" ? "offline" : "away");
  }

  #write() {
    const say = this.#words.say.bind(this.#words);
    const time = clock(this.#left);
    const enter = element("#enter");
    const waits = this.#left > 0;
    enter.textContent = waits ? say("enterIn", { time }) : say(this.#busy ? "checking" : "enter");
    enter.setAttribute("aria-disabled", String(waits || this.#busy));
    element("#said").textContent = this.#reason();
    this.#field.setAttribute("aria-invalid", String(this.#code === "password_wrong"));
    const reveal = element("#reveal");
    reveal.textContent = say(this.#field.type === "text" ? "hide" : "show");
    reveal.setAttribute("aria-label", `${reveal.textContent}: ${say("password")}`);
  }
}

/** "1:05". @param {number} ms */
export function clock(ms) {
  const seconds = Math.max(0, Math.ceil(ms / SECOND));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
