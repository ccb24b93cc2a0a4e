import { constants, zstdCompressSync } from 'node:zlib'
import { writeCpio, type Entry } from '../cpio/newc.ts'

/** In the order in which init loads them. */
export const moduleNames = [
  'drivers/virtio/virtio_mmio',
  'net/vmw_vsock/vsock',
  'net/vmw_vsock/vmw_vsock_virtio_transport_common',
  'net/vmw_vsock/vmw_vsock_virtio_transport',
  'drivers/misc/nsm',
] as const

/** What Node is linked with, by the name under which the loader looks. */
export const libraryNames = [
  'libatomic.so.1',
  'libc.so.6',
  'libdl.so.2',
  'libgcc_s.so.1',
  'libm.so.6',
  'libpthread.so.0',
  'libstdc++.so.6',
] as const

export type BootFiles = Readonly<{ init: Uint8Array; modules: Readonly<Record<string, Uint8Array>> }>

/** The first ramdisk, PCR1: init, and the drivers as the kernel's package has them (xz, which the kernel unpacks itself). */
export function bootRamdisk({ init, modules }: BootFiles): Buffer {
  const drivers = Object.entries(modules).map(([name, contents]) => file(`modules/${name}`, 0o400, contents))
  const folders = ['dev', 'proc', 'sys', 'rootfs'].map((path) => folder(path))
  return writeCpio([file('init', 0o500, init), ...folders, ...drivers])
}

export type ApplicationFiles = Readonly<{
  node: Uint8Array
  loader: Uint8Array
  libraries: Readonly<Record<string, Uint8Array>>
  /** What lies in /app: the bundle, its WASM, the measured configuration. */
  application: Readonly<Record<string, Uint8Array>>
  /** Arguments of the application, the program first, with its whole path. */
  command: readonly string[]
}>

/** The application's root. Throws on an argument that would not stay one line of the command. */
export function applicationEntries({ node, loader, libraries, application, command }: ApplicationFiles): Entry[] {
  if (command.some((argument) => /^$|\n/.test(argument))) throw new Error('an argument of the command is no line')
  return [
    file('command', 0o444, Buffer.from(command.map((argument) => `${argument}\n`).join(''))),
    ...['dev', 'proc', 'tmp'].map((path) => folder(path)),
    file('usr/bin/node', 0o555, node),
    file('lib64/ld-linux-x86-64.so.2', 0o555, loader),
    ...Object.entries(libraries).map(([name, contents]) => file(`usr/lib/x86_64-linux-gnu/${name}`, 0o444, contents)),
    ...Object.entries(application).map(([name, contents]) => file(`app/${name}`, 0o444, contents)),
  ]
}

/**
 * The second ramdisk, PCR2, which becomes the application's root: all of it below `rootfs`, since the kernel unpacks both
 * into one tree and what lay beside could replace init. Compressed, as whoever launches an enclave must give it four times
 * its file's size in memory; zstd gives the same bytes on every CPU, which zlib's deflate in Node does not.
 */
export function applicationRamdisk(files: ApplicationFiles): Buffer {
  const archive = writeCpio(applicationEntries(files).map((entry) => ({ ...entry, path: `rootfs/${entry.path}` })))
  return zstdCompressSync(archive, {
    pledgedSrcSize: archive.length,
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  })
}

const file = (path: string, mode: number, contents: Uint8Array): Entry => ({ type: 'file', path, mode, contents })
const folder = (path: string): Entry => ({ type: 'directory', path, mode: 0o555 })
