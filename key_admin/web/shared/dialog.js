// @ts-check
/** Dialogs: the browser keeps the focus inside, Escape closes, and the focus goes back to where it was. */

import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "./html.js";

/** @param {{ title: string, onClose: () => void, class?: string, children: any }} props */
export function Dialog({ title, onClose, class: classes = "", children }) {
  const id = useId();
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = element.current;
    dialog?.showModal();
    return () => {
      dialog?.close(); // what is behind it takes no focus before
      if (before?.isConnected) before.focus();
    };
  }, []);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${classes} aria-labelledby=${id} onCancel=${cancel}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </dialog>`;
}

/**
 * Ask before something is done that cannot be undone; `name` must be typed.
 * @param {{ title: string, name: string, action: string, onConfirm: () => Promise<void>, onClose: () => void, children?: any }} props
 */
export function ConfirmByName({ title, name, action, onConfirm, onClose, children }) {
  const id = useId();
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const confirm = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (typed !== name) return;
    setBusy(true);
    await onConfirm();
    setBusy(false);
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${confirm} class="stack">
      ${children}
      <div class="field">
        <label for=${id}>Type <code>${name}</code> to confirm</label>
        <input id=${id} value=${typed} autocomplete="off" spellcheck=${false} onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
      </div>
      <div class="actions">
        <button type="submit" class="danger" disabled=${typed !== name || isBusy}>${action}</button>
        <button type="button" class="secondary" onClick=${onClose}>Cancel</button>
      </div>
    </form>
  <//>`;
}

/** @typedef {{ title: string, detail: string, go: string, stay: string, answer: (goes: boolean) => void }} Question */
/** @type {(question: Question | null) => void} */
let show = () => {};

/** Ask a question with two answers. @param {Omit<Question, "answer">} question @returns {Promise<boolean>} */
export function ask(question) {
  return new Promise((resolve) => {
    show({
      ...question,
      answer: (goes) => {
        show(null);
        resolve(goes);
      },
    });
  });
}

/** Where the questions of `ask` appear; once in a page. */
export function Questions() {
  const [question, setQuestion] = useState(/** @type {Question | null} */ (null));
  useEffect(() => {
    show = setQuestion;
  }, []);
  if (!question) return null;
  return html`<${Dialog} title=${question.title} onClose=${() => question.answer(false)}>
    <p>${question.detail}</p>
    <div class="actions">
      <button type="button" onClick=${() => question.answer(false)}>${question.stay}</button>
      <button type="button" class="secondary" onClick=${() => question.answer(true)}>${question.go}</button>
    </div>
  <//>`;
}
