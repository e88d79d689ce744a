// Shown instead of the upload page while this guest is not let in: says why, and what to do.

/** @import {Said, Words} from "./i18n.js" */
import { ask } from "./ask.js";
import { offerLanguages, speak } from "./language.js";
import { element } from "./stage.js";
import { recall, remember } from "./storage.js";
import { Unlock } from "./unlock.js";

/** @typedef {typeof import("./lang/door/en.js").default} DoorDictionary */
/** @typedef {Words<DoorDictionary>} DoorWords */
/** @typedef {{title: Said<DoorDictionary>, icon: string, passes?: boolean}} Face */

const AGAIN_AFTER = 10_000; // ms
const ENTERED = "entered";
const TOO_SOON = 5000; // ms
const SEEN = 600; // ms for which "checking" is shown, so that the guest notices it

/** @type {Face} any other code */
const AWAY = { title: "away", icon: "waiting", passes: true };

/** @type {Record<string, Face>} by code; `passes`: may end by itself, so the page checks again */
const FACES = {
  link_needed: { title: "needed", icon: "link" },
  link_unknown: { title: "unknown", icon: "link" },
  link_expired: { title: "expired", icon: "ended" },
  link_revoked: { title: "revoked", icon: "ended" },
  link_no_upload: { title: "showsOnly", icon: "shows" },
  password_required: { title: "locked", icon: "lock" },
  offline: { title: "offline", icon: "offline", passes: true },
};

open();

async function open() {
  const words = await speak(async (lang) => (await import(`./lang/door/${lang}.js`)).default);
  offerLanguages(element("#language"), words);
  const door = new Door(words);
  await door.look();
  addEventListener("online", () => door.look());
  document.addEventListener("visibilitychange", () => document.hidden || door.look());
}

class Door {
  #words;
  #unlock;
  /** @type {string | null} code of the face that is shown */
  #code = null;
  #asking = false;
  #timer = 0;

  /** @param {DoorWords} words */
  constructor(words) {
    this.#words = words;
    this.#unlock = new Unlock(words);
    this.#unlock.addEventListener("open", () => this.#opened());
    this.#unlock.addEventListener("gone", () => this.look());
    words.addEventListener("change", () => this.#write());
    element("#again button").addEventListener("click", () => this.#again());
  }

  /** Check whether the guest is let in now. */
  async look() {
    if (this.#asking) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    const { code, after } = await ask("api/config");
    this.#asking = false;
    if (code === null && mayEnter()) return enter();
    if ((code ?? "internal") !== this.#code) this.#show(code ?? "internal");
    if (!this.#face.passes) return;
    this.#timer = window.setTimeout(() => this.look(), Math.max(after, AGAIN_AFTER));
  }

  get #face() {
    return FACES[this.#code ?? ""] ?? AWAY;
  }

  /** @param {string} code */
  #show(code) {
    this.#code = code;
    const locked = code === "password_required";
    element("#unlock").hidden = !locked;
    element("#again").hidden = locked;
    element("#icon").setAttribute("href", `#i-${this.#face.icon}`);
    document.body.dataset.phase = this.#face.icon;
    this.#write();
    if (locked) this.#unlock.focus();
    else element("#title").focus();
  }

  #write() {
    const title = this.#words.say(this.#face.title);
    const known = this.#code !== null && Object.hasOwn(FACES, this.#code);
    document.title = title;
    element("#title").textContent = title;
    element("#message").textContent = this.#words.reason(known ? this.#code : "internal");
    element("#again button").textContent = this.#words.say("tryAgain");
  }

  /** The guest asked to check again; show that it happens, even if nothing has changed. */
  async #again() {
    element("#again button").textContent = this.#words.say("checking");
    element("#status").textContent = "";
    await Promise.all([this.look(), new Promise((seen) => setTimeout(seen, SEEN))]);
    this.#write();
    element("#status").textContent = document.title;
  }

  async #opened() {
    const { code } = await ask("api/config");
    if (code === null) enter();
    else if (code === "password_required") this.#unlock.complain("cookies");
    else await this.look();
  }
}

/**
 * Go to the upload page. This is a new navigation, not a reload: if another site led here, a reload
 * would again be sent without the link's SameSite=Strict cookie.
 */
function enter() {
  location.replace(location.href.split("#", 1)[0] ?? "");
}

/** Prevents a loop: the server may let the guest in while a cache still serves this page. */
function mayEnter() {
  const tab = () => sessionStorage;
  const now = Date.now();
  if (now - Number(recall(ENTERED, tab)) < TOO_SOON) return false;
  remember(ENTERED, String(now), tab);
  return true;
}
