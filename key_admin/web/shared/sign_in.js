// @ts-check
/** The field for a key, as a page of its own and in a dialog where a session ended in the middle of something. */

import { api } from "./api.js";
import { Field, FormProblem, useForm } from "./form.js";
import { html } from "./html.js";

/** @param {{ onDone: () => void, action?: string }} props */
export function SignInForm({ onDone, action = "Sign in" }) {
  const form = useForm({ key: "" }, { warns: false });
  const signIn = form.submit(async () => {
    try {
      await api.post("session", undefined, { isOpen: true, once: "", headers: { Authorization: `Bearer ${form.values.key.trim()}` } });
    } catch (error) {
      const problem = /** @type {any} */ (error);
      if (![401, 403].includes(problem.status)) throw error;
      throw Object.assign(problem, { errors: [{ field: "key", message: problem.detail }] });
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
