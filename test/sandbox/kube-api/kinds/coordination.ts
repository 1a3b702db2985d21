/** Lease: the object of leader election. */
import { at, textAt } from '../json.ts';
import { objectShape } from '../schema/metadata.ts';
import { always, integer, microTime, pointer, string, struct } from '../schema/shape.ts';
import { invalid, type FieldError } from '../validation/field-error.ts';
import { defineKind } from './kind.ts';

export const lease = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  createOnUpdate: true,
  shape: objectShape('Lease', {
    spec: always(
      struct('LeaseSpec', {
        holderIdentity: pointer(string),
        leaseDurationSeconds: pointer(integer),
        acquireTime: microTime,
        renewTime: microTime,
        leaseTransitions: pointer(integer),
        strategy: pointer(string),
        preferredHolder: pointer(string),
      }),
    ),
  }),
  conditionalUpdate: true,
  validate(object) {
    const errors: FieldError[] = [];
    const duration = at(object, 'spec', 'leaseDurationSeconds');
    const transitions = at(object, 'spec', 'leaseTransitions');
    if (typeof duration === 'number' && duration <= 0)
      errors.push(invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
    if (typeof transitions === 'number' && transitions < 0)
      errors.push(invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
    return errors;
  },
  columns: [{ name: 'Holder', type: 'string', cell: (object) => textAt(object, 'spec', 'holderIdentity') }],
});
