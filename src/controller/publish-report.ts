/** The only writer of the report object, which dashboards read. A failure here does not stop the audit. */
import { isDeepStrictEqual } from 'node:util';
import { emptyReportObject, reportObjectOf, reportPath } from '../audit/report/object.ts';
import type { ReportObject, ReportObjectKind } from '../audit/report/object.ts';
import type { Report } from '../audit/report/report.ts';
import { messageOf } from '../errors.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/list.ts';
import type { Log } from '../log.ts';
import { LABEL_INSTANCE, MANAGER, REPORT_NAME, REPORT_RESOURCES } from '../names.ts';
import { ownerOf } from '../owner.ts';
import { quote } from '../text.ts';

/** `absent`: no report API is installed. `foreign`: an object of this name exists that Pullpass did not make. */
type Published = 'written' | 'unchanged' | 'absent' | 'foreign' | 'failed';

export interface ReportPublisher {
  /** Never throws: a failure is one line in the log. */
  publish(report: Report, signal: AbortSignal): Promise<Published>;
}

interface PublisherOptions {
  client: Pick<KubeClient, 'get' | 'patch'>;
  log: Pick<Log, 'info' | 'warn'>;
  /** Namespace of the controller. */
  instance: string;
}

/** Asks for a small answer to writes: a full one would be as large as the report. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

type Live = ApiObject & Partial<Pick<ReportObject, 'summary' | 'results' | 'source'>>;

export function createReportPublisher({ client, log, instance }: PublisherOptions): ReportPublisher {
  /** The last line that was logged: a state that lasts is logged once. */
  let told: string | undefined;
  const tell = (level: 'info' | 'warn', line: string): void => {
    if (told !== line) log[level](line);
    told = line;
  };

  const named = ({ metadata, ...object }: ReportObject): ReportObject => ({
    ...object,
    metadata: { ...metadata, labels: { ...metadata.labels, [LABEL_INSTANCE]: instance } },
  });

  /** Installed report APIs, the preferred one first. Asked each time: it costs two requests, and an API can be added or removed. */
  async function servedKinds(signal: AbortSignal): Promise<ReportObjectKind[]> {
    const served = await Promise.all(
      REPORT_RESOURCES.map(async ({ group, version, resource, kind }) => {
        const list = await undefinedIfGone(
          client.get<{ resources?: { name: string }[] }>(`/apis/${group}/${version}`, { signal }),
        );
        return list?.resources?.some(({ name }) => name === resource) ? [kind] : [];
      }),
    );
    return served.flat();
  }

  /** Server-side apply with `force`: overwrites what other field managers changed in our object, and only in the one that was read. */
  async function apply(object: ReportObject, live: Live | undefined, signal: AbortSignal): Promise<void> {
    const { uid, resourceVersion } = live?.metadata ?? {};
    const body = { ...object, metadata: { ...object.metadata, ...(uid !== undefined && { uid, resourceVersion }) } };
    await client.patch(reportPath(object.kind), 'application/apply-patch+yaml', body, {
      query: { fieldManager: MANAGER, force: true },
      accept: METADATA_ONLY,
      signal,
    });
  }

  /** Empties our object in the less preferred API: dashboards would show its old findings for ever, and a second time. */
  async function empty(kind: ReportObjectKind, signal: AbortSignal): Promise<void> {
    const live = await undefinedIfGone(client.get<Live>(reportPath(kind), { signal }));
    if (
      live !== undefined &&
      ownerOf(live.metadata, instance) === 'report' &&
      !isSame(live, named(emptyReportObject(kind)))
    )
      await apply(named(emptyReportObject(kind)), live, signal);
  }

  async function write(report: Report, signal: AbortSignal): Promise<Published> {
    const [kind, ...others] = await servedKinds(signal);
    if (kind === undefined) {
      tell(
        'info',
        'the audit is not published: the cluster has neither ' +
          `${REPORT_RESOURCES.map(({ resource, group }) => `${resource}.${group}`).join(' nor ')}; ` +
          'install one of the two, or set audit.reportObject to false',
      );
      return 'absent';
    }
    const live = await undefinedIfGone(client.get<Live>(reportPath(kind), { signal }));
    const owner = live === undefined ? 'report' : ownerOf(live.metadata, instance);
    if (owner !== 'report') {
      const whose =
        owner === 'instance'
          ? `is of another installation of Pullpass (controller namespace ${quote(live?.metadata.labels?.[LABEL_INSTANCE] ?? '')})`
          : 'was not made by Pullpass';
      tell(
        'warn',
        `the audit is not published: ${kind} "${REPORT_NAME}" ${whose} and is left alone; delete it to have the audit in its place`,
      );
      return 'foreign';
    }
    const wanted = named(reportObjectOf(report, kind, live));
    const stands = live !== undefined && isSame(live, wanted);
    if (!stands) await apply(wanted, live, signal);
    for (const other of others) await empty(other, signal);
    return stands ? 'unchanged' : 'written';
  }

  return {
    async publish(report, signal) {
      try {
        const published = await write(report, signal);
        if (published === 'written' || published === 'unchanged') told = undefined;
        return published;
      } catch (error) {
        if (!signal.aborted) tell('warn', `the audit could not be published: ${messageOf(error)}`);
        return 'failed';
      }
    },
  };
}

/** Whether the live object already holds what we would write. Metadata that others added is ignored. */
function isSame(live: Live, { summary, results, source, metadata }: ReportObject): boolean {
  return (
    isDeepStrictEqual([live.summary, live.results ?? [], live.source], [summary, results, source]) &&
    Object.entries(metadata.labels).every(([key, value]) => live.metadata.labels?.[key] === value)
  );
}

async function undefinedIfGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
