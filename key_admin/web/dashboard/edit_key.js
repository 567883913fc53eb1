// @ts-check
/** Change a key: only what was changed is sent, and nobody's change is lost. */

import { api } from "../shared/api.js";
import { changedMembers, Conflict } from "../shared/conflict.js";
import { FormProblem, useForm } from "../shared/form.js";
import { html, useState } from "../shared/html.js";
import { Loaded, problemOf, useLoad } from "../shared/load.js";
import { leaveTo, linkTo } from "../shared/router.js";
import { toast } from "../shared/toast.js";
import { useChoices } from "./choices.js";
import { CurlPreview } from "./curl.js";
import { Allowed, HowOften, keyToBody, keyToForm, Section, UntilWhen, Who } from "./key_form.js";

/** @param {{ place: import("../shared/router.js").Place }} props */
export function EditKeyView({ place }) {
  const keyHash = place.parts[1];
  const load = useLoad((signal) => api.get(`keys/${keyHash}`, { signal }), [keyHash]);
  const gone = html`It was deleted, or the link is mistyped. <a href="#/keys">All keys</a>`;
  return html`<nav class="crumbs" aria-label="Where you are"><a href="#/keys">Keys</a>${load.data && html` / <a href=${linkTo(["keys", keyHash])}>${load.data.body.name}</a>`}</nav>
    <${Loaded} load=${load} what="key" rows=${8} gone=${gone} isPage=${true}>
      ${(/** @type {import("../shared/api.js").Answer} */ answer) => html`<${EditForm} answer=${answer} />`}
    <//>`;
}

/** @param {{ answer: import("../shared/api.js").Answer }} props */
function EditForm({ answer }) {
  const record = answer.body;
  const form = useForm(keyToForm(record));
  const choices = useChoices();
  const [base, setBase] = useState({ body: keyToBody(keyToForm(record)), version: answer.version });
  const [theirs, setTheirs] = useState(/** @type {{ body: any, version: string | null } | null} */ (null));
  const path = `keys/${record.key_hash}`;
  const mine = keyToBody(form.values);
  const patch = mergePatch(base.body, mine);

  const send = async (/** @type {any} */ wanted, /** @type {any} */ before, /** @type {string | null} */ version) => {
    try {
      await api.patch(path, mergePatch(before, wanted), { version });
    } catch (error) {
      if (problemOf(error).status !== 412) throw error;
      const latest = await api.get(path);
      setTheirs({ body: keyToBody(keyToForm(latest.body)), version: latest.version });
      return;
    }
    toast(`${wanted.name} was changed.`);
    leaveTo(linkTo(["keys", record.key_hash]));
  };
  const save = form.submit(() => send(mine, base.body, base.version));
  const resolve = async (/** @type {any} */ merged) => {
    if (!theirs) return;
    setTheirs(null);
    setBase(theirs);
    try {
      await send(merged, theirs.body, theirs.version);
    } catch (error) {
      form.setProblem(problemOf(error));
    }
  };
  return html`
    <h1>Edit ${record.name}</h1>
    <form class="with-preview" onSubmit=${save} novalidate>
      <div class="sections">
        <${Section} number=${1} title="Who" help="Whose key it is, and how you find it again."><${Who} form=${form} /><//>
        <${Section} number=${2} title="What it may call" help="Policies, grants of its own, or both."><${Allowed} form=${form} choices=${choices} /><//>
        <${Section} number=${3} title="How often" help="Counters are kept where name, API and scope stay."><${HowOften} form=${form} /><//>
        <${Section} number=${4} title="Until when, from where" help="Its material is not edited but rotated."><${UntilWhen} form=${form} withDays=${false} /><//>
        <${FormProblem} form=${form} />
        <div class="actions sticky">
          <button type="submit" aria-busy=${form.isBusy ? "true" : null} disabled=${form.isBusy || Object.keys(patch).length === 0}>Save</button>
          <a class="button secondary" href=${linkTo(["keys", record.key_hash])}>Cancel</a>
          <span class="faint">${Object.keys(patch).length ? `Changes ${Object.keys(patch).join(", ")}` : "Nothing changed yet"}</span>
        </div>
      </div>
      <aside aria-label="Preview"><${CurlPreview} method="PATCH" path=${path} body=${patch} version=${base.version} /></aside>
    </form>
    ${theirs && html`<${Conflict} base=${base.body} mine=${mine} theirs=${theirs.body} onResolve=${resolve} onClose=${() => setTheirs(null)} />`}
  `;
}

/** RFC 7396: what turns one record into the other; what is gone is null. @param {any} before @param {any} after */
function mergePatch(before, after) {
  return Object.fromEntries(changedMembers(before, after).map((name) => [name, memberPatch(before[name], after[name])]));
}

/** @param {any} before @param {any} after @returns {any} */
function memberPatch(before, after) {
  if (after === null || after === "") return null;
  if (Array.isArray(after) || typeof after !== "object") return after;
  return Object.fromEntries(changedMembers(before ?? {}, after).map((name) => [name, after[name] ?? null]));
}
