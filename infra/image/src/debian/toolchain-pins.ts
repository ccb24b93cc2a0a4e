import { readFileSync } from 'node:fs'
import { inWorkspace } from '../build/workspace.ts'
import type { Newer } from './packages.ts'
import type { DebianPackage } from './pins.ts'

/** The pins of the compiler that makes mpc.wasm, as `shared/mpc/toolchain.sh` reads them. */
export const toolchainFile = inWorkspace('../../shared/mpc/toolchain.sha256')
export const readToolchain = (): string => readFileSync(toolchainFile, 'utf8')

const pin = /^([0-9a-f]{64}) {2}([^_]+)_([^_]+)_([^_]+)\.deb$/

export const toolchainPackages = (text: string): DebianPackage[] =>
  text.split('\n').flatMap((line) => {
    const [, sha256, name, version] = pin.exec(line) ?? []
    if (sha256 === undefined || name === undefined || version === undefined) return []
    return [{ name, version: version.replace('%3a', ':'), sha256 }]
  })

export const toolchainLibraries = (text: string): string[] =>
  (/^# libraries (.*)$/m.exec(text)?.[1] ?? '').split(' ').filter((name) => name !== '')

/** The same file with other versions. With none of them it is the same text, for its digest is among the sources of mpc.wasm. */
export function moveToolchain(text: string, newer: readonly Newer[], snapshot: string): string {
  if (newer.length === 0) return text
  const lines = text.split('\n').map((line) => {
    const [, , name, , architecture] = pin.exec(line) ?? []
    const taken = newer.find(({ pinned }) => pinned.name === name)?.taken
    if (taken === undefined || architecture === undefined) return line
    return `${taken.sha256}  ${taken.name}_${taken.version.replace(':', '%3a')}_${architecture}.deb`
  })
  return lines.join('\n').replace(/^# snapshot .*$/m, `# snapshot ${snapshot}`)
}
