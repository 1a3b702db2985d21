/** A label selector as Kubernetes has it (`metav1.LabelSelector`): its schema, what it selects, and its text for people. */
import * as z from 'zod';
import { labelKey, labelValue } from './kubernetes-names.ts';
import { LISTS } from './limits.ts';

export type Labels = Readonly<Record<string, string>>;

const requirement = z
  .strictObject({
    key: labelKey.describe('Key of a label.'),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('NotIn also holds if the label is absent.'),
    values: z.array(labelValue).max(LISTS.globs).optional().describe('For In and NotIn, and only for these.'),
  })
  .superRefine(({ operator, values = [] }, ctx) => {
    const compares = operator === 'In' || operator === 'NotIn';
    if (compares === values.length > 0) return;
    const message = compares
      ? `must name at least one value for ${operator}`
      : `mean nothing for ${operator}: remove them`;
    ctx.addIssue({ code: 'custom', path: ['values'], message });
  });

export const labelSelector = z
  .strictObject({
    matchLabels: z
      .record(labelKey, labelValue)
      .meta({ maxProperties: LISTS.labels })
      .optional()
      .describe('Labels with their values; all must be there.'),
    matchExpressions: z.array(requirement).max(LISTS.requirements).optional().describe('All must hold.'),
  })
  // To Kubernetes an empty one selects everything: who takes the last label out rarely means that.
  .refine(
    ({ matchLabels = {}, matchExpressions = [] }) => Object.keys(matchLabels).length + matchExpressions.length > 0,
    {
      error: 'selects nothing in particular: name labels in matchLabels or matchExpressions, or remove it',
      when: ({ issues }) => issues.length === 0,
    },
  );

export type LabelSelector = z.output<typeof labelSelector>;
export interface Requirement extends z.output<typeof requirement> {
  values: string[];
}

/** The whole selector, one requirement each. Sorted, so that what is made of it does not depend on the order in the file. */
export function requirementsOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Requirement[] {
  return [
    ...Object.entries(matchLabels)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] })),
    ...matchExpressions.map(({ values = [], ...rest }) => ({ ...rest, values })),
  ];
}

export function selects(selector: LabelSelector, labels: Labels): boolean {
  return requirementsOf(selector).every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
    }
  });
}

/** As `kubectl get --selector` takes it: `env=prod,tier in (a,b),!legacy`. */
export function selectorText(selector: LabelSelector): string {
  return requirementsOf(selector)
    .map(({ key, operator, values }) => {
      const [first = '', ...more] = values;
      switch (operator) {
        case 'In':
          return more.length === 0 ? `${key}=${first}` : `${key} in (${values.join(',')})`;
        case 'NotIn':
          return more.length === 0 ? `${key}!=${first}` : `${key} notin (${values.join(',')})`;
        case 'Exists':
          return key;
        case 'DoesNotExist':
          return `!${key}`;
      }
    })
    .join(',');
}
