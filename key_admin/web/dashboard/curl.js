// @ts-check
/** The request that a form sends, to see and to copy: a secret is masked where it is seen. */

import { BASE } from "../shared/api.js";
import { Copy } from "../shared/copy.js";
import { html } from "../shared/html.js";

const MASK = "••••••••";

/** @param {{ method: string, path: string, body: any, version?: string | null }} props */
export function CurlPreview({ method, path, body, version = null }) {
  const shown = curlOf(method, path, masked(body), version);
  return html`<div class="preview">
    <div class="preview-head"><h2>The request</h2><${Copy} value=${curlOf(method, path, body, version)} what="request" label="Copy as curl" class="secondary small" /></div>
    <pre tabindex="0" role="region" aria-label="The request as curl">${shown}</pre>
    <p class="help">Put your admin key into <code>$KEY</code>. What is secret is hidden here, and part of the copy.</p>
  </div>`;
}

/** @param {string} method @param {string} path @param {any} body @param {string | null} version */
function curlOf(method, path, body, version) {
  const address = new URL(path, BASE).href;
  const lines = [`curl -X ${method} ${quoted(address)}`, `  -H "Authorization: Bearer $KEY"`, `  -H "Content-Type: application/json"`];
  if (version) lines.push(`  -H ${quoted(`If-Match: ${version}`)}`);
  lines.push(`  -d ${quoted(JSON.stringify(body, null, 2))}`);
  return lines.join(" \\\n");
}

/** @param {any} body */
function masked(body) {
  const material = body?.jwt_data;
  if (!material) return body;
  const jwk = material.jwk?.k ? { ...material.jwk, k: MASK } : material.jwk;
  return { ...body, jwt_data: { ...material, ...(material.secret ? { secret: MASK } : {}), ...(jwk ? { jwk } : {}) } };
}

/** As one word of a shell. @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
