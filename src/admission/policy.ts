/** Admission policies as data, and as the objects that the API server takes. */
import type {
  V1NamedRuleWithOperations,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
} from '@kubernetes/client-node';
import { expression, text } from './cel.ts';

type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** Writes that a policy judges. */
export interface Writes {
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resources: readonly string[];
  readonly operations: readonly Operation[];
}

/** What the controller may do with some kinds of objects. */
export interface Policy {
  /** Behind the name of the controller. */
  readonly name: string;
  readonly judges: readonly Writes[];
  /** Writes that it leaves to other policies, or to RBAC alone. */
  readonly except?: readonly Writes[];
  /** Name -> CEL. Each may use those before it, as `variables.<name>`. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What it does, completing "Pullpass ..." -> CEL that holds for every write that keeps to it. */
  readonly only: Readonly<Record<string, string>>;
}

/** The identity that the policies hold. */
export interface Identity {
  readonly namespace: string;
  readonly serviceAccount: string;
}

const API_VERSION = 'admissionregistration.k8s.io/v1';

/** The policy and its binding. A request of anybody else costs a comparison of names, and is never refused. */
export function objectsOf(
  { name, judges, except = [], variables = {}, only }: Policy,
  { namespace, serviceAccount }: Identity,
  metadata: { name: string; labels: Record<string, string> },
): [V1ValidatingAdmissionPolicy, V1ValidatingAdmissionPolicyBinding] {
  const named = { ...metadata, name: `${metadata.name}-${name}` };
  return [
    {
      apiVersion: API_VERSION,
      kind: 'ValidatingAdmissionPolicy',
      metadata: named,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: judges.map(rule),
          ...(except.length > 0 && { excludeResourceRules: except.map(rule) }),
        },
        matchConditions: [
          {
            name: 'controller',
            expression: `request.userInfo.username == ${text(`system:serviceaccount:${namespace}:${serviceAccount}`)}`,
          },
        ],
        ...(Object.keys(variables).length > 0 && {
          variables: Object.entries(variables).map(([variable, cel]) => ({
            name: variable,
            expression: expression(cel),
          })),
        }),
        validations: Object.entries(only).map(([what, cel]) => ({
          expression: expression(cel),
          message: `Pullpass ${what}. If its configuration changed, apply what \`pullpass rbac --policies\` prints`,
          reason: 'Forbidden',
        })),
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: named,
      spec: { policyName: named.name, validationActions: ['Deny'] },
    },
  ];
}

function rule({ apiGroup, apiVersion, resources, operations }: Writes): V1NamedRuleWithOperations {
  return {
    apiGroups: [apiGroup],
    apiVersions: [apiVersion],
    operations: [...operations],
    resources: [...resources],
  };
}
