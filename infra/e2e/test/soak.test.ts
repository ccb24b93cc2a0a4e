import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { summary } from '../src/soak/report.ts'
import { short } from '../src/soak/settings.ts'
import { soak } from '../src/soak/soak.ts'

const long = 1_200_000
const say = (line: string) => void process.stdout.write(`${line}\n`)

it(
  'loses nothing, leaves nothing open and gets nothing wrong in a minute of kills and freezes',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'quorate-soak-'))
    const outcome = await soak({ ...short, seed: 'one minute' }, { state: join(folder, 'state'), say })
    for (const line of summary(outcome)) say(line)
    expect(outcome.verdict, `logs and database: ${folder}`).toEqual({ lost: [], stuck: [], wrong: [] })
    expect(outcome.disrupted.kill).toBeGreaterThan(0)
    expect(outcome.disrupted.freeze).toBeGreaterThan(0)
    rmSync(folder, { recursive: true })
  },
  long,
)
