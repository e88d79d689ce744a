/** @import {Config} from "./types.js" */
import { recall, remember } from "./storage.js";

const KEY = "guest"; // one person, whichever drops they bring something to

/**
 * Asks who brings the files, if the host wants to know. Once a name is given that has to be, the
 * field cannot be left empty any more.
 *
 * @param {HTMLFormElement} form
 * @param {Config["guestName"]} wish
 * @param {(name: string) => void} introduce
 */
export function askName(form, wish, introduce) {
  if (wish === "off") return form.remove();
  const field = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  field.required = wish === "required";
  if (field.required) form.querySelector("small")?.remove();
  let name = recall(KEY) ?? "";
  const take = () => {
    name = field.value.trim() || (field.required ? name : "");
    field.value = name;
    remember(KEY, name);
    introduce(name);
  };
  field.value = name;
  introduce(name);
  field.addEventListener("change", take);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
    const valid = field.checkValidity();
    field.setAttribute("aria-invalid", String(!valid));
    if (valid)
      field.blur(); // and the phone puts its keyboard away
    else field.focus();
  });
  field.addEventListener("input", () => field.setAttribute("aria-invalid", "false"));
}
