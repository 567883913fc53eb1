// @ts-check
/** New material for a key, and how long the old one goes on working. */

import { api } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { Field, fieldProblem, FormProblem, numberOf, Select, useForm } from "../shared/form.js";
import { html } from "../shared/html.js";
import { leaveTo, linkTo } from "../shared/router.js";
import { toast } from "../shared/toast.js";
import { Material, materialToBody, NEW_MATERIAL, privateIn, rulesToForm, TokenRules } from "./key_form.js";
import { showOnce } from "./shown_once.js";

/** @typedef {import("../shared/form.js").Form} Form */
/** @type {[string, string][]} */
const GRACES = [
  ["0", "no time: it ends now"],
  ["3600", "an hour"],
  ["86400", "a day"],
  ["604800", "a week"],
  ["2592000", "30 days"],
  ["other", "other"],
];

/** @param {{ form: Form, label: string }} props */
function Grace({ form, label }) {
  return html`<${Select} form=${form} name=${form.values.grace === "other" ? "grace" : "grace_seconds"} of="grace" label=${label} options=${GRACES} help="In that time both work, and the key's page shows whether the old one is still used." />
    ${form.values.grace === "other" && html`<${Field} form=${form} name="grace_seconds" of="other" label="Seconds" inputmode="numeric" />`}`;
}

/** @param {any} values */
function graceOf({ grace, other }) {
  return numberOf(grace === "other" ? other : grace);
}

/** @param {{ record: any, version: string, isOpaque: boolean, onClose: () => void, reload: () => Promise<void> }} props */
export function Rotate({ record, version, isOpaque, onClose, reload }) {
  const material = { ...NEW_MATERIAL, kind: isOpaque ? "opaque" : "generate", generate_algorithm: record.credentials[0]?.algorithm ?? "HS256" };
  const form = useForm({ material, rules: isOpaque ? null : rulesToForm(record.token_rules), grace: "86400", other: "" });
  const rotate = form.submit(async (once) => {
    const { material: chosen, rules } = form.values;
    const kept = privateIn(chosen);
    if (kept) throw fieldProblem(chosen.kind === "secret" ? "jwt_data.secret" : "jwt_data.public_key", kept);
    const grace = { grace_seconds: graceOf(form.values) };
    const { body } = isOpaque
      ? await api.post(`keys/${record.key_hash}/replace`, grace, { once, version })
      : await api.post(`keys/${record.key_hash}/rotate`, { jwt_data: materialToBody(chosen, rules), ...grace }, { once, version });
    if (isOpaque || chosen.kind === "generate") {
      showOnce(body, { action: isOpaque ? "replaced" : "rotated", secret: "", encoding: "text" });
      leaveTo(linkTo(["keys", record.key_hash, "shown"]));
      return;
    }
    form.replace(form.values);
    toast(`${record.name} was rotated.`);
    onClose();
    await reload();
  });
  return html`<${Dialog} title=${isOpaque ? "Replace this key's id" : "Rotate this key"} onClose=${onClose} class="wide">
    <form class="stack" onSubmit=${rotate} novalidate>
      <p>${isOpaque ? "The key stays what it is: its limits, counters, rights and history. It gets a new id, shown once." : "The key stays what it is; its tokens are signed with new material."}</p>
      ${!isOpaque && html`<${Material} form=${form} withOpaque=${false} /><${TokenRules} form=${form} />`}
      <${Grace} form=${form} label="The old one works for" />
      <${FormProblem} form=${form} />
      <div class="actions">
        <button type="submit" aria-busy=${form.isBusy ? "true" : null} disabled=${form.isBusy}>${isOpaque ? "Replace" : "Rotate"}</button>
        <button type="button" class="secondary" onClick=${onClose}>Cancel</button>
      </div>
    </form>
  <//>`;
}

/** `rotate` without material changes the grace, of an opaque key too. @param {{ record: any, onClose: () => void, reload: () => Promise<void> }} props */
export function EndGrace({ record, onClose, reload }) {
  const form = useForm({ grace: "0", other: "" }, { warns: false });
  const change = form.submit(async (once) => {
    await api.post(`keys/${record.key_hash}/rotate`, { grace_seconds: graceOf(form.values) }, { once });
    toast("The grace was changed.");
    onClose();
    await reload();
  });
  return html`<${Dialog} title="How long does the old one still work?" onClose=${onClose}>
    <form class="stack" onSubmit=${change} novalidate>
      <${Grace} form=${form} label="From now on" />
      <${FormProblem} form=${form} />
      <div class="actions"><button type="submit">Change</button><button type="button" class="secondary" onClick=${onClose}>Cancel</button></div>
    </form>
  <//>`;
}
