/** The smallest image that a real client accepts: one layer with one text file. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf } from './images.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

export interface TinyImage {
  readonly manifest: Buffer;
  readonly blobs: readonly Buffer[];
}

export function tinyImage(text: string): TinyImage {
  return imageOf([{ name: 'hello.txt', content: Buffer.from(text), mode: 0o644 }], {});
}

/** One layer with these files. `config`: how it is run, as the image specification calls it. */
export function imageOf(files: readonly TarFile[], config: object): TinyImage {
  return imageOfTar(tarOf(files), config);
}

export function imageOfTar(tar: Buffer, config: object): TinyImage {
  const layer = gzipSync(tar);
  const document = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: digestOf(document), size: document.length },
    layers: [{ mediaType: OCI_LAYER, digest: digestOf(layer), size: layer.length }],
  };
  return { manifest: Buffer.from(JSON.stringify(manifest)), blobs: [document, layer] };
}

/** An OCI image layout, the source of `skopeo copy oci:DIRECTORY:TAG ...`. */
export async function writeLayout(directory: string, tag: string, { manifest, blobs }: TinyImage): Promise<void> {
  const folder = path.join(directory, 'blobs', 'sha256');
  await mkdir(folder, { recursive: true });
  for (const blob of [manifest, ...blobs])
    await writeFile(path.join(folder, digestOf(blob).slice('sha256:'.length)), blob);
  const entry = {
    mediaType: OCI_MANIFEST,
    digest: digestOf(manifest),
    size: manifest.length,
    annotations: { 'org.opencontainers.image.ref.name': tag },
  };
  await writeFile(path.join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  await writeFile(path.join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

export interface TarFile {
  readonly name: string;
  readonly content: Buffer;
  readonly mode: number;
}

/** A ustar archive. */
function tarOf(files: readonly TarFile[]): Buffer {
  return Buffer.concat([...files.flatMap(entryOf), Buffer.alloc(1024)]);
}

function entryOf({ name, content, mode }: TarFile): Buffer[] {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return [header, content, padding];
}
