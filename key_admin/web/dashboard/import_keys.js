// @ts-check
/** Import keys, ours or those of another product; each has its own result. */

import { api, Problem } from "../shared/api.js";
import { Check, FormProblem, Select, TextArea, fieldProblem, useForm } from "../shared/form.js";
import { html, useId, useState } from "../shared/html.js";
import { linkTo } from "../shared/router.js";
import { counted } from "../shared/words.js";

const AT_ONCE = 100; // items a request takes
/** @type {[string, string][]} */
const FORMATS = [
  ["tollgate", "Tollgate: as POST /keys takes them"],
  ["tyk", "Tyk: session objects"],
  ["usage_plans", "API Gateway usage plans"],
  ["kong", "Kong: consumers with their credentials"],
  ["unkey", "Unkey"],
];
const EXAMPLE = '[{"name": "acme-mobile", "policies": ["gold"],\n  "jwt_data": {"algorithm": "HS256", "secret": "…"}}]';

export function ImportView() {
  const form = useForm({ format: "tollgate", items: "", dry_run: false });
  const [results, setResults] = useState(/** @type {any[] | null} */ (null));
  const file = useId();
  const read = async (/** @type {any} */ event) => {
    const chosen = event.target.files[0];
    if (chosen) form.set("items", await chosen.text());
  };
  const run = form.submit(async (once) => {
    const items = itemsOf(form.values.items);
    const { format, dry_run } = form.values;
    const all = [];
    setResults(null);
    for (let at = 0; at < items.length; at += AT_ONCE) {
      const body = { ...(format === "tollgate" ? {} : { format }), ...(dry_run ? { dry_run } : {}), items: items.slice(at, at + AT_ONCE) };
      all.push(...(await api.post("keys/import", body, { once: `${once}-${at}` })).body.items);
      setResults([...all]);
    }
    if (!dry_run) form.replace(form.values);
  });
  return html`
    <nav class="crumbs" aria-label="Where you are"><a href="#/keys">Keys</a></nav>
    <h1>Import keys</h1>
    <form class="panel stack" onSubmit=${run} novalidate>
      <div class="grid">
        <${Select} form=${form} name="format" label="Format" options=${FORMATS} />
        <div class="field"><label for=${file}>From a file</label><input id=${file} type="file" accept=".json,.jsonl,application/json" onChange=${read} /></div>
      </div>
      <${TextArea} form=${form} name="items" rows="10" class="mono" label="Keys" placeholder=${EXAMPLE} spellcheck=${false} help="A JSON array, or one object a line. They are sent 100 at a time; each is made or refused by itself." />
      <${Check} form=${form} name="dry_run" label="Only try" help="Says what would happen, and makes nothing." />
      <${FormProblem} form=${form} />
      <div class="actions"><button type="submit" aria-busy=${form.isBusy ? "true" : null} disabled=${form.isBusy || !form.values.items.trim()}>${form.values.dry_run ? "Try" : "Import"}</button></div>
    </form>
    <div role="status">${results && html`<${Results} results=${results} isTrial=${form.values.dry_run} />`}</div>
  `;
}

/** A JSON array, one object, or an object a line. @param {string} text @returns {any[]} */
function itemsOf(text) {
  try {
    const whole = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    const lines = text.split("\n").filter((line) => line.trim());
    return lines.map((line, at) => {
      try {
        return JSON.parse(line);
      } catch (error) {
        if (lines.length > 1 && line.trim().startsWith("{")) throw fieldProblem("items", `line ${at + 1} is not JSON`);
        throw fieldProblem("items", `is neither a JSON array nor an object a line: ${/** @type {Error} */ (error).message}`);
      }
    });
  }
}

/** @param {{ results: any[], isTrial: boolean }} props */
function Results({ results, isTrial }) {
  const made = results.filter((result) => result.key).length;
  const saved = results.filter((result) => result.key?.key_id).map(({ key }) => ({ name: key.name, key_hash: key.key_hash, key_id: key.key_id, ...(key.jwt_data ?? {}) }));
  const href = `data:application/json,${encodeURIComponent(JSON.stringify(saved, null, 2))}`;
  return html`<section class="panel">
    <h2>${counted(made, "key")} ${isTrial ? "would be made" : "made"}, ${results.length - made} refused</h2>
    ${!isTrial && saved.length > 0 && html`<p><a class="button" href=${href} download="imported-keys.json">Download ids and generated material</a> They are shown this once.</p>`}
    <ol class="results">
      ${results.map(
        (result, at) =>
          html`<li key=${at} class=${result.key ? "ok" : "failed"}>
            ${result.key ? html`<a href=${isTrial ? null : linkTo(["keys", result.key.key_hash])}>${result.key.name}</a>` : html`<strong>${result.status}</strong> ${saidOf(result.problem)}`}
            ${(result.notes ?? []).map((/** @type {any} */ note) => html`<small key=${note.field}><code>${note.field}</code> ${note.message}</small>`)}
          </li>`,
      )}
    </ol>
  </section>`;
}

/** @param {any} problem */
function saidOf(problem) {
  const errors = problem.errors ?? [];
  return errors.length ? errors.map((/** @type {any} */ error) => html`<span key=${error.field}><code>${error.field}</code> ${error.message} </span>`) : new Problem(problem).message;
}
