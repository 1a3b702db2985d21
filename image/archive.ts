/** Reads what an OCI archive holds: its digest, and the compressed size of each image. */
import { run } from './run.ts';

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
}
interface Index {
  readonly manifests: readonly Descriptor[];
}
interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export function contentOf(archive: string): { digest: string; images: { platform: string; bytes: number }[] } {
  const read = (name: string): unknown => JSON.parse(run('tar', ['--extract', '--to-stdout', '--file', archive, name]));
  const blob = ({ digest }: Descriptor): unknown => read(`blobs/${digest.replace(':', '/')}`);
  const imagesOf = (descriptor: Descriptor): { platform: string; bytes: number }[] => {
    if (descriptor.mediaType.includes('index')) return (blob(descriptor) as Index).manifests.flatMap(imagesOf);
    const { config, layers } = blob(descriptor) as Manifest;
    const { os, architecture } = blob(config) as { os: string; architecture: string };
    const bytes = [config, ...layers].reduce((sum, { size }) => sum + size, descriptor.size);
    return [{ platform: `${os}/${architecture}`, bytes }];
  };
  const [top] = (read('index.json') as Index).manifests;
  if (top === undefined) throw new Error(`${archive} holds no image`);
  return { digest: top.digest, images: imagesOf(top) };
}
