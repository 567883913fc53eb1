// @ts-check
/** A list of records: a table whose head stays in sight, and on a narrow screen a card for each. */

import { html } from "./html.js";

/**
 * @template T
 * @typedef {{ title: string, cell: (row: T) => any, class?: string, isHidden?: boolean }} Column
 */
/**
 * @template T
 * @typedef {{ chosen: Set<string>, change: (chosen: Set<string>) => void, name: (row: T) => string }} Choice
 */

/**
 * Roles are spelled out: a browser drops those of a table that is laid out as cards.
 * @template T
 * @param {{ caption: string, columns: Column<T>[], rows: T[], id: (row: T) => string, choice?: Choice<T> }} props
 */
export function Table({ caption, columns, rows, id, choice }) {
  const shown = columns.filter((column) => !column.isHidden);
  const isAll = choice && rows.length > 0 && rows.every((row) => choice.chosen.has(id(row)));
  const chooseAll = () => choice?.change(isAll ? new Set() : new Set([...choice.chosen, ...rows.map(id)]));
  return html`<table class="list" role="table">
    <caption class="out-of-sight">${caption}</caption>
    <thead role="rowgroup">
      <tr role="row">
        ${choice && html`<th scope="col" role="columnheader" class="choose"><input type="checkbox" aria-label="Choose all on this page" checked=${isAll} onChange=${chooseAll} /></th>`}
        ${shown.map((column) => html`<th scope="col" role="columnheader" key=${column.title} class=${column.class}>${column.title}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row" key=${id(row)} class=${choice?.chosen.has(id(row)) ? "chosen" : ""}>
            ${choice && html`<td role="cell" class="choose"><input type="checkbox" aria-label=${`Choose ${choice.name(row)}`} checked=${choice.chosen.has(id(row))} onChange=${() => choice.change(toggled(choice.chosen, id(row)))} /></td>`}
            ${shown.map((column) => html`<td role="cell" key=${column.title} class=${column.class} data-title=${column.title}>${column.cell(row)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** @param {Set<string>} chosen @param {string} id */
function toggled(chosen, id) {
  const changed = new Set(chosen);
  if (!changed.delete(id)) changed.add(id);
  return changed;
}

/**
 * From page to page by cursors; the address holds the cursor, so a page has a link.
 * @param {{ cursor: string, next: string | null, go: (cursor: string) => void, count: number, noun: string }} props
 */
export function Pages({ cursor, next, go, count, noun }) {
  if (!cursor && !next) return html`<p class="faint pages">${count} ${noun}</p>`;
  return html`<nav class="pages" aria-label="Pages">
    <button type="button" class="secondary" disabled=${!cursor} onClick=${() => go("")}>First page</button>
    <button type="button" class="secondary" disabled=${!next} onClick=${() => go(next ?? "")}>Next page</button>
    <span class="faint">${count} on this page</span>
  </nav>`;
}
