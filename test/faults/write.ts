/** One change that an API server has committed, as the judge sees it. Times: milliseconds of this process's monotonic clock. */
export interface Write {
  readonly revision: number;
  /** When it was committed; of a real server: not later than that the writer was told. */
  readonly at: number;
  /** When its request arrived: it may have waited on the way, or in the server. */
  readonly arrivedAt: number;
  readonly by: { readonly user: string; readonly agent: string } | undefined;
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  /** Absent: a creation. */
  readonly before: Seen | undefined;
  /** Absent: a deletion. */
  readonly after: Seen | undefined;
}

export type Resource = 'namespaces' | 'serviceaccounts' | 'secrets' | 'leases';

/** The fields that are judged. */
export interface Seen {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
  };
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly spec?: { readonly holderIdentity?: string };
}

export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;
