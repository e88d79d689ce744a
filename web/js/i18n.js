import { Format } from "./format.js";

/**
 * @typedef {typeof import("./lang/en.js").default} Dictionary
 * @typedef {Said<Dictionary>} Key
 * @typedef {Record<string, string | number>} Values
 */

/**
 * The keys of a dictionary's texts, except `errors`.
 *
 * @template D
 * @typedef {Extract<Exclude<keyof D, "errors">, string>} Said
 */

/** @typedef {Partial<Record<Intl.LDMLPluralRule, string>> & {other: string}} Forms one per plural of `n` */

/** The page's languages, each by its own name. */
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
 * Codes that share the text of another code, unless a dictionary has a text of their own. Details
 * such as Immich's trash only concern the host.
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
  spool_missing: "rate_limited",
  immich: "immich_refused",
  damaged: "checksum_mismatch",
  immich_unavailable: "immich_hold",
  immich_permission: "immich_key",
  immich_failing: "immich_hold",
  immich_trouble: "immich_hold",
  immich_unverified: "immich_hold",
  immich_in_trash: "immich_hold",
  link_unknown: "link_revoked",
  link_expired: "link_revoked",
  link_needed: "link_revoked",
  link_no_upload: "link_revoked",
  password_wrong: "password_required",
};

/**
 * The first wish that is available, exactly or as the same language of another country.
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

/**
 * A page's texts in the current language; dispatches `change` when that changes.
 *
 * @template {{errors: {internal: string}}} [D=Dictionary]
 */
export class Words extends EventTarget {
  /** @type {D} */
  #dictionary;
  #load;
  lang;
  format;

  /**
   * @param {string} lang
   * @param {D} dictionary
   * @param {(lang: string) => Promise<D>} load
   */
  constructor(lang, dictionary, load) {
    super();
    this.#dictionary = dictionary;
    this.#load = load;
    this.lang = lang;
    this.format = new Format(lang);
  }

  /** @param {string} lang one of LANGUAGES */
  async use(lang) {
    this.#dictionary = await this.#load(lang);
    this.lang = lang;
    this.format = new Format(lang);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {Said<D>} key
   * @param {Values} [values] `n` selects the plural form; numbers are formatted for the language
   */
  say(key, values = {}) {
    const text = /** @type {string | Forms} */ (this.#dictionary[key]);
    return this.#fill(
      typeof text === "string" ? text : this.#plural(text, Number(values.n)),
      values,
    );
  }

  /** The reason as guests read it. @param {string | null} code the server's, or the page's own */
  reason(code) {
    /** @type {Record<string, string>} */
    const errors = this.#dictionary.errors;
    const key = code ?? "";
    return errors[key] ?? errors[SAID_AS[key] ?? ""] ?? this.#dictionary.errors.internal;
  }

  /**
   * Write the texts of elements that name their key: `data-say` as content, `data-label` as a label
   * for guests who cannot see the icon.
   *
   * @param {ParentNode} root
   */
  write(root) {
    for (const element of root.querySelectorAll("[data-say]")) {
      element.textContent = this.say(/** @type {Said<D>} */ (element.getAttribute("data-say")));
    }
    for (const element of root.querySelectorAll("[data-label]")) {
      const key = /** @type {Said<D>} */ (element.getAttribute("data-label"));
      element.setAttribute("aria-label", this.say(key));
    }
  }

  /**
   * @param {Forms} forms
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
