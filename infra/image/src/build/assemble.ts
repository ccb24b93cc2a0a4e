import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { placeOf } from '../debian/cache.ts'
import { unpack } from '../debian/packages.ts'
import { fits, type DebianPackage, type Pins } from '../debian/pins.ts'
import type { Image } from '../eif/image.ts'
import { cmdlineOf, type Profile } from './cmdline.ts'
import { compileInit } from './compile-init.ts'
import { applicationRamdisk, bootRamdisk, libraryNames, moduleNames, type ApplicationFiles } from './ramdisks.ts'
import { nodeBinary, version } from './workspace.ts'

export type Parts = Readonly<{
  /** Of packages that are in the cache. */
  pins: Pins
  /** A folder for what is unpacked on the way. */
  work: string
}> &
  Pick<ApplicationFiles, 'application' | 'command'>

const memory = 1024 * 1024 * 1024

async function unpackInto(name: string, packages: readonly (DebianPackage | string)[], work: string): Promise<string> {
  const folder = join(work, name)
  await unpack(packages.map(placeOf), folder)
  return folder
}

/** The whole image, of pinned packages and the application's files. Same parts, same bytes, wherever it is made. */
export async function assembleImage(parts: Parts, profile: Profile): Promise<Image> {
  const { kernel, runtime, toolchain, libraries } = parts.pins.debian
  const tree = await unpackInto('kernel', kernel, parts.work)
  const init = await compileInit(await unpackInto('toolchain', [...libraries, ...runtime, ...toolchain], parts.work))
  const release = kernel[0].name.replace('linux-image-', '')
  return {
    architecture: 'x86_64',
    defaultMemory: memory,
    defaultCpus: 2,
    kernel: await readFile(join(tree, `boot/vmlinuz-${release}`)),
    cmdline: cmdlineOf(profile),
    metadata: metadataOf(release),
    ramdisks: [
      bootRamdisk({ init, modules: await readModules(tree, release) }),
      applicationRamdisk(await collectApplication(parts)),
    ],
  }
}

async function readModules(tree: string, release: string): Promise<Record<string, Buffer>> {
  const entries = moduleNames.map(async (name) => {
    const path = join(tree, `usr/lib/modules/${release}/kernel/${name}.ko.xz`)
    return [path.slice(path.lastIndexOf('/') + 1), await readFile(path)] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

/** What the application's root is made of. Throws when npm brought another Node than the pinned one. */
export async function collectApplication(parts: Parts): Promise<ApplicationFiles> {
  const { pins, work, application, command } = parts
  const tree = await unpackInto('runtime', pins.debian.runtime, work)
  const at = (name: string): string => join(tree, 'usr/lib/x86_64-linux-gnu', name)
  const node = await readFile(nodeBinary(pins.node.package))
  if (!fits(node, pins.node.sha256)) throw new Error(`${pins.node.package} is not the pinned ${pins.node.version}`)
  const libraries = libraryNames.map(async (name) => [name, await readFile(at(name))] as const)
  const loader = await readFile(at('ld-linux-x86-64.so.2'))
  return { node, loader, libraries: Object.fromEntries(await Promise.all(libraries)), application, command }
}

/** For `nitro-cli describe-eif`. The time is none, or no two builds would be the same file. */
const metadataOf = (release: string): Image['metadata'] => ({
  ImageName: 'quorate',
  ImageVersion: version,
  BuildMetadata: {
    BuildTime: '1970-01-01T00:00:00.000000+00:00',
    BuildTool: 'quorate',
    BuildToolVersion: version,
    OperatingSystem: 'Debian 13',
    KernelVersion: release,
  },
  DockerInfo: {},
  CustomMetadata: {},
})
