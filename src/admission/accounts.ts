/** What the controller may change of a ServiceAccount: references to copies, and the record of them. */
import type { Configuration } from '../config/schema.ts';
import { ANNOTATION_ADDED } from '../names.ts';
import { MAX_ANNOTATION } from '../plan/bounds.ts';
import { list, sameObject, text } from './cel.ts';
import { copiesAdmitted } from './guard.ts';
import type { Policy } from './policy.ts';

export function accountsPolicy(configuration: Configuration, namespace: string): Policy {
  const copyNames = configuration.sources.map(({ copyName }) => copyName);
  return {
    name: 'serviceaccounts',
    judges: [{ apiGroup: '', apiVersion: 'v1', resources: ['serviceaccounts'], operations: ['UPDATE'] }],
    variables: {
      here: copiesAdmitted(configuration),
      record: recordIn('object'),
      recordBefore: recordIn('oldObject'),
      // A name that the configuration has lost without retiring it is removed by the record. That lists no entry of other writers,
      // for the controller itself can record none.
      managed:
        `${list([...copyNames, ...configuration.retiredCopyNames])} +\n` +
        `variables.recordBefore.map(entry, entry.endsWith(${text(`@${namespace}`)}) ? entry.split('@')[0] : entry)`,
      names: namesIn('object'),
      namesBefore: namesIn('oldObject'),
      others: 'variables.names.filter(name, !(name in variables.managed))',
      othersBefore: 'variables.namesBefore.filter(name, !(name in variables.managed))',
    },
    only: {
      'changes nothing of a ServiceAccount but its pull secrets and its own record of them': sameObject(
        'object',
        'oldObject',
        [['imagePullSecrets'], ['metadata', 'annotations', ANNOTATION_ADDED]],
      ),
      'neither adds, removes nor moves pull secrets that are not copies': 'variables.others == variables.othersBefore',
      'references a copy only in namespaces that the guard of its source admits':
        'variables.names.all(name, name in variables.here || name in variables.namesBefore)',
      'records only copies as its own': `variables.record.all(entry, entry in variables.recordBefore || entry.split('@')[0] in ${list(copyNames)})`,
    },
  };
}

/** The planner's limit: nothing longer was written by it, so a longer record counts as empty. */
function recordIn(account: string): string {
  const record = `${account}.metadata.?annotations[?${text(ANNOTATION_ADDED)}].orValue('')`;
  return (
    `${record}.size() > ${MAX_ANNOTATION} ? [] :\n` +
    `${record}.split(',').map(entry, entry.trim()).filter(entry, entry != '')`
  );
}

const namesIn = (account: string): string =>
  `${account}.?imagePullSecrets.orValue([]).map(entry, entry.?name.orValue(''))`;
