/** What `pullpass wait` reads: for a ServiceAccount of its own, such as that of a Job in a pipeline. */
import type { Configuration } from '../config/schema.ts';
import { CONFIG_NAME, REPORT_NAME, STATUS_NAME } from '../names.ts';
import { allRights } from '../plan/rights.ts';
import type { Right, RightsOptions } from '../plan/rights.ts';

const WHY = 'see how far a rotation is';

/** The reads of the controller, without watches, and without what it needs for elections, canaries and audits. */
export function waitRights(configuration: Configuration, controller: RightsOptions): Right[] {
  const reads = allRights(configuration, controller).flatMap((right): Right[] => {
    const verbs = right.verbs.filter((verb) => verb === 'get' || verb === 'list');
    const isOther =
      right.resource === 'pods' ||
      right.resource === 'leases' ||
      right.resourceNames?.some((name) => name === STATUS_NAME || name === REPORT_NAME) === true;
    return verbs.length === 0 || isOther ? [] : [{ ...right, verbs, why: WHY }];
  });
  return [
    ...reads,
    {
      apiGroup: '',
      resource: 'configmaps',
      namespace: controller.namespace,
      resourceNames: [CONFIG_NAME],
      verbs: ['get'],
      why: 'read the configuration of the controller',
    },
  ];
}
