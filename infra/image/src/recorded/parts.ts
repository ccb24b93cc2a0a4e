import { zstdDecompressSync } from 'node:zlib'
import { readCpio } from '../cpio/read.ts'
import type { Image } from '../eif/image.ts'

/** A piece of what is measured: the kernel, its command line, or a file of a ramdisk by its path there. */
export type Part = Readonly<{ name: string; contents: Uint8Array }>

/** The files of an image in the order in which they are measured: kernel, command line, `boot/…`, `rootfs/…`. */
export function partsOf({ kernel, cmdline, ramdisks }: Image): Part[] {
  const [boot, application] = ramdisks
  if (boot === undefined || application === undefined) throw new Error('an image of ours has two ramdisks')
  const filesOf = (archive: Uint8Array, below: string): Part[] =>
    readCpio(Buffer.from(archive))
      .filter(({ mode }) => (mode & 0o170000) === 0o100000)
      .map(({ path, contents }) => ({ name: `${below}${path}`, contents }))
  return [
    { name: 'kernel', contents: kernel },
    { name: 'cmdline', contents: Buffer.from(cmdline) },
    ...filesOf(boot, 'boot/'),
    ...filesOf(zstdDecompressSync(application), ''),
  ]
}

/** Those of the second ramdisk that are made of the sources of this repository. */
export const isOfSources = (name: string): boolean => name.startsWith('rootfs/app/')

const names = ['first', 'second'] as const

/** Says of two images which file differs first, and at which byte; or that nothing does, with null. */
export function firstDifference(one: Image, other: Image): string | null {
  // Last the ramdisks as they are measured: their modes and their packing are in no file.
  const packed = ({ ramdisks }: Image): Part[] =>
    ramdisks.map((contents, index) => ({ name: `the ${names[index] ?? ''} ramdisk`, contents }))
  const [mine, theirs] = [one, other].map((image) => [...partsOf(image), ...packed(image)])
  const others = new Map(theirs?.map(({ name, contents }) => [name, contents]))
  for (const { name, contents } of mine ?? []) {
    const second = others.get(name)
    if (second === undefined) return `${name} is in the first only`
    others.delete(name)
    const difference = firstByte(contents, second)
    if (difference !== null) return `${name} ${difference}`
  }
  const [left] = others.keys()
  return left === undefined ? null : `${left} is in the second only`
}

/** As `differs at byte 7: 61 and 62`, counted from 0 and in hex; or null. */
export function firstByte(one: Uint8Array, other: Uint8Array): string | null {
  if (Buffer.compare(one, other) === 0) return null
  let at = 0
  while (at < one.length && one[at] === other[at]) at += 1
  const hex = (byte: number | undefined): string => byte?.toString(16).padStart(2, '0') ?? 'the end'
  return `differs at byte ${at}: ${hex(one[at])} and ${hex(other[at])}`
}
