// @ts-check
/** The map of namespaces: names the one under the pointer, and a click shows its findings. Keyboard users have the table. */

/** @param {PageData} data */
function startMap({ namespaces }) {
  const map = find('#map', SVGSVGElement);
  const name = find('#map-name', HTMLElement);
  const columns = Number(map.getAttribute('data-columns'));

  /** @param {MouseEvent} event */
  function under({ clientX, clientY }) {
    const { left, top, width } = map.getBoundingClientRect();
    const size = width / columns;
    const column = Math.floor((clientX - left) / size);
    return column < 0 || column >= columns
      ? undefined
      : namespaces[Math.floor((clientY - top) / size) * columns + column];
  }

  map.addEventListener('pointermove', (event) => {
    const namespace = under(event);
    name.textContent =
      namespace === undefined
        ? ''
        : [namespace.name, foundOf(namespace.errors, namespace.warnings, namespace.notes) || namespace.why].join(': ');
  });
  map.addEventListener('pointerleave', () => {
    name.textContent = '';
  });
  map.addEventListener('click', (event) => {
    const namespace = under(event);
    if (namespace !== undefined && namespace.errors + namespace.warnings + namespace.notes > 0)
      location.hash = namespaceLink(namespace.name);
  });
}
