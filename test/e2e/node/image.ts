/** Images for pods: one static program of 150 bytes. No compiler and no network are needed to make it. */
import { imageOf } from '../../sandbox/registry/tiny-image.ts';
import type { TinyImage } from '../../sandbox/registry/tiny-image.ts';

/** Without arguments it ends at once with status 0; with one it waits for ever. */
const X64 = Buffer.from(
  [
    '48833c2401 7507', // cmp qword [rsp], 1; jne wait
    '31ff 6a3c58 0f05', // exit(0)
    '6a2258 0f05 ebf9', // wait: pause(); jmp wait
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

const ADDRESS = 0x400000n;

/** An ELF file: its header, one segment, and the code. */
function elf(code: Buffer): Buffer {
  const header = Buffer.alloc(64 + 56);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(62, 18); // x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(ADDRESS + BigInt(header.length), 24); // where it starts
  header.writeBigUInt64LE(64n, 32); // where the segments are listed
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  const size = BigInt(header.length + code.length);
  header.writeUInt32LE(1, 64); // loaded
  header.writeUInt32LE(5, 68); // read and run
  header.writeBigUInt64LE(ADDRESS, 80);
  header.writeBigUInt64LE(ADDRESS, 88);
  header.writeBigUInt64LE(size, 96);
  header.writeBigUInt64LE(size, 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, code]);
}

/** `note` makes it an image of its own, that no node has. */
export function programImage(note: string, ...args: string[]): TinyImage {
  return imageOf([{ name: 'program', content: elf(X64), mode: 0o755 }], {
    Entrypoint: ['/program'],
    Cmd: args,
    Labels: { note },
  });
}
