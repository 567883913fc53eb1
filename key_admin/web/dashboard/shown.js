// @ts-check
/** Shown once: the key id and what was generated, a first token in five languages, and a call that works. */

import { Copy } from "../shared/copy.js";
import { ask } from "../shared/dialog.js";
import { LANGUAGES, programOf, settingsOf } from "../shared/first_token.js";
import { html, useCallback, useEffect, useState } from "../shared/html.js";
import { leaveTo, linkTo, useLeaveGuard } from "../shared/router.js";
import { toast } from "../shared/toast.js";
import { forgetShown, takeShown } from "./shown_once.js";

/** @typedef {import("./shown_once.js").Shown} Shown */

const NOT_SAVED = {
  title: "Did you save it?",
  detail: "It is not shown again. Without it, the key has to be rotated or replaced.",
  stay: "Stay",
  go: "It is saved, leave",
};

/** @param {{ place: import("../shared/router.js").Place }} props */
export function ShownView({ place }) {
  const keyHash = place.parts[1];
  const [shown] = useState(() => takeShown(keyHash));
  const [isSaved, setSaved] = useState(false);
  useLeaveGuard(shown !== null && !isSaved, useCallback(() => ask(NOT_SAVED), []));
  useEffect(() => forgetShown, []);
  if (!shown) {
    return html`<section class="note"><h1>This was shown once</h1><p>Key ids and generated material are stored nowhere, so they cannot be shown again. <a href=${linkTo(["keys", keyHash])}>The key</a> can be rotated or replaced.</p></section>`;
  }
  const { key } = shown;
  const saved = savedOf(shown);
  const download = () => {
    saveFile(`${fileName(key.name)}.json`, JSON.stringify(saved, null, 2));
    setSaved(true);
  };
  return html`
    <nav class="crumbs" aria-label="Where you are"><a href="#/keys">Keys</a> / <a href=${linkTo(["keys", keyHash])}>${key.name}</a></nav>
    <h1>${key.name} was ${shown.action}</h1>
    <section class="once" aria-label="Shown once">
      <p><strong>Save this now.</strong> It is shown this once; what we keep cannot be turned back into it.</p>
      <dl class="material">
        ${key.key_id && html`<${Piece} term=${key.credentials.length && key.credentials[0].algorithm ? "Key id" : "Key"} value=${key.key_id} />`}
        ${key.jwt_data?.secret && html`<${Piece} term="Secret (base64url)" value=${key.jwt_data.secret} />`}
        ${key.jwt_data?.private_key && html`<${Piece} term="Private key" value=${key.jwt_data.private_key} />`}
        ${key.jwt_data?.public_key && html`<${Piece} term="Public key" value=${key.jwt_data.public_key} />`}
      </dl>
      <div class="actions">
        <button type="button" onClick=${download}>Download as a file</button>
        <label class="inline"><input type="checkbox" checked=${isSaved} onChange=${() => setSaved(!isSaved)} /> I have saved it</label>
        <button type="button" class="secondary" disabled=${!isSaved} onClick=${() => leaveTo(linkTo(["keys", keyHash]))}>Go to the key</button>
      </div>
    </section>
    <${FirstCall} shown=${shown} />
  `;
}

/** @param {{ term: string, value: string }} props */
function Piece({ term, value }) {
  return html`<div><dt>${term}</dt><dd><pre tabindex="0">${value}</pre><${Copy} value=${value} what=${term.toLowerCase()} class="secondary small" label="Copy" /></dd></div>`;
}

/** @param {Shown} shown */
function savedOf({ key }) {
  return { name: key.name, key_hash: key.key_hash, ...(key.key_id ? { key_id: key.key_id } : {}), ...(key.jwt_data ?? {}) };
}

/** @param {{ shown: Shown }} props */
function FirstCall({ shown }) {
  const { key, secret, encoding } = shown;
  const [language, setLanguage] = useState(LANGUAGES[0].name);
  const algorithm = key.credentials[0]?.algorithm;
  if (!algorithm) {
    return html`<section class="panel"><h2>First call</h2><p>The key itself is the credential.</p><${Code} text=${`curl -i "$API/hello" -H 'Authorization: Bearer ${key.key_id}'`} what="call" /></section>`;
  }
  const material = { algorithm, keyId: key.key_id ?? "<key id>", secret: key.jwt_data?.secret ?? secret, isEncoded: Boolean(key.jwt_data?.secret) || encoding === "base64url", privateKey: key.jwt_data?.private_key };
  const chosen = LANGUAGES.find(({ name }) => name === language) ?? LANGUAGES[0];
  return html`<section class="panel">
    <h2>First token, first call</h2>
    <ol class="steps">
      <li>
        <p>Put the key into the environment${material.privateKey ? ", and the private key into private.pem" : ""}.</p>
        <${Code} text=${settingsOf(material)} what="settings" />
      </li>
      <li>
        <p>Sign a token that is good for a minute.</p>
        <div class="tabs" role="toolbar" aria-label="Language">
          ${LANGUAGES.map(({ name }) => html`<button key=${name} type="button" class="quiet" aria-pressed=${name === language ? "true" : "false"} onClick=${() => setLanguage(name)}>${name}</button>`)}
        </div>
        <${Code} text=${programOf(chosen.name, material)} what="program" file=${chosen.file} />
      </li>
      <li>
        <p>Call with it.</p>
        <${Code} text=${`curl -i "$API/hello" -H "Authorization: Bearer $(${chosen.run})"`} what="call" />
      </li>
    </ol>
  </section>`;
}

/** @param {{ text: string, what: string, file?: string }} props */
function Code({ text, what, file }) {
  return html`<div class="code">
    ${file && html`<span class="file">${file}</span>`}
    <pre tabindex="0">${text}</pre>
    <${Copy} value=${text} what=${what} />
  </div>`;
}

/** @param {string} name */
function fileName(name) {
  return name.replace(/[^A-Za-z0-9._-]+/g, "-") || "key";
}

/** @param {string} name @param {string} text */
function saveFile(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
  toast(`Saved as ${name}.`);
}
