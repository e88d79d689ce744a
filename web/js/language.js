import { LANGUAGES, pickLanguage, Words } from "./i18n.js";
import { recall, remember } from "./storage.js";

const KEY = "language";

/**
 * The texts in the guest's language: the one in the URL, the one chosen before, or the phone's.
 *
 * @template {{errors: {internal: string}}} D
 * @param {(lang: string) => Promise<D>} load
 * @returns {Promise<Words<D>>}
 */
export async function speak(load) {
  const asked = new URLSearchParams(location.search).get("lang");
  const lang = pickLanguage([asked, recall(KEY), ...navigator.languages]);
  const words = new Words(lang, await load(lang), load);
  const write = () => {
    document.documentElement.lang = words.lang;
    words.write(document);
  };
  words.addEventListener("change", write);
  write();
  return words;
}

/**
 * @template {{errors: {internal: string}}} D
 * @param {HTMLSelectElement} select
 * @param {Words<D>} words
 */
export function offerLanguages(select, words) {
  for (const [lang, name] of Object.entries(LANGUAGES)) {
    const option = new Option(name, lang, false, lang === words.lang);
    option.lang = lang;
    select.append(option);
  }
  select.addEventListener("change", async () => {
    try {
      await words.use(select.value);
      remember(KEY, select.value);
    } catch {
      select.value = words.lang; // no network
    }
  });
}
