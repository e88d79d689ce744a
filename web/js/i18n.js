import { Format } from "./format.js";

/**
 * @typedef {typeof import("./lang/en.js").default} Dictionary
 * @typedef {Exclude<keyof Dictionary, "errors">} Key
 * @typedef {Record<string, string | number>} Values
 */

/** What the page speaks, each in its own name. */
export const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  fr: "Français",
  es: "Español",
  it: "Italiano",
  nl: "Nederlands",
  pl: "Polski",
  "pt-BR": "Português",
};

/**
 * Codes a guest is told the same about. Where Immich's trash lies is the host's affair.
 *
 * @type {Record<string, keyof Dictionary["errors"]>}
 */
const SAID_AS = {
  bad_metadata: "bad_request",
  unsupported_checksum: "bad_request",
  foreign_origin: "bad_request",
  method_not_allowed: "bad_request",
  wrong_content_type: "bad_request",
  state_conflict: "not_found",
  offset_conflict: "internal",
  too_many_connections: "rate_limited",
  too_many_uploads: "rate_limited",
  unavailable: "rate_limited",
  immich: "immich_refused",
  damaged: "checksum_mismatch",
  immich_unavailable: "immich_hold",
  immich_permission: "immich_key",
  immich_trouble: "immich_hold",
  immich_unverified: "immich_hold",
  immich_in_trash: "immich_hold",
};

const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);

/**
 * The first wish that can be met: exactly, or by the same language of another country.
 *
 * @param {readonly (string | null)[]} wishes BCP 47, best first
 * @returns {string} one of LANGUAGES
 */
export function pickLanguage(wishes) {
  const known = Object.keys(LANGUAGES);
  for (const wish of wishes) {
    const asked = wish?.toLowerCase();
    const base = asked?.split("-")[0];
    const found =
      known.find((lang) => lang.toLowerCase() === asked) ??
      known.find((lang) => lang.split("-")[0] === base);
    if (found) return found;
  }
  return "en";
}

/** @param {string} lang @returns {"ltr" | "rtl"} */
export function direction(lang) {
  return RIGHT_TO_LEFT.has(lang.split("-")[0] ?? "") ? "rtl" : "ltr";
}

/** The page's words in one language at a time; tells `change` when it is another one. */
export class Words extends EventTarget {
  /** @type {Dictionary} */
  #dictionary;
  #load;
  lang;
  format;

  /**
   * @param {string} lang
   * @param {Dictionary} dictionary
   * @param {(lang: string) => Promise<Dictionary>} load
   */
  constructor(lang, dictionary, load) {
    super();
    this.#dictionary = dictionary;
    this.#load = load;
    this.lang = lang;
    this.format = new Format(lang);
  }

  /**
   * @param {string} lang one of LANGUAGES
   * @param {(lang: string) => Promise<Dictionary>} [load]
   */
  static async in(lang, load = loadDictionary) {
    return new Words(lang, await load(lang), load);
  }

  /** @param {string} lang one of LANGUAGES */
  async use(lang) {
    this.#dictionary = await this.#load(lang);
    this.lang = lang;
    this.format = new Format(lang);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {Key} key
   * @param {Values} [values] `n` chooses the plural; numbers are written as the language does
   */
  say(key, values = {}) {
    const text = this.#dictionary[key];
    return this.#fill(
      typeof text === "string" ? text : this.#plural(text, Number(values.n)),
      values,
    );
  }

  /** Why, for a guest. @param {string | null} code the server's, or the page's own */
  reason(code) {
    /** @type {Record<string, string>} */
    const errors = this.#dictionary.errors;
    const key = SAID_AS[code ?? ""] ?? code ?? "internal";
    return errors[key] ?? this.#dictionary.errors.internal;
  }

  /**
   * Writes the words of elements that name theirs: `data-say` as text, `data-label` for those who
   * cannot see the icon.
   *
   * @param {ParentNode} root
   */
  write(root) {
    for (const element of root.querySelectorAll("[data-say]")) {
      element.textContent = this.say(/** @type {Key} */ (element.getAttribute("data-say")));
    }
    for (const element of root.querySelectorAll("[data-label]")) {
      const key = /** @type {Key} */ (element.getAttribute("data-label"));
      element.setAttribute("aria-label", this.say(key));
    }
  }

  /**
   * @param {Partial<Record<Intl.LDMLPluralRule, string>> & {other: string}} forms
   * @param {number} n
   */
  #plural(forms, n) {
    return forms[this.format.category(n)] ?? forms.other;
  }

  /** @param {string} text @param {Values} values */
  #fill(text, values) {
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name] ?? "";
      return typeof value === "number" ? this.format.count(value) : value;
    });
  }
}

/** @param {string} lang @returns {Promise<Dictionary>} */
async function loadDictionary(lang) {
  return (await import(`./lang/${lang}.js`)).default;
}
