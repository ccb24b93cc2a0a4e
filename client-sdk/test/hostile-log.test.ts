import { describe, expect, it } from 'vitest'
import { sealLogLine } from '@quorate/shared/crypto/bunker-secrets'
import type { LogRow } from '@quorate/shared/wire/routes/bunker'
import { LogProblem } from '../src/bunker/index.ts'
import { sessionSecretOf } from '../src/key.ts'
import { fleet, gateway, refusedAs, withOwnGateway } from './lying-gateway.ts'
import { connected, noteText, other, v } from './with-bunker.ts'

/* A gateway that lies about what hosts wrote into their logs. */

withOwnGateway()

describe('a log', () => {
  const lying = (change: (rows: LogRow[]) => unknown) => {
    gateway.lies.readLog = async ({ rows }: { rows: LogRow[] }) => ({ rows: await change(rows) })
  }
  const codes = (problems: readonly LogProblem[]) => problems.map(({ code, at, culprits }) => [code, at, culprits])

  /** With a line of each host, 1 to 3, and three more of the first, 4 to 6. */
  async function withLines() {
    const made = await connected({ preset: 'notes' })
    for (let more = 0; more < 3; more += 1) await made.program.ask('ping')
    return made
  }

  it('that leaves out a line is found out by the next, and mended when it comes late', async () => {
    const { bunker, key } = await withLines()
    lying((rows) => rows.filter(({ at }) => at !== 4))
    const page = await bunker.log()
    expect(page.lines.map(({ at }) => at)).toEqual([1, 2, 3, 5, 6])
    expect(codes(page.problems)).toEqual([['log.broken', 5, []]])
    expect(page.problems[0]).toBeInstanceOf(LogProblem)
    const late = gateway.bunkers.rowOf(key.keyId).log.find(({ at }) => at === 4)!
    lying(() => [{ ...late, at: 7 }])
    expect((await bunker.log({ after: page.next })).problems).toEqual([])
  })

  it('that leaves out a line between two pages is found out', async () => {
    const { bunker } = await withLines()
    lying((rows) => rows.slice(0, 4))
    const { next, problems } = await bunker.log()
    expect(problems).toEqual([])
    lying((rows) => rows.slice(1))
    expect(codes((await bunker.log({ after: next })).problems)).toEqual([['log.broken', 6, []]])
  })

  it('with a line that no host wrote says which, and shows the others', async () => {
    const { bunker } = await withLines()
    const stranger = await fleet.stranger('stranger')
    lying(async (rows) => {
      const { entry } = rows[4]!
      return rows.with(4, { ...rows[4]!, entry: await stranger.keys.sign('log-entry', entry.body) })
    })
    const { lines, problems } = await bunker.log()
    expect(codes(problems)).toEqual([
      ['log.forged', 5, []],
      ['log.broken', 6, []],
    ])
    expect(lines.map(({ at }) => at)).toEqual([1, 2, 3, 4, 6])
  })

  it('with a line that a host wrote for others says whose host', async () => {
    const { bunker } = await withLines()
    lying(async (rows) => {
      const { entry } = rows[5]!
      return rows.with(5, { ...rows[5]!, entry: await v(1).sign('log-entry', { ...entry.body, sealed: 'AAAA' }) })
    })
    expect(codes((await bunker.log()).problems)).toEqual([['log.forged', 6, [1]]])
  })

  it('of a host that writes two lines at one place says whose host', async () => {
    const { bunker, key } = await withLines()
    lying(async (rows) => {
      const { body } = rows[4]!.entry
      const line = { event: other, client: other, wish: 'ping', peer: null, code: null, judgements: [], metadata: null }
      const sealed = sealLogLine(sessionSecretOf(key), body, { ...line, outcome: 'answered' } as never)
      return rows.with(4, { ...rows[4]!, entry: await v(1).sign('log-entry', { ...body, sealed }) })
    })
    expect(codes((await bunker.log()).problems)).toEqual([['log.broken', 6, [1]]])
  })

  it('that repeats lines, on a page and on the next, has each once, and a second line in place of one is found out', async () => {
    const { bunker, key } = await withLines()
    lying((rows) => [...rows, ...rows.slice(3).map((row) => ({ ...row, at: row.at + 6 }))])
    const page = await bunker.log()
    expect([page.lines.map(({ at }) => at), page.problems]).toEqual([[1, 2, 3, 4, 5, 6], []])
    lying(() => [{ ...gateway.bunkers.rowOf(key.keyId).log[4]!, at: 13 }])
    const again = await bunker.log({ after: page.next })
    expect([again.lines, again.problems]).toEqual([[], []])
    const { entry } = gateway.bunkers.rowOf(key.keyId).log[4]!
    const second = await v(1).sign('log-entry', { ...entry.body, at: 0 })
    lying(() => [{ at: 14, entry: second, receipts: [] }])
    expect(codes((await bunker.log({ after: again.next })).problems)).toEqual([['log.broken', 14, [1]]])
  })

  it('with receipts of another signing, or of nobody, is told without them', async () => {
    const { bunker, program } = await withLines()
    for (let more = 0; more < 3; more += 1) await program.ask('sign_event', noteText)
    lying((rows) => {
      const [one, two, three] = [7, 10, 13].map((at) => rows.find((row) => row.at === at)!)
      const [first] = one!.receipts
      const changed = { body: { ...first!.body, signedAt: 0 }, signature: first!.signature }
      return rows
        .with(9, { ...two!, receipts: [two!.receipts[0]!, first!] })
        .with(12, { ...three!, receipts: [changed] })
    })
    const { lines, problems } = await bunker.log()
    expect(codes(problems)).toEqual([
      ['log.forged', 10, []],
      ['log.forged', 13, []],
    ])
    expect(lines.filter(({ receipts }) => receipts.length > 0).map(({ at }) => at)).toEqual([7])
  })

  it('that does not go on is refused', async () => {
    const { bunker } = await withLines()
    lying((rows) => [...rows].reverse())
    await expect(bunker.log()).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })
})
