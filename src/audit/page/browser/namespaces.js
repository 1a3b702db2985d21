// @ts-check
/** The table of namespaces, in pages. */

const PAGE = 50;
const RANK = { error: 0, warning: 1, ok: 2, none: 3 };

const newNamespaceRow = rowMaker('namespace-row', 'tr');

/** @param {PageData} data */
function startNamespaces({ namespaces }) {
  const form = find('#namespace-filters', HTMLFormElement);
  const body = find('#matrix tbody', HTMLElement);
  const shown = find('#namespace-pages-shown', HTMLElement);
  const pages = find('#namespace-pages', HTMLElement);
  // The same order as in `namespaces.ts`.
  const worstFirst = [...namespaces].sort(
    (a, b) => RANK[a.level] - RANK[b.level] || b.failing - a.failing || b.errors - a.errors || b.warnings - a.warnings,
  );
  let page = 0;
  /** @type {readonly NamespaceRow[]} */
  let matching = [];

  function filter() {
    const part = control(form, 'name', HTMLInputElement).value.trim().toLowerCase();
    const problems = control(form, 'problems', HTMLInputElement).checked;
    const all = control(form, 'order', HTMLSelectElement).value === 'name' ? namespaces : worstFirst;
    matching = all.filter(
      ({ name, level }) => name.toLowerCase().includes(part) && (!problems || level === 'error' || level === 'warning'),
    );
    page = 0;
    render();
  }

  function render() {
    const last = Math.max(0, Math.ceil(matching.length / PAGE) - 1);
    page = Math.min(Math.max(page, 0), last);
    const from = page * PAGE;
    const rows = matching.slice(from, from + PAGE);
    body.replaceChildren(...rows.map(namespaceRow));
    shown.textContent =
      rows.length === 0
        ? 'No namespace matches.'
        : matching.length <= PAGE
          ? `${plural(matching.length, 'namespace')}.`
          : `${number(from + 1)} to ${number(from + rows.length)} of ${plural(matching.length, 'namespace')}.`;
    pages.hidden = last === 0;
    for (const button of pages.querySelectorAll('button')) {
      // Not `disabled`: a disabled button would lose the focus after a click.
      const end = button.value === 'first' || button.value === 'previous' ? page === 0 : page === last;
      button.setAttribute('aria-disabled', String(end));
    }
  }

  pages.addEventListener('click', ({ target }) => {
    if (!(target instanceof HTMLButtonElement) || target.getAttribute('aria-disabled') === 'true') return;
    page = { first: 0, previous: page - 1, next: page + 1 }[target.value] ?? Infinity;
    render();
  });
  form.addEventListener('input', filter);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.reset();
  filter();
  form.hidden = false;
}

/** @param {NamespaceRow} namespace */
function namespaceRow({ name, why, cells, pods, failing, errors, warnings, notes }) {
  const row = newNamespaceRow();
  fill(row, {
    name,
    why,
    pods: number(pods),
    failing: failing === 0 ? '' : number(failing),
    found: foundOf(errors, warnings, notes),
  });
  find('th a', HTMLAnchorElement, row).setAttribute('href', namespaceLink(name));
  row.querySelectorAll('.cell').forEach((cell, i) => {
    const { tone = 'unknown', word = '', references = '' } = cells[i] ?? {};
    setTone(cell, tone);
    fill(cell, { word, references });
  });
  return row;
}

/**
 * @param {number} errors
 * @param {number} warnings
 * @param {number} notes
 */
function foundOf(errors, warnings, notes) {
  return [
    errors > 0 ? plural(errors, 'error') : '',
    warnings > 0 ? plural(warnings, 'warning') : '',
    notes > 0 ? plural(notes, 'note') : '',
  ]
    .filter((text) => text !== '')
    .join(', ');
}
