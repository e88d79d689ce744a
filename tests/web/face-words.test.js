// The languages: the same keys, the same places to fill, every plural; and every server code has words.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { LANGUAGES, pickLanguage } from "../../web/js/i18n.js";
import english from "../../web/js/lang/en.js";
import { closure } from "./support/modules.js";
import { ofDoor, ofPage, wordsIn } from "./support/words.js";

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

for (const { whose, load } of [
  { whose: "page", load: ofPage },
  { whose: "door", load: ofDoor },
]) {
  for (const lang of LANGS) {
    test(`${lang} has every key of English, in its order: ${whose}`, async () => {
      assert.deepEqual(
        texts(await load(lang)).map(([key]) => key),
        texts(await load("en")).map(([key]) => key),
      );
    });

    test(`${lang} fills the same places and has every plural it needs: ${whose}`, async () => {
      const original = new Map(texts(await load("en")));
      const rules = new Intl.PluralRules(lang);
      const needed = new Set(
        Array.from({ length: 300 }, (_, n) => rules.select(n)).concat("other"),
      );
      for (const [key, text] of texts(await load(lang))) {
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
}

test("every code of the server and of the page has its own words, and no other has", async () => {
  const source = await readFile(new URL("immich_drop/errors.py", ROOT), "utf8");
  const codes = [...source.matchAll(/code(?:: ClassVar\[str\])? = "(\w+)"/g)].map(
    ([, code]) => code,
  );
  assert.ok(codes.length > 25);
  const words = await wordsIn("en");
  const known = new Set(["internal", "offset_conflict"]);
  const all = new Set([...codes, "unreadable", "link_hold"]);
  for (const code of all) {
    if (!known.has(code ?? "")) {
      assert.notEqual(words.reason(code ?? null), english.errors.internal, code);
    }
  }
  assert.deepEqual(
    Object.keys(english.errors).filter((code) => !all.has(code)),
    [],
  );
});

for (const { html, entry, load, some } of [
  { html: "index.html", entry: "js/main.js", load: ofPage, some: 30 },
  { html: "door.html", entry: "js/door.js", load: ofDoor, some: 1 },
]) {
  test(`every word ${html} asks for is there`, async () => {
    const words = await load("en");
    const source = await readFile(new URL(`web/${html}`, ROOT), "utf8");
    const asked = [...source.matchAll(/data-(?:say|label)="(\w+)"/g)].map(([, key]) => key ?? "");
    assert.ok(asked.length > some);
    assert.deepEqual(
      asked.filter((key) => !Object.hasOwn(words, key)),
      [],
    );
  });

  test(`no word is carried that nobody says: ${html}`, async () => {
    const names = [html, ...(await closure(entry))];
    const sources = await Promise.all(
      names.map((name) => readFile(new URL(`web/${name}`, ROOT), "utf8")),
    );
    const all = sources.join("\n");
    const unsaid = Object.keys(await load("en")).filter(
      (key) => !all.includes(`"${key}"`) && key !== "errors",
    );
    assert.deepEqual(unsaid, []);
  });
}

for (const lang of LANGS) {
  test(`${lang} calls the way to plain files the same wherever it stands`, async () => {
    const { browse, browseMore, help1Text } = await ofPage(lang);
    assert.ok(browse.startsWith(browseMore), browse);
    assert.ok(help1Text.includes(browseMore), help1Text);
  });
}

test("no line begins with what French writes after a space", async () => {
  for (const load of [ofPage, ofDoor]) {
    assert.doesNotMatch(JSON.stringify(await load("fr")), / [:;?!»]|« /);
  }
});

test("the door has its own words for whatever a link can be", async () => {
  const source = await readFile(new URL("immich_drop/errors.py", ROOT), "utf8");
  const codes = [...source.matchAll(/code = "((?:link|password)_\w+)"/g)].map(([, code]) => code);
  const { errors } = await ofDoor("en");
  assert.ok(codes.length > 5);
  assert.deepEqual(
    codes.filter((code) => !Object.hasOwn(errors, code ?? "")),
    [],
  );
});

test("the language is the first wish that can be met", () => {
  assert.equal(pickLanguage([null, "de-AT", "en"]), "de");
  assert.equal(pickLanguage(["pt-PT"]), "pt-BR");
  assert.equal(pickLanguage(["zz", "PL"]), "pl");
  assert.equal(pickLanguage(["zz"]), "en");
  assert.equal(pickLanguage([]), "en");
});

test("a plural is chosen by the rules of the language, its number written as there", async () => {
  const polish = await wordsIn("pl");
  assert.equal(polish.say("photos", { n: 1 }), "1 zdjęcie");
  assert.equal(polish.say("photos", { n: 3 }), "3 zdjęcia");
  assert.equal(polish.say("photos", { n: 12 }), "12 zdjęć");
  const german = await wordsIn("de");
  assert.equal(german.say("photos", { n: 1200 }), "1.200 Fotos");
});

test("a name is never taken for a place to fill", async () => {
  const words = await wordsIn("en");
  assert.equal(words.say("cancelItem", { name: "{n}$&.jpg" }), "Cancel {n}$&.jpg");
});

test("another language tells everyone", async () => {
  const words = await wordsIn("en");
  let told = 0;
  words.addEventListener("change", () => {
    told += 1;
  });
  await words.use("de");
  assert.equal(told, 1);
  assert.equal(words.say("thanks"), "Danke!");
});
