/** @type {import('prettier').Config} */
export default {
  printWidth: 120,
  singleQuote: true,
  // White space counts in the markup of the report's page.
  embeddedLanguageFormatting: 'off',
};
