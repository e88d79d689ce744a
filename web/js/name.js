/** @import {Config} from "./types.js" */
import { recall, remember } from "./storage.js";

const KEY = "guest"; // the same for all drops: it is the same person

/**
 * Asks for the guest's name, if the host wants to know it. If it is required, the field cannot be
 * emptied again once a name was given.
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
      field.blur(); // so that the phone hides its keyboard
    else field.focus();
  });
  field.addEventListener("input", () => field.setAttribute("aria-invalid", "false"));
}
