import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Image } from '../eif/image.ts'
import { cmdlineOf, type Profile } from './cmdline.ts'
import { compileInit } from './compile-init.ts'
import { fetchPackages, unpack } from './debian.ts'
import { fits, type Pins } from './pins.ts'
import { applicationRamdisk, bootRamdisk, libraryNames, moduleNames, type ApplicationFiles } from './ramdisks.ts'
import { nodeBinary, version } from './workspace.ts'

export type Parts = Readonly<{
  pins: Pins
  /** A folder that does not exist yet, for what is unpacked on the way. */
  work: string
  profile: Profile
}> &
  Pick<ApplicationFiles, 'application' | 'command'>

const memory = 1024 * 1024 * 1024

/** The whole image, of pinned packages and the application's files. Same parts, same bytes, wherever it is made. */
export async function assembleImage(parts: Parts): Promise<Image> {
  const { pins, profile } = parts
  const { kernel, runtime, toolchain } = pins.debian
  const tree = async (name: string, packages: typeof runtime): Promise<string> => {
    const folder = join(parts.work, name)
    await unpack(await fetchPackages(packages, pins.snapshot), folder)
    return folder
  }
  const kernelTree = await tree('kernel', kernel)
  const runtimeTree = await tree('runtime', runtime)
  const init = await compileInit(await tree('toolchain', [...runtime, ...toolchain]))
  const release = kernel[0].name.replace('linux-image-', '')
  return {
    architecture: 'x86_64',
    defaultMemory: memory,
    defaultCpus: 2,
    kernel: await readFile(join(kernelTree, `boot/vmlinuz-${release}`)),
    cmdline: cmdlineOf(profile),
    metadata: metadataOf(release),
    ramdisks: [
      bootRamdisk({ init, modules: await readModules(kernelTree, release) }),
      applicationRamdisk(await readApplication(parts, runtimeTree)),
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

async function readApplication({ pins, application, command }: Parts, tree: string): Promise<ApplicationFiles> {
  const at = (name: string): string => join(tree, 'usr/lib/x86_64-linux-gnu', name)
  const node = nodeBinary(pins.node.package)
  const binary = await readFile(node)
  if (!fits(binary, pins.node.sha256)) throw new Error(`${node} is not the pinned Node ${pins.node.version}`)
  const libraries = libraryNames.map(async (name) => [name, await readFile(at(name))] as const)
  return {
    node: binary,
    loader: await readFile(at('ld-linux-x86-64.so.2')),
    libraries: Object.fromEntries(await Promise.all(libraries)),
    application,
    command,
  }
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
