// The languages: the same keys, the same places to fill, every plural; and every server code has words.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { direction, LANGUAGES, pickLanguage, Words } from "../../web/js/i18n.js";
import english from "../../web/js/lang/en.js";

const ROOT = new URL("../../", import.meta.url);
const LANGS = Object.keys(LANGUAGES);

/** @param {string} text */
const places = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

/**
 * Every text with its path; a plural form stands for its key.
 *
 * @param {{errors: Record<string, string>}} dictionary
 * @returns {[string, string | Record<string, string>][]}
 */
const texts = ({ errors, ...rest }) =>
  Object.entries(rest).concat(
    Object.entries(errors).map(([code, text]) => [`errors.${code}`, text]),
  );

for (const lang of LANGS) {
  test(`${lang} has every key of English, in its order`, async () => {
    const { default: words } = await import(`../../web/js/lang/${lang}.js`);
    assert.deepEqual(
      texts(words).map(([key]) => key),
      texts(english).map(([key]) => key),
    );
  });

  test(`${lang} fills the same places and has every plural it needs`, async () => {
    const { default: words } = await import(`../../web/js/lang/${lang}.js`);
    const original = new Map(texts(english));
    const rules = new Intl.PluralRules(lang);
    const needed = new Set(Array.from({ length: 300 }, (_, n) => rules.select(n)).concat("other"));
    for (const [key, text] of texts(words)) {
      const reference = original.get(key);
      const sample = typeof reference === "string" ? reference : reference?.other;
      if (typeof text === "string") {
        assert.equal(typeof reference, "string", key);
        assert.deepEqual(places(text), places(sample ?? ""), key);
      } else {
        for (const category of needed) {
          assert.deepEqual(
            places(text[category] ?? ""),
            places(sample ?? ""),
            `${key} ${category}`,
          );
        }
      }
    }
  });
}

test("every code of the server and of the page has its own words", async () => {
  const source = await readFile(new URL("immich_drop/errors.py", ROOT), "utf8");
  const codes = [...source.matchAll(/code(?:: ClassVar\[str\])? = "(\w+)"/g)].map(
    ([, code]) => code,
  );
  assert.ok(codes.length > 25);
  const words = await Words.in("en");
  const known = new Set(["internal", "offset_conflict"]);
  for (const code of [...codes, "unreadable", "network"]) {
    if (!known.has(code ?? "")) {
      assert.notEqual(words.reason(code ?? null), english.errors.internal, code);
    }
  }
});

test("every word the document asks for is there", async () => {
  const html = await readFile(new URL("web/index.html", ROOT), "utf8");
  const asked = [...html.matchAll(/data-(?:say|label)="(\w+)"/g)].map(([, key]) => key ?? "");
  assert.ok(asked.length > 30);
  assert.deepEqual(
    asked.filter((key) => !Object.hasOwn(english, key)),
    [],
  );
});

test("no word is carried that nobody says", async () => {
  const files = (await readdir(new URL("web/js/", ROOT))).filter((name) => name.endsWith(".js"));
  const sources = await Promise.all(
    ["index.html", ...files.map((name) => `js/${name}`)].map((name) =>
      readFile(new URL(`web/${name}`, ROOT), "utf8"),
    ),
  );
  const all = sources.join("\n");
  const unsaid = Object.keys(english).filter(
    (key) => !all.includes(`"${key}"`) && key !== "errors",
  );
  assert.deepEqual(unsaid, []);
});

test("the language is the first wish that can be met", () => {
  assert.equal(pickLanguage([null, "de-AT", "en"]), "de");
  assert.equal(pickLanguage(["pt-PT"]), "pt-BR");
  assert.equal(pickLanguage(["zz", "PL"]), "pl");
  assert.equal(pickLanguage(["zz"]), "en");
  assert.equal(pickLanguage([]), "en");
});

test("Arabic and Hebrew would run from right to left", () => {
  assert.equal(direction("ar-EG"), "rtl");
  assert.equal(direction("pt-BR"), "ltr");
});

test("a plural is chosen by the rules of the language, its number written as there", async () => {
  const polish = await Words.in("pl");
  assert.equal(polish.say("photos", { n: 1 }), "1 zdjęcie");
  assert.equal(polish.say("photos", { n: 3 }), "3 zdjęcia");
  assert.equal(polish.say("photos", { n: 12 }), "12 zdjęć");
  const german = await Words.in("de");
  assert.equal(german.say("photos", { n: 1200 }), "1.200 Fotos");
});

test("a name is never taken for a place to fill", async () => {
  const words = await Words.in("en");
  assert.equal(words.say("cancelItem", { name: "{n}$&.jpg" }), "Cancel {n}$&.jpg");
});

test("another language tells everyone", async () => {
  const words = await Words.in("en");
  let told = 0;
  words.addEventListener("change", () => {
    told += 1;
  });
  await words.use("de");
  assert.equal(told, 1);
  assert.equal(words.say("thanks"), "Danke!");
});
