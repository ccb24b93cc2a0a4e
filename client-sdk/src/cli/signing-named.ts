import type { Session } from './session.ts'
import { UsageError, wholeId } from './usage.ts'

/** The signing that is named by its id, or by the beginning of one that was asked for or decided here. Throws `UsageError`. */
export async function signingNamed({ home }: Session, text: string): Promise<string> {
  const beginning = text.toLowerCase()
  if (!/^[0-9a-f]{4,31}$/.test(beginning)) return wholeId(text)
  const ids = (await home.history()).map(({ signingId }) => signingId)
  const [id, ...others] = new Set(ids.filter((one) => one.startsWith(beginning)))
  if (others.length > 0) throw new UsageError(`${text} is the beginning of several signings: give more of it`)
  return id ?? wholeId(text)
}
