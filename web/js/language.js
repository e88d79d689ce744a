import { direction, LANGUAGES, pickLanguage, Words } from "./i18n.js";

const KEY = "language";

/**
 * The words in the guest's language: asked for in the address, chosen before, or the phone's.
 *
 * @returns {Promise<Words>}
 */
export async function speak() {
  const asked = new URLSearchParams(location.search).get("lang");
  const words = await Words.in(pickLanguage([asked, saved(), ...navigator.languages]));
  const write = () => {
    document.documentElement.lang = words.lang;
    document.documentElement.dir = direction(words.lang);
    words.write(document);
  };
  words.addEventListener("change", write);
  write();
  return words;
}

/** @param {HTMLSelectElement} select @param {Words} words */
export function offerLanguages(select, words) {
  for (const [lang, name] of Object.entries(LANGUAGES)) {
    const option = new Option(name, lang, false, lang === words.lang);
    option.lang = lang;
    select.append(option);
  }
  select.addEventListener("change", async () => {
    try {
      await words.use(select.value);
      save(select.value);
    } catch {
      select.value = words.lang; // no network
    }
  });
}

function saved() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is blocked
  }
}

/** @param {string} lang */
function save(lang) {
  try {
    localStorage.setItem(KEY, lang);
  } catch {
    // storage is blocked: it holds until the page is closed
  }
}
