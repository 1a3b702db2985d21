/** The text formats of a report. */
export const TEXT_OUTPUTS = ['table', 'json', 'yaml', 'markdown', 'sarif', 'html'] as const;
export type TextOutput = (typeof TEXT_OUTPUTS)[number];
