// @ts-check
/** Two people edit one record: what each changed, side by side, and a choice that loses nothing. */

import { Dialog } from "./dialog.js";
import { html, useState } from "./html.js";

/** @typedef {Record<string, any>} Members */

/** The members in which two records differ. @param {Members} before @param {Members} after */
export function changedMembers(before, after) {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

/**
 * `base` is what both began with. Members that only one of them changed are taken as changed; of those that
 * both changed, one is chosen. `onResolve` gets the record to save.
 * @param {{ base: Members, mine: Members, theirs: Members, onResolve: (merged: Members) => void, onClose: () => void }} props
 */
export function Conflict({ base, mine, theirs, onResolve, onClose }) {
  const byMe = changedMembers(base, mine);
  const byThem = changedMembers(base, theirs);
  const [takesTheirs, setTakesTheirs] = useState(/** @type {Set<string>} */ (new Set()));
  const both = byMe.filter((name) => byThem.includes(name) && JSON.stringify(mine[name]) !== JSON.stringify(theirs[name]));
  const choose = (/** @type {string} */ name, /** @type {boolean} */ isTheirs) => {
    const changed = new Set(takesTheirs);
    if (isTheirs) changed.add(name);
    else changed.delete(name);
    setTakesTheirs(changed);
  };
  const merged = () => {
    const result = { ...theirs };
    for (const name of byMe) if (!takesTheirs.has(name)) result[name] = mine[name];
    return result;
  };
  const others = byThem.filter((name) => !both.includes(name));
  return html`<${Dialog} title="Somebody changed this meanwhile" onClose=${onClose} class="wide">
    <p>
      ${both.length ? "You both changed these. Choose for each; nothing is saved yet." : "You changed different things, so both can stay."}
      ${others.length > 0 && html` Their other changes (${others.join(", ")}) stay.`}
    </p>
    ${both.map(
      (name) =>
        html`<fieldset class="conflict" key=${name}>
          <legend><code>${name}</code></legend>
          ${[
            { isTheirs: false, words: "Yours", value: mine[name] },
            { isTheirs: true, words: "Theirs", value: theirs[name] },
          ].map(
            ({ isTheirs, words, value }) =>
              html`<label key=${words}>
                <input type="radio" name=${`conflict-${name}`} checked=${takesTheirs.has(name) === isTheirs} onChange=${() => choose(name, isTheirs)} />
                <span>${words}<pre>${JSON.stringify(value, null, 1) ?? "(nothing)"}</pre></span>
              </label>`,
          )}
        </fieldset>`,
    )}
    <div class="actions">
      <button type="button" onClick=${() => onResolve(merged())}>Save this</button>
      <button type="button" class="secondary" onClick=${onClose}>Back to the form</button>
    </div>
  <//>`;
}
