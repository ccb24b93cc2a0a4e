import { Refusal } from '@quorate/shared/errors'

/** No body of the API nests deeper than this. */
const MAX_DEPTH = 32

/**
 * Parses JSON that says each thing once. Throws `request.invalid` for what is not JSON, for an object with the same key
 * twice (two readers could see two requests) and for nesting that no schema has.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal('request.invalid')
  }
  refuseDuplicates(text)
  return value
}

/** Walks over text that is known to be JSON. A level is the set of keys of an object, or null for an array. */
function refuseDuplicates(text: string): void {
  const levels: (Set<string> | null)[] = []
  let awaitsKey = false
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charAt(at)) {
      case '"': {
        const end = endOfString(text, at)
        if (awaitsKey) addKey(levels.at(-1), text.slice(at, end + 1))
        awaitsKey = false
        at = end
        break
      }
      case '{':
      case '[':
        awaitsKey = text[at] === '{'
        if (levels.push(awaitsKey ? new Set() : null) > MAX_DEPTH) throw new Refusal('request.invalid')
        break
      case '}':
      case ']':
        levels.pop()
        awaitsKey = false
        break
      case ',':
        awaitsKey = levels.at(-1) instanceof Set
        break
    }
  }
}

function addKey(keys: Set<string> | null | undefined, quoted: string): void {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
  if (keys?.has(key)) throw new Refusal('request.invalid')
  keys?.add(key)
}

/** `start` is at the opening quote; gives the place of the closing one, before which stands an even run of backslashes. */
function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    let before = end - 1
    while (text[before] === '\\') before -= 1
    if ((end - 1 - before) % 2 === 0) return end
  }
}
