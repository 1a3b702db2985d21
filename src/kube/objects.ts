/** What is asked for, and what all objects have in common. */

/** The part that all API objects have in common. */
export interface ApiObject {
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    creationTimestamp?: string;
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
    finalizers?: string[];
    managedFields?: { manager?: string; operation?: string; time?: string; fieldsV1?: Record<string, unknown> }[];
  };
}

/** Which objects, and how much of each. */
export interface Selector {
  /** Collection to list and watch, such as `/api/v1/serviceaccounts`. */
  path: string;
  fieldSelector?: string;
  labelSelector?: string;
  /** Asks for PartialObjectMetadata: the server sends metadata only. */
  metadataOnly?: boolean;
}
