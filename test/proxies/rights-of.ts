import { evaluate } from '../../src/plan/rights.ts';
import type { Right } from '../../src/plan/rights.ts';
import { RIGHTS } from '../../src/plan/rights-table.ts';

const OF_PROXIES = RIGHTS.filter(({ lists }) => lists.some(({ name }) => name === 'cacheProxies'));

/** What one cache proxy adds to the rights. */
export const rightsOf = (config: object): Right[] => evaluate(OF_PROXIES, { cacheProxies: [config] });
