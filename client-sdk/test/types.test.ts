import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const top = resolve(import.meta.dirname, '../..')

/** The first program of a page, from this heading on. */
function programOf(page: string, heading: string): string {
  const text = readFileSync(resolve(top, page), 'utf8')
  const [, program] = /```ts\n([^]*?)```/.exec(text.slice(text.indexOf(heading))) ?? []
  if (program === undefined) throw new Error(`${page} has no program below ${heading}`)
  return program
}

/** Whoever has an option that may be undefined can hand it on as it is. */
const options = `
import type * as sdk from '@quorate/client'
import type * as bunkers from '@quorate/client/bunker'
type OptionalOf<T> = { [K in keyof T as {} extends Pick<T, K> ? K : never]: T[K] }
type Loose<T> = { [K in keyof T]?: T[K] | undefined }
type Last<F> = F extends (...given: infer P) => unknown ? (Required<P> extends [...unknown[], infer L] ? L : never) : never
type Methods<T> = { [K in keyof T]: Last<T[K]> }[keyof T]
type HandsOn<T> = T extends object ? (Loose<OptionalOf<T>> extends Partial<T> ? true : T) : true
const all: [
  HandsOn<sdk.QuorateOptions>,
  HandsOn<sdk.ReserveOptions>,
  HandsOn<sdk.CompletionOptions>,
  HandsOn<sdk.WaitOptions>,
  HandsOn<sdk.BunkerOptions>,
  HandsOn<bunkers.ProofOptions>,
  HandsOn<bunkers.Terms>,
  HandsOn<sdk.AskingTimes>,
  HandsOn<sdk.Wording>,
  HandsOn<sdk.GrantTerms>,
  HandsOn<sdk.WholeKey>,
  HandsOn<sdk.Wish>,
  HandsOn<Last<sdk.Participant['reserveKey']>>,
  HandsOn<Last<sdk.Participant['dealKey']>>,
  HandsOn<Last<sdk.Participant['participate']>>,
  HandsOn<Last<sdk.Participant['resumeKey']>>,
  HandsOn<Last<sdk.Participant['requestRefresh']>>,
  HandsOn<Last<sdk.Participant['refreshKey']>>,
  HandsOn<Last<sdk.Participant['requestSignature']>>,
  HandsOn<Last<sdk.Participant['requestSignatures']>>,
  HandsOn<Last<sdk.Participant['pendingSignings']>>,
  HandsOn<Last<sdk.Participant['watchPending']>>,
  HandsOn<Last<sdk.Participant['decide']>>,
  HandsOn<Last<sdk.Participant['decideTogether']>>,
  HandsOn<Last<sdk.Participant['createBunker']>>,
  HandsOn<Last<sdk.Participant['bunker']>>,
  HandsOn<Methods<Pick<sdk.Bunker, 'offer' | 'accept' | 'second' | 'waiting' | 'log' | 'approve' | 'verify'>>>,
  HandsOn<Methods<Pick<sdk.Quorate, 'enclaves' | 'latest' | 'readToken' | 'attest'>>>,
] = [${Array.from({ length: 28 }, () => 'true').join(', ')}]
void all
`

/** What a reader sees where a type is defined: `[name, definition]` for each type that a package's entry names. */
function definitionsOf(entry: string): [string, string][] {
  const program = ts.createProgram([resolve(top, entry)], {
    ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, skipLibCheck: true, types: [] },
  })
  const checker = program.getTypeChecker()
  const named = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(resolve(top, entry))!)!)
  return named.flatMap((symbol) => {
    const { declarations = [] } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const types = declarations.filter((node) => ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node))
    return types.map((node): [string, string] => [symbol.name, node.getText()])
  })
}

/** What the compiler of this project says of a program that uses the package as it is packed. */
function complaints(program: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-types-'))
  symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'))
  const compilerOptions = {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noEmit: true },
    ...{ noPropertyAccessFromIndexSignature: true, noImplicitOverride: true, verbatimModuleSyntax: true },
    ...{ target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], module: 'nodenext', types: ['node'] },
    ...{ skipLibCheck: true, preserveSymlinks: true },
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'use.ts'), program)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
  try {
    return execFileSync(process.execPath, [join(top, 'node_modules/typescript/bin/tsc'), '-p', folder], {
      encoding: 'utf8',
    })
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

describe('whoever compiles as strictly as can be', () => {
  it.each([
    ['README.md', '## Ten lines'],
    ['client-sdk/README.md', '## Quick start'],
  ])('has nothing to change in the program of %s', (page, heading) => {
    expect(complaints(programOf(page, heading))).toBe('')
  })

  it('can hand on an option that may be undefined', () => {
    expect(complaints(options)).toBe('')
  })

  it.each(['client-sdk/dist/src/index.d.ts', 'client-sdk/dist/src/bunker/index.d.ts'])(
    'finds each type of %s written out, and no schema that it is made of',
    (entry) => {
      const definitions = definitionsOf(entry)
      expect(definitions.length).toBeGreaterThan(10)
      expect(definitions.filter(([, text]) => /\bz\.\w|RouteReply/.test(text))).toEqual([])
    },
  )

  it('is told of what is wrong', () => {
    const wrong = programOf('README.md', '## Ten lines').replace('threshold: 2', "threshold: 'two'")
    expect(complaints(wrong)).toContain('TS2322')
  })
})
