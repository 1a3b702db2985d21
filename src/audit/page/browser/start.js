// @ts-check
/** Starts the script's parts. A section without rows has no form, so its part does not start. */

/** @type {unknown} */
const parsed = JSON.parse(find('#data', HTMLScriptElement).text);
const data = /** @type {PageData} */ (parsed);
if (document.querySelector('#filters') !== null) startFindings(data);
if (document.querySelector('#namespace-filters') !== null) {
  startNamespaces(data);
  startMap(data);
}
onPrint((printing) => {
  for (const details of document.querySelectorAll('details')) {
    if (printing) details.dataset['open'] = String(details.open);
    details.open = printing || details.dataset['open'] === 'true';
  }
});
