// @ts-check
/** The field for a key, as a page of its own and in a dialog where a session ended in the middle of something. */

import { api } from "./api.js";
import { Field, FormProblem, useForm } from "./form.js";
import { html } from "./html.js";

/** @type {Record<number, string>} */
const REFUSALS = {
  401: "This key does not open a session: it is mistyped, disabled, expired or gone.",
  403: "This key works, but has no admin right. Ask for one with a grant on the API `admin`.",
};

/** @param {{ onDone: () => void, action?: string }} props */
export function SignInForm({ onDone, action = "Sign in" }) {
  const form = useForm({ key: "" }, { warns: false });
  const signIn = form.submit(async () => {
    try {
      await api.post("session", undefined, { isOpen: true, once: "", headers: { Authorization: `Bearer ${form.values.key.trim()}` } });
    } catch (error) {
      const refusal = REFUSALS[/** @type {any} */ (error).status];
      if (!refusal) throw error;
      throw Object.assign(/** @type {any} */ (error), { errors: [{ field: "key", message: refusal }] });
    }
    form.replace({ key: "" });
    onDone();
  });
  return html`<form class="stack" onSubmit=${signIn}>
    <${Field} form=${form} name="key" label="Admin key" type="password" autocomplete="off" spellcheck=${false} required autofocus help="It goes to the server once, for a session, and is kept nowhere in this browser." />
    <${FormProblem} form=${form} />
    <button type="submit" aria-busy=${form.isBusy ? "true" : null} disabled=${!form.values.key.trim()}>${action}</button>
  </form>`;
}
