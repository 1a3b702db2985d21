// @ts-check
/**
 * Access to elements of the page. Text from the cluster is only ever inserted as text, by {@link fill}.
 * @typedef {import('../data.ts').PageData} PageData
 * @typedef {import('../data.ts').GroupData} GroupData
 * @typedef {import('../data.ts').FindingRow} FindingRow
 * @typedef {import('../data.ts').NamespaceRow} NamespaceRow
 */

/**
 * The element with this id, or the first one that matches within `root`.
 * @template {Element} T
 * @param {string} selector
 * @param {{ new (): T, readonly name: string }} type
 * @param {ParentNode} [root]
 * @returns {T}
 */
function find(selector, type, root = document) {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} ${selector}`);
  return found;
}

/**
 * A control of a form by its name.
 * @template {Element} T
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {{ new (): T, readonly name: string }} type
 * @returns {T}
 */
const control = (form, name, type) => find(`[name="${name}"]`, type, form);

/**
 * Clones the row inside a template. The template is looked up at the first use: not every page has it.
 * @param {string} id
 * @param {string} selector
 * @returns {() => HTMLElement}
 */
function rowMaker(id, selector) {
  /** @type {HTMLElement | undefined} */
  let row;
  return () =>
    document.importNode((row ??= find(selector, HTMLElement, find(`#${id}`, HTMLTemplateElement).content)), true);
}

/**
 * Puts texts into the slots of `root`, and hides slots without a text.
 * @param {Element} root
 * @param {Record<string, string>} texts
 */
function fill(root, texts) {
  for (const slot of root.querySelectorAll('[data-slot]')) {
    const text = texts[slot.getAttribute('data-slot') ?? ''] ?? '';
    slot.toggleAttribute('hidden', text === '');
    // Only a remedy can have `code` in it.
    if (text.includes('`') && slot.getAttribute('data-slot') === 'remedy') slot.replaceChildren(...prose(text));
    else slot.textContent = text;
  }
}

/**
 * @param {string} text
 * @returns {(Node | string)[]}
 */
function prose(text) {
  return text.split('`').map((part, i, { length }) => {
    if (i % 2 === 0 || i === length - 1) return part;
    const code = document.createElement('code');
    code.textContent = part;
    return code;
  });
}

/**
 * Changes the icon and the tone of an element.
 * @param {Element} root
 * @param {string} tone
 */
function setTone(root, tone) {
  root.setAttribute('data-tone', tone);
  const icon = find('.icon', SVGElement, root);
  icon.setAttribute('data-tone', tone);
  find('use', SVGElement, icon).setAttribute('href', `#icon-${tone}`);
}

/** @param {number} n */
const number = (n) => n.toLocaleString('en-US');

/**
 * @param {number} n
 * @param {string} noun
 */
const plural = (n, noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;

/**
 * Calls `listener` with true before the page is printed, and with false after. Listens to two APIs: not every browser has both.
 * @param {(printing: boolean) => void} listener
 */
function onPrint(listener) {
  let printing = false;
  /** @param {boolean} now */
  const change = (now) => {
    if (now === printing) return;
    printing = now;
    listener(now);
  };
  addEventListener('beforeprint', () => change(true));
  addEventListener('afterprint', () => change(false));
  matchMedia('print').addEventListener('change', ({ matches }) => change(matches));
}
