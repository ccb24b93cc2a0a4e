import { fileURLToPath } from 'node:url'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { drawPicture, type Picture } from '../src/demo/picture.ts'
import { occurrences } from '../src/demo/occurrences.ts'
import { openStage } from '../src/demo/stage.ts'

/** As `make demo` runs it: what others have built is read as it is. */
const built = fileURLToPath(new URL('../dist/src/demo/main.js', import.meta.url))

describe('the tour', () => {
  it('ends well, in plain text where no terminal is', { timeout: 120_000 }, async () => {
    const env = { ...process.env, FORCE_COLOR: '' }
    const { stdout } = await promisify(execFile)(process.execPath, [built], { env })
    expect(stdout).toMatch(/13 of 13 signatures verified independently/)
    expect(stdout).toMatch(/without any approval: refused, consent\.missing/)
    expect(stdout).not.toContain('\u001b')
    expect(stdout).not.toContain('✗ the ')
  })
})

describe('the search for secrets', () => {
  const secret = randomBytes(32)
  const around = (before: number, text: Buffer) => Buffer.concat([randomBytes(before), text, randomBytes(7)])

  it.each([0, 1, 2, 3])('finds a secret in every form, %i bytes into something larger', (shift) => {
    const larger = Buffer.concat([Buffer.alloc(shift, 1), secret, Buffer.alloc(5, 2)])
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(occurrences([around(3, Buffer.from(larger.toString(encoding)))], [secret])).toBeGreaterThan(0)
    expect(occurrences([around(shift, secret)], [secret])).toBe(1)
  })

  it('finds nothing where nothing is', () => {
    expect(occurrences([randomBytes(100_000)], [secret, randomBytes(64)])).toBe(0)
  })
})

describe('the stage', () => {
  const people = ['alice', 'bob', 'carol']
  const enclaves = ['enclave-0', 'enclave-1', 'enclave-2']

  it('takes back every live line that it has drawn on a terminal', async () => {
    let written = ''
    const output = { write: (text: string) => (written += text), isTTY: true, columns: 100 }
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const stage = openStage(output, people, enclaves)
    await stage.step('A step', () => stage.timed('waiting', () => Promise.resolve(void vi.advanceTimersByTime(250))))
    stage.close()
    vi.useRealTimers()
    const drawn = written.split('\u001b[5A\u001b[J').length - 1
    expect(drawn).toBeGreaterThanOrEqual(2)
    expect(written.match(/[\u2800-\u28ff] waiting/g)).toHaveLength(drawn)
    expect(written.endsWith('\u001b[?25h')).toBe(true)
  })

  it('draws a picture of three lines that fits into 80 columns', () => {
    const picture: Picture = {
      people: people.map((name) => ({ name, note: 'approves' })),
      enclaves: enclaves.map((id) => ({ id, mark: 'attested', note: "carol's share, signed" })),
      gateway: 'ciphertext',
    }
    const lines = drawPicture(picture, 3)
    expect(lines).toHaveLength(3)
    for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(80)
    expect(lines[1]).not.toBe(drawPicture(picture, 4)[1])
  })
})
