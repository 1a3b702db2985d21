// @ts-check
/**
 * The filter of the findings: in the form, and in the fragment of the URL, so that a link can contain it.
 * @typedef {{ severities: string[], namespace: string, rule: string, text: string }} Filter
 */

const SEVERITIES = ['error', 'warning', 'info'];

/** @type {Filter} */
const EVERYTHING = { severities: SEVERITIES, namespace: '', rule: '', text: '' };

/**
 * undefined: the fragment is the id of a section, or empty.
 * @param {string} fragment With its `#`.
 * @returns {Filter | undefined}
 */
function parseFragment(fragment) {
  const values = new URLSearchParams(fragment.slice(1));
  if (!['severity', 'namespace', 'rule', 'text'].some((key) => values.has(key))) return undefined;
  const wanted = (values.get('severity') ?? '').split(',');
  const severities = SEVERITIES.filter((each) => wanted.includes(each));
  return {
    severities: severities.length === 0 ? SEVERITIES : severities,
    namespace: values.get('namespace') ?? '',
    rule: values.get('rule') ?? '',
    text: values.get('text') ?? '',
  };
}

/**
 * @param {Filter} filter
 * @returns {string} Without `#`; empty if everything is shown.
 */
function toFragment({ severities, namespace, rule, text }) {
  const values = new URLSearchParams();
  if (severities.length < SEVERITIES.length) values.set('severity', severities.join(','));
  if (namespace !== '') values.set('namespace', namespace);
  if (rule !== '') values.set('rule', rule);
  if (text !== '') values.set('text', text);
  return values.toString();
}

/** @param {string} namespace */
const namespaceLink = (namespace) => `#${toFragment({ ...EVERYTHING, namespace })}`;

/**
 * @param {HTMLFormElement} form
 * @returns {Filter}
 */
function readForm(form) {
  return {
    severities: checkboxes(form)
      .filter(({ checked }) => checked)
      .map(({ value }) => value),
    namespace: control(form, 'namespace', HTMLInputElement).value.trim(),
    rule: control(form, 'rule', HTMLSelectElement).value,
    text: control(form, 'text', HTMLInputElement).value.trim(),
  };
}

/**
 * @param {HTMLFormElement} form
 * @param {Filter} filter
 */
function writeForm(form, { severities, namespace, rule, text }) {
  for (const box of checkboxes(form)) box.checked = severities.includes(box.value);
  control(form, 'namespace', HTMLInputElement).value = namespace;
  const select = control(form, 'rule', HTMLSelectElement);
  select.value = rule;
  // An old link can name a rule without findings in this report: show all rules.
  if (select.selectedIndex < 0) select.value = '';
  control(form, 'text', HTMLInputElement).value = text;
}

/**
 * @param {HTMLFormElement} form
 * @returns {HTMLInputElement[]}
 */
const checkboxes = (form) =>
  [...form.querySelectorAll('[name="severity"]')].filter((box) => box instanceof HTMLInputElement);

/**
 * A text that is the name of a namespace selects that one; any other text matches parts of names.
 * @param {Filter} filter
 * @param {(name: string) => boolean} isName
 * @returns {(group: GroupData, finding: FindingRow) => boolean}
 */
function matcher({ severities, namespace, rule, text }, isName) {
  const part = namespace.toLowerCase();
  const inNamespace =
    namespace === ''
      ? () => true
      : isName(namespace)
        ? (/** @type {FindingRow} */ finding) => finding.namespace === namespace
        : (/** @type {FindingRow} */ finding) => finding.namespace.toLowerCase().includes(part);
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return (group, finding) => {
    if (!severities.includes(group.severity) || (rule !== '' && group.rule !== rule) || !inNamespace(finding))
      return false;
    if (words.length === 0) return true;
    const all =
      `${group.rule} ${group.title} ${finding.namespace} ${finding.object} ${finding.message} ${finding.remedy ?? ''}`.toLowerCase();
    return words.every((word) => all.includes(word));
  };
}
