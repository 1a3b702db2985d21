// @ts-check
/** Shows the findings that match the filter: the first ones of each rule, more on a click, all in print. */

const FIRST = 10;
const MORE = 100;
/** Most namespace names that are suggested while the user types. */
const OFFERED = 20;

/**
 * @param {PageData} data
 */
function startFindings({ groups, namespaces }) {
  const form = find('#filters', HTMLFormElement);
  const shown = find('#shown', HTMLElement);
  const noMatch = find('#no-match', HTMLElement);
  const names = new Set([
    ...namespaces.map(({ name }) => name),
    ...groups.flatMap(({ findings }) => findings.map(({ namespace }) => namespace)),
  ]);
  names.delete('');
  const views = groups.map(groupView);
  const total = groups.reduce((sum, { findings }) => sum + findings.length, 0);

  function update() {
    const filter = readForm(form);
    const matches = matcher(filter, (name) => names.has(name));
    let count = 0;
    /** @type {Map<string, { left: number, of: number }>} */
    const severities = new Map();
    views.forEach((view, i) => {
      const { severity = '', findings = [] } = groups[i] ?? {};
      const left = view.show(matches);
      const before = severities.get(severity) ?? { left: 0, of: 0 };
      severities.set(severity, { left: before.left + left, of: before.of + findings.length });
      count += left;
    });
    for (const severity of document.querySelectorAll('.severity')) {
      const counts = severities.get(severity.getAttribute('data-severity') ?? '') ?? { left: 0, of: 0 };
      severity.toggleAttribute('hidden', counts.left === 0);
      find('h3 .tally', HTMLElement, severity).textContent = share(counts.left, counts.of);
    }
    noMatch.hidden = count > 0;
    shown.textContent =
      count === total ? `All ${plural(total, 'finding')}.` : `${number(count)} of ${plural(total, 'finding')}.`;
    offerNames(filter.namespace);
  }

  /** @param {string} typed */
  function offerNames(typed) {
    const part = typed.toLowerCase();
    /** @type {HTMLOptionElement[]} */
    const options = [];
    for (const name of names) {
      if (!name.toLowerCase().includes(part)) continue;
      options.push(new Option(name));
      if (options.length === OFFERED) break;
    }
    find('#namespace-names', HTMLDataListElement).replaceChildren(...options);
  }

  function remember() {
    const fragment = toFragment(readForm(form));
    // A URL of the same document: allowed for a page from a file, too.
    history.replaceState(null, '', fragment === '' ? location.pathname + location.search : `#${fragment}`);
  }

  /** Follows a link to a filter, or to a section that the filter may hide. */
  function follow() {
    const filter = parseFragment(location.hash);
    if (filter !== undefined) {
      writeForm(form, filter);
      update();
      const title = find('#findings-title', HTMLElement);
      title.scrollIntoView();
      title.focus({ preventScroll: true });
      return;
    }
    const target = document.getElementById(location.hash.slice(1));
    if (target === null) return;
    if (target.closest('[hidden]') !== null) {
      writeForm(form, EVERYTHING);
      update();
      target.scrollIntoView();
    }
    const filtered = toFragment(readForm(form));
    if (filtered !== '') history.replaceState(null, '', `#${filtered}`);
  }

  form.addEventListener('input', () => {
    update();
    remember();
  });
  form.addEventListener('reset', (event) => {
    event.preventDefault();
    writeForm(form, EVERYTHING);
    update();
    remember();
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  addEventListener('hashchange', follow);
  onPrint((printing) => {
    for (const view of views) view.setAll(printing);
  });
  // A reload keeps old form values in some browsers: only the URL counts.
  writeForm(form, EVERYTHING);
  update();
  form.hidden = false;
  shown.hidden = false;
  if (location.hash !== '') follow();
}

/**
 * @param {number} n
 * @param {number} total
 */
const share = (n, total) => (n === total ? number(n) : `${number(n)} of ${number(total)}`);

const newFindingRow = rowMaker('finding-row', 'li');

/**
 * The section of one rule.
 * @param {GroupData} group
 */
function groupView(group) {
  const section = find(`#${group.rule}`, HTMLElement);
  const list = find('.rows', HTMLElement, section);
  const more = find('.more', HTMLButtonElement, section);
  const tally = find('.tally', HTMLElement, section);
  section.querySelector('.rest')?.remove();
  /** @type {FindingRow[]} */
  let matching = [];
  let limit = FIRST;
  let all = false;

  function render() {
    list.replaceChildren(...matching.slice(0, all ? matching.length : limit).map(findingRow));
    const left = all ? 0 : matching.length - limit;
    more.hidden = left <= 0;
    more.textContent = `Show ${number(Math.min(left, MORE))} more of ${number(left)}`;
  }

  more.addEventListener('click', () => {
    const before = limit;
    limit += MORE;
    render();
    // The button may be hidden now: move the focus to the first new row.
    const next = list.children[before];
    if (next instanceof HTMLElement) {
      next.tabIndex = -1;
      next.focus();
    }
  });

  return {
    /** @param {(group: GroupData, finding: FindingRow) => boolean} matches */
    show(matches) {
      matching = group.findings.filter((finding) => matches(group, finding));
      limit = FIRST;
      section.hidden = matching.length === 0;
      tally.textContent = share(matching.length, group.findings.length);
      render();
      return matching.length;
    },
    /** @param {boolean} wanted */
    setAll(wanted) {
      all = wanted;
      if (matching.length > limit) render();
    },
  };
}

/** @param {FindingRow} finding */
function findingRow({ namespace, object, message, remedy = '' }) {
  const row = newFindingRow();
  fill(row, { namespace, object, message, remedy });
  return row;
}
