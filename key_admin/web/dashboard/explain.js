// @ts-check
/** Why was this refused? What the authorizer would decide now, step by step, counted nowhere. */

import { api } from "../shared/api.js";
import { Field, fieldProblem, FormProblem, Select, TextArea, useForm } from "../shared/form.js";
import { html, useState } from "../shared/html.js";
import { Icon } from "../shared/icons.js";
import { linkTo } from "../shared/router.js";
import { Time } from "../shared/time.js";
import { grantInWords, grouped, rateInWords } from "../shared/words.js";
import { useChoices } from "./choices.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/** What to do about a refusal, by its reason. */
/** @type {Record<string, string>} */
const ADVICE = {
  missing_credential: "Nothing was sent where the API expects the credential. Which header does its definition name?",
  malformed_token: "It is neither a token nor a key id that this API takes, or names no key: a token needs kid.",
  unsupported_algorithm: "Sign by the algorithm that the key's page shows.",
  invalid_claims: "Compare exp, iat, iss, aud and typ of the token with the rules on the key's page.",
  invalid_signature: "It was signed with other material than the key has, or changed on its way. After a rotation: is the old one still used?",
  token_expired: "The client's token is too old. Does it sign a new one in time, and is its clock right?",
  token_not_yet_valid: "The client's clock is ahead. A leeway of some seconds helps.",
  unknown_key: "No key has this id. Was it deleted, or mistyped in kid?",
  key_disabled: "Enable the key on its page.",
  key_expired: "Extend the key.",
  source_not_allowed: "The caller's address is not in the key's or policy's list.",
  policy_unavailable: "A policy of the key is missing or inactive.",
  not_granted: "No grant covers this method and path on this API.",
  rate_limited: "Wait, or raise the limit. A reset sets the counter to zero.",
  quota_exhausted: "Wait for the next period, or raise or reset the quota.",
};

/** @param {{ place: import("../shared/router.js").Place }} props */
export function ExplainView({ place }) {
  return html`
    <h1>Why was this refused?</h1>
    <p class="lead">Paste the credential of a request, and say what it called. You see what the authorizer decides now, and at which step. Nothing is counted or stored.</p>
    <div class="panel"><${ExplainForm} keyHash=${place.query.key_hash ?? ""} asksCredential=${!place.query.key_hash} /></div>
  `;
}

/** @param {{ keyHash?: string, asksCredential?: boolean, api?: string }} props */
export function ExplainForm({ keyHash = "", asksCredential = false, api: ofApi = "" }) {
  const form = useForm({ credential: "", api: ofApi, method: "GET", path: "/", source: "" }, { warns: false });
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const { apiIds } = useChoices();
  const explain = form.submit(async () => {
    const { credential, api: named, method, path, source } = form.values;
    if (asksCredential && !credential.trim()) throw fieldProblem("credential", "paste what the client sent");
    const where = named.includes("/") ? { gateway: named.trim() } : { api: named.trim() };
    const who = asksCredential ? { credential: credential.trim().replace(/^bearer\s+/i, "") } : { key_hash: keyHash };
    setAnswer((await api.post("explain", { ...who, ...where, method, path: path.trim(), ...(source ? { source: source.trim() } : {}) }, { once: "" })).body);
  });
  return html`<form class="stack" onSubmit=${explain} novalidate>
      ${asksCredential && html`<${TextArea} form=${form} name="credential" rows="3" class="mono" label="Credential" placeholder="eyJ…" spellcheck=${false} autocomplete="off" help="The token or key as the client sent it, with or without Bearer." />`}
      <div class="grid">
        <${Select} form=${form} name="method" label="Method" options=${METHODS.map((name) => [name, name])} />
        <${Field} form=${form} name="path" label="Path" class="wide" spellcheck=${false} />
        <${Field} form=${form} name="api" label="API" list="explain-apis" help="A definition, or <api id>/<stage>" />
        <${Field} form=${form} name="source" label="From address" placeholder="any" />
        <datalist id="explain-apis">${apiIds.map((id) => html`<option key=${id} value=${id} />`)}</datalist>
      </div>
      <${FormProblem} form=${form} />
      <div class="actions"><button type="submit" aria-busy=${form.isBusy ? "true" : null}>Explain</button></div>
    </form>
    <div role="status">${answer && html`<${Decision} answer=${answer} />`}</div>`;
}

/** @param {{ answer: any }} props */
function Decision({ answer }) {
  const isAllowed = answer.decision === "allow" || answer.decision === "allowed";
  return html`<div class="decision ${isAllowed ? "allowed" : "refused"}">
    <p class="verdict"><${Icon} name=${isAllowed ? "check" : "cross"} /> <strong>${isAllowed ? "It would be allowed" : "It would be refused"}</strong>${!isAllowed && html`: <code>${answer.reason}</code> (${answer.status})`}</p>
    ${!isAllowed && ADVICE[answer.reason] && html`<p>${ADVICE[answer.reason]}</p>`}
    <ol class="explained">
      ${answer.steps.map((/** @type {any} */ step) => html`<li key=${step.step} value=${step.step} class=${step.ok ? "ok" : "failed"}><${Icon} name=${step.ok ? "check" : "cross"} /><span class="out-of-sight">${step.ok ? "passed" : "failed"}: </span><span><strong>${step.name}</strong>${step.detail && html`<small>${step.detail}</small>`}</span></li>`)}
    </ol>
    <p class="facts">
      ${answer.key_hash && html`<span>key <a href=${linkTo(["keys", answer.key_hash])}>${answer.key_hash.slice(0, 10)}…</a></span>`}
      ${answer.grant && html`<span>by: ${grantInWords(answer.grant)}</span>`}
      ${(answer.limits ?? []).map((/** @type {any} */ limit, /** @type {number} */ at) => html`<span key=${at}>${rateInWords(limit)}: ${grouped(limit.remaining)} left${limit.resets_at && html`, resets <${Time} at=${limit.resets_at} />`}</span>`)}
    </p>
  </div>`;
}
