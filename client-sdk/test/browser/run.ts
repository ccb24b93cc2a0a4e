import type { Page as Tab } from 'playwright-core'
import type { Page } from './page.ts'

/** Runs one function of the page in this tab. */
export const runIn = <N extends keyof Page>(
  tab: Tab,
  name: N,
  ...given: Parameters<Page[N]>
): Promise<Awaited<ReturnType<Page[N]>>> =>
  tab.evaluate(
    ([called, parameters]) =>
      (globalThis as unknown as { page: Record<string, (...all: unknown[]) => unknown> }).page[called]!(...parameters),
    [name, given] as const,
  ) as Promise<Awaited<ReturnType<Page[N]>>>
