// @ts-check
/**
 * Forms: named by the members of the request that they send, so that what the server says of a member
 * (`errors[].field`) lands at its field. What no field takes stands in the summary.
 */

import { Problem, randomId } from "./api.js";
import { ask } from "./dialog.js";
import { html, useCallback, useEffect, useId, useRef, useState } from "./html.js";
import { problemOf } from "./load.js";
import { useLeaveGuard } from "./router.js";

/** @typedef {import("./api.js").FieldError} FieldError */
/**
 * @typedef {object} Form
 * @property {any} values
 * @property {(path: string, value: unknown) => void} set
 * @property {(values: any) => void} replace
 * @property {boolean} isDirty
 * @property {boolean} isBusy
 * @property {Problem | null} problem
 * @property {(problem: Problem | null) => void} setProblem
 * @property {(act: (once: string) => Promise<void>) => (event: Event) => Promise<void>} submit
 * @property {Map<string, boolean>} known the members that have a place here; true: without their parts
 */

const UNSAVED = {
  title: "Leave without saving?",
  detail: "What you typed here has not been saved.",
  stay: "Stay",
  go: "Leave and lose it",
};

/** @param {any} initial @param {{ warns?: boolean }} [options] @returns {Form} */
export function useForm(initial, { warns = true } = {}) {
  const [values, setValues] = useState(initial);
  const [isDirty, setDirty] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const known = useRef(/** @type {Map<string, boolean>} */ (new Map()));
  const attempt = useRef({ values: "", once: "" });
  useLeaveGuard(warns && isDirty, useCallback(() => ask(UNSAVED), []));
  useEffect(() => {
    if (problem) focusFirstError();
  }, [problem]);

  const set = useCallback((/** @type {string} */ path, /** @type {unknown} */ value) => {
    setDirty(true);
    setValues((/** @type {any} */ before) => withValue(before, path.split("."), value));
  }, []);
  const replace = useCallback((/** @type {any} */ replaced) => {
    setDirty(false);
    setProblem(null);
    setValues(replaced);
  }, []);
  const submit = (/** @type {(once: string) => Promise<void>} */ act) => async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setProblem(null);
    try {
      await act(onceFor(attempt.current, values));
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return { values, set, replace, isDirty, isBusy, problem, setProblem, submit, known: known.current };
}

/** The same Idempotency-Key while the same values are sent again. @param {{ values: string, once: string }} attempt @param {any} values */
function onceFor(attempt, values) {
  const written = JSON.stringify(values);
  if (attempt.values !== written) Object.assign(attempt, { values: written, once: randomId() });
  return attempt.once;
}

function focusFirstError() {
  const first = /** @type {HTMLElement | null} */ (document.querySelector("form [aria-invalid=true], form .summary"));
  first?.focus();
}

/** @param {any} target @param {string[]} path @param {unknown} value @returns {any} */
function withValue(target, [name, ...rest], value) {
  const copy = Array.isArray(target) ? [...target] : { ...target };
  copy[name] = rest.length ? withValue(copy[name] ?? {}, rest, value) : value;
  return copy;
}

/** @param {any} values @param {string} path */
export function valueAt(values, path) {
  return path.split(".").reduce((value, name) => value?.[name], values);
}

/**
 * What the server says of a member, and that it has a place here; with `isGroup`, of it alone and not of its parts.
 * @param {Form} form @param {string} name @param {boolean} isGroup
 */
function useErrors({ problem, known }, name, isGroup) {
  useEffect(() => {
    known.set(name, isGroup);
    return () => {
      known.delete(name);
    };
  }, [name, isGroup]);
  const errors = problem?.errors ?? [];
  return errors.filter(({ field }) => field === name || (!isGroup && field.startsWith(`${name}.`)));
}

/** A problem of one member that the page itself has noticed. @param {string} field @param {string} message */
export function fieldProblem(field, message) {
  return new Problem({ status: 400, title: "Look at the marked field", detail: "", errors: [{ field, message }] });
}

/**
 * A label, its control, a sentence of help, and what is wrong with it. `children` draws the control
 * with the attributes that tie the four together; without it there is an `<input>`.
 * @param {{ form: Form, name: string, label: any, help?: any, type?: string, of?: string, isGroup?: boolean, class?: string,
 *           parse?: (text: string) => unknown, children?: (attributes: any) => any, [attribute: string]: any }} props
 */
export function Field({ form, name, label, help, type = "text", of = name, isGroup = false, class: classes = "", parse = String, children, ...rest }) {
  const id = useId();
  const errors = useErrors(form, name, isGroup);
  const described = [help && `${id}-help`, errors.length && `${id}-error`].filter(Boolean).join(" ");
  const attributes = {
    id,
    name: of,
    "aria-describedby": described || null,
    "aria-invalid": errors.length ? "true" : null,
    ...rest,
  };
  const value = valueAt(form.values, of) ?? "";
  return html`<div class="field ${classes}">
    <label for=${id}>${label}</label>
    ${children
      ? children(attributes)
      : html`<input ...${attributes} type=${type} value=${value} onInput=${(/** @type {any} */ event) => form.set(of, parse(event.target.value))} />`}
    ${help && html`<small id="${id}-help" class="help">${help}</small>`}
    ${errors.length > 0 && html`<small id="${id}-error" class="error">${errors.map(saidOf(name)).join("; ")}</small>`}
  </div>`;
}

/** @param {string} name */
function saidOf(name) {
  return (/** @type {FieldError} */ { field, message }) => (field === name ? message : `${field.slice(name.length + 1)}: ${message}`);
}

/** A box to tick. @param {{ form: Form, name: string, label: any, help?: any, of?: string }} props */
export function Check({ form, name, label, help, of = name }) {
  const id = useId();
  const errors = useErrors(form, name, false);
  return html`<div class="field check">
    <label for=${id}>
      <input id=${id} type="checkbox" role="switch" checked=${Boolean(valueAt(form.values, of))} aria-describedby=${help ? `${id}-help` : null} aria-invalid=${errors.length ? "true" : null} onChange=${(/** @type {any} */ event) => form.set(of, event.target.checked)} />
      ${label}
    </label>
    ${help && html`<small id="${id}-help" class="help">${help}</small>`}
    ${errors.length > 0 && html`<small class="error">${errors.map(saidOf(name)).join("; ")}</small>`}
  </div>`;
}

/** @param {{ form: Form, name: string, label: any, help?: any, of?: string, options: [string, string][], class?: string }} props */
export function Select({ options, form, of, name, ...rest }) {
  const place = of ?? name;
  return html`<${Field} form=${form} name=${name} of=${place} ...${rest}>
    ${(/** @type {any} */ attributes) =>
      html`<select ...${attributes} value=${valueAt(form.values, place)} onChange=${(/** @type {any} */ event) => form.set(place, event.target.value)}>
        ${options.map(([value, words]) => html`<option value=${value} key=${value} selected=${value === valueAt(form.values, place)}>${words}</option>`)}
      </select>`}
  <//>`;
}

/** @param {{ form: Form, name: string, label: any, help?: any, of?: string, rows?: number, class?: string, [attribute: string]: any }} props */
export function TextArea({ form, of, name, rows = 6, ...rest }) {
  const place = of ?? name;
  return html`<${Field} form=${form} name=${name} of=${place} ...${rest}>
    ${(/** @type {any} */ attributes) =>
      html`<textarea ...${attributes} rows=${rows} value=${valueAt(form.values, place) ?? ""} onInput=${(/** @type {any} */ event) => form.set(place, event.target.value)} />`}
  <//>`;
}

/** What the server says of a list as a whole. @param {{ form: Form, name: string }} props */
export function GroupError({ form, name }) {
  const errors = useErrors(form, name, true);
  if (!errors.length) return null;
  return html`<small class="error" tabindex="-1" aria-invalid="true">${errors.map(({ message }) => message).join("; ")}</small>`;
}

/** One of several, side by side. @param {{ form: Form, of: string, legend: string, options: { value: string, label: string, help?: string }[] }} props */
export function Choice({ form, of, legend, options }) {
  const name = useId();
  return html`<fieldset class="choice">
    <legend class="out-of-sight">${legend}</legend>
    <div class="choices">
      ${options.map(
        ({ value, label, help }) =>
          html`<label key=${value} class=${valueAt(form.values, of) === value ? "chosen" : ""}>
            <input type="radio" name=${name} value=${value} checked=${valueAt(form.values, of) === value} onChange=${() => form.set(of, value)} />
            <span>${label}${help && html`<small>${help}</small>`}</span>
          </label>`,
      )}
    </div>
  </fieldset>`;
}

/** What went wrong with the form as a whole, and what the server said of members that have no field here. @param {{ form: Form }} props */
export function FormProblem({ form }) {
  const { problem, known } = form;
  if (!problem) return null;
  const claimed = problem.errors.filter(({ field }) => isClaimed(field, known));
  const others = problem.errors.filter(({ field }) => !isClaimed(field, known));
  return html`<div class="note problem summary" role="alert" tabindex="-1">
    <strong>${problem.errors.length ? "Not saved." : problem.title}</strong>
    ${!problem.errors.length && html`<span> ${problem.detail}</span>`}
    ${claimed.length > 0 && html`<span> ${claimed.length === 1 ? "One field is" : `${claimed.length} fields are`} marked above.</span>`}
    ${others.length > 0 && html`<ul>${others.map(({ field, message }) => html`<li key=${field}>${field !== "body" && html`<code>${field}</code>`} ${message}</li>`)}</ul>`}
    ${problem.status >= 500 && problem.requestId && html`<p>Request id, to look for in the log: <code>${problem.requestId}</code></p>`}
  </div>`;
}

/** @param {string} field @param {Map<string, boolean>} known */
function isClaimed(field, known) {
  return known.has(field) || [...known].some(([name, isGroup]) => !isGroup && field.startsWith(`${name}.`));
}

/** "a, b c" as ["a", "b", "c"]. @param {string} text */
export function listOf(text) {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** A whole number, or the string as it was typed, for the server to name what is wrong. @param {string} text */
export function numberOf(text) {
  const trimmed = text.trim();
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}

/** "name: value" a line, as an object. @param {string} text @returns {Record<string, string>} */
export function pairsOf(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return Object.fromEntries(lines.map((line) => line.split(/[:=](.*)/s)).map(([name, value = ""]) => [name.trim(), value.trim()]));
}

/** @param {Record<string, string> | undefined} pairs */
export function writePairs(pairs = {}) {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
}
