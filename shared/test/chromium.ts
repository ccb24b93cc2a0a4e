import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const executablePath = '/usr/bin/chromium'

/** Whether a browser can be had. One that is missing is told of: `tests` are skipped. */
export function chromiumIsThere(tests: string): boolean {
  const there = existsSync(executablePath)
  if (!there) process.stderr.write(`\n!! ${executablePath} is missing: ${tests} are SKIPPED\n\n`)
  return there
}

/** A real browser, which asks nobody but the pages that a test opens. */
export function openChromium(): Promise<Browser> {
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet]
  return chromium.launch({ executablePath, args })
}
