// @ts-check
/** Add a key: five sections, and beside them the request that they make. */

import { api } from "../shared/api.js";
import { fieldProblem, FormProblem, useForm, Field } from "../shared/form.js";
import { html } from "../shared/html.js";
import { leaveTo, linkTo } from "../shared/router.js";
import { useChoices } from "./choices.js";
import { CurlPreview } from "./curl.js";
import { Allowed, HowOften, Material, NEW_KEY, newKeyBody, privateIn, Section, TokenRules, UntilWhen, Who } from "./key_form.js";
import { showOnce } from "./shown_once.js";

export function AddKeyView() {
  const form = useForm(NEW_KEY);
  const choices = useChoices();
  const { material } = form.values;
  const field = material.kind === "secret" ? "jwt_data.secret" : "jwt_data.public_key";
  const body = newKeyBody(form.values);
  const kept = privateIn(material);
  const create = form.submit(async (once) => {
    if (kept) throw fieldProblem(field, kept);
    const { body: key } = await api.post("keys", body, { once });
    showOnce(key, { action: "created", secret: material.kind === "secret" ? material.secret : "", encoding: material.encoding });
    leaveTo(linkTo(["keys", key.key_hash, "shown"]));
  });
  return html`
    <nav class="crumbs" aria-label="Where you are"><a href="#/keys">Keys</a></nav>
    <h1>Add key</h1>
    <form class="with-preview" onSubmit=${create} novalidate>
      <div class="sections">
        <${Section} number=${1} title="Who" help="Whose key it is, and how you find it again."><${Who} form=${form} /><//>
        <${Section} number=${2} title="How it proves itself" help="The holder signs each token with their secret or private key; the key id goes into its header (kid).">
          <${Material} form=${form} />
          ${material.kind !== "opaque" && html`<${Field} form=${form} name="key_id" label="Key id" placeholder="made for you" help="What the client puts into kid. It is shown once, and stored only as a hash." autocomplete="off" spellcheck=${false} />`}
        <//>
        <${Section} number=${3} title="What it may call" help="Policies, grants of its own, or both. Without any it may call nothing."><${Allowed} form=${form} choices=${choices} /><//>
        <${Section} number=${4} title="How often" help="Limits of this key alone. Where a policy brings limits, those replace them."><${HowOften} form=${form} /><//>
        <${Section} number=${5} title="Until when, from where" help="When it ends by itself, and where it may be used from.">
          <${UntilWhen} form=${form} />
          ${material.kind !== "opaque" && html`<${TokenRules} form=${form} />`}
        <//>
        <${FormProblem} form=${form} />
        <div class="actions sticky">
          <button type="submit" aria-busy=${form.isBusy ? "true" : null} disabled=${form.isBusy}>Add key</button>
          <a class="button secondary" href="#/keys">Cancel</a>
        </div>
      </div>
      <aside aria-label="Preview">${kept ? html`<p class="recognized bad">${kept}</p>` : html`<${CurlPreview} method="POST" path="keys" body=${body} />`}</aside>
    </form>
  `;
}
