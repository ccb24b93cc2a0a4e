/** A message on its way. `verb` is NIP-01's first word, such as EVENT; `kind` is that of the event inside, if there is one. */
export type Passing = Readonly<{ from: 'client' | 'relay'; verb: string; kind: number | null; text: string }>

/** What becomes of a message. */
export type Fate = 'pass' | 'swallow' | 'twice' | 'hold'

export type Order = (message: Passing) => Fate

export const passAll: Order = () => 'pass'

const hasKind = (value: unknown): value is { kind: number } =>
  typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'number'

/** Reads what an order may look at. A message that is no JSON passes as one without a verb. */
export function readPassing(from: Passing['from'], text: string): Passing {
  try {
    const message: unknown = JSON.parse(text)
    const parts: readonly unknown[] = Array.isArray(message) ? message : []
    const verb = typeof parts[0] === 'string' ? parts[0] : ''
    return { from, verb, kind: verb === 'EVENT' ? (parts.find(hasKind)?.kind ?? null) : null, text }
  } catch {
    return { from, verb: '', kind: null, text }
  }
}

/** An order for requests and responses of NIP-46 that come from this side; the rest passes. */
export const nip46From =
  (from: Passing['from'], fate: Fate): Order =>
  (message) =>
    message.from === from && message.kind === 24_133 ? fate : 'pass'
